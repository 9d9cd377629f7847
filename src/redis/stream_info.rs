//! What Redis says of a stream and its groups: tails, loss, and how far it may be trimmed.

use std::collections::HashMap;

use redis::{FromRedisValue, RedisError, Value};

use super::{Connection, Error, reply};
use crate::model::{IdSet, StreamId};

/// Pending entries looked at by one command.
const PENDING_PAGE: usize = 1000;

/// `XINFO STREAM`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamInfo {
    pub length: u64,
    pub last_generated: StreamId,
    pub first_entry: Option<StreamId>,
    /// Every entry ever added; `None` before Redis 7.0.
    pub entries_added: Option<u64>,
}

/// One group of `XINFO GROUPS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupInfo {
    pub name: String,
    pub pending: u64,
    pub consumers: u64,
    pub last_delivered: StreamId,
    /// `None` before Redis 7.0, and where Redis cannot tell.
    pub lag: Option<u64>,
}

/// One consumer of `XINFO CONSUMERS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerInfo {
    pub name: String,
    /// Since it last asked for anything.
    pub idle_milliseconds: u64,
}

/// The summary of `XPENDING`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingInfo {
    pub count: u64,
    pub lowest: Option<StreamId>,
    pub by_consumer: HashMap<String, u64>,
}

fn is_missing_key(error: &RedisError) -> bool {
    error.to_string().contains("no such key")
}

/// The stream, or `None` when the key does not exist.
pub async fn stream(connection: &mut Connection, key: &str) -> Result<Option<StreamInfo>, Error> {
    let reply: Result<Value, RedisError> =
        redis::cmd("XINFO").arg("STREAM").arg(key).query_async(connection).await;
    let reply = match reply {
        Err(error) if is_missing_key(&error) => return Ok(None),
        Err(error) if error.code() == Some("WRONGTYPE") => {
            let found = "key of another type".to_owned();
            return Err(Error::WrongType { key: key.to_owned(), found, expected: "stream" });
        }
        other => other.map_err(Error::of("XINFO STREAM", key))?,
    };
    let mut info = StreamInfo::default();
    for (name, value) in pairs(reply) {
        match name.as_str() {
            "length" => info.length = number(&value).unwrap_or(0),
            "last-generated-id" => info.last_generated = id(&value).unwrap_or_default(),
            "entries-added" => info.entries_added = number(&value),
            "first-entry" => {
                if let Value::Array(parts) = &value {
                    info.first_entry = parts.first().and_then(id);
                }
            }
            _ => {}
        }
    }
    Ok(Some(info))
}

/// The stream's groups; none when the key does not exist.
pub async fn groups(connection: &mut Connection, key: &str) -> Result<Vec<GroupInfo>, Error> {
    let reply: Result<Value, RedisError> =
        redis::cmd("XINFO").arg("GROUPS").arg(key).query_async(connection).await;
    let reply = match reply {
        Err(error) if is_missing_key(&error) => return Ok(Vec::new()),
        other => other.map_err(Error::of("XINFO GROUPS", key))?,
    };
    let Value::Array(groups) = reply else { return Ok(Vec::new()) };
    let group = |reply| {
        let mut group = GroupInfo::default();
        for (name, value) in pairs(reply) {
            match name.as_str() {
                "name" => group.name = String::from_redis_value(value).unwrap_or_default(),
                "consumers" => group.consumers = number(&value).unwrap_or(0),
                "pending" => group.pending = number(&value).unwrap_or(0),
                "last-delivered-id" => group.last_delivered = id(&value).unwrap_or_default(),
                "lag" => group.lag = number(&value),
                _ => {}
            }
        }
        group
    };
    Ok(groups.into_iter().map(group).collect())
}

/// The group's consumers; none when the key does not exist.
pub async fn consumers(
    connection: &mut Connection,
    key: &str,
    group: &str,
) -> Result<Vec<ConsumerInfo>, Error> {
    let reply: Value = redis::cmd("XINFO")
        .arg("CONSUMERS")
        .arg(key)
        .arg(group)
        .query_async(connection)
        .await
        .map_err(Error::of("XINFO CONSUMERS", key))?;
    let Value::Array(consumers) = reply else { return Ok(Vec::new()) };
    let consumer = |reply| {
        let mut consumer = ConsumerInfo::default();
        for (name, value) in pairs(reply) {
            match name.as_str() {
                "name" => consumer.name = String::from_redis_value(value).unwrap_or_default(),
                "idle" => consumer.idle_milliseconds = number(&value).unwrap_or(0),
                _ => {}
            }
        }
        consumer
    };
    Ok(consumers.into_iter().map(consumer).collect())
}

/// What a group's consumers have been given and not acknowledged.
pub async fn pending(
    connection: &mut Connection,
    key: &str,
    group: &str,
) -> Result<PendingInfo, Error> {
    type Summary = (u64, Option<String>, Option<String>, Option<Vec<(String, u64)>>);
    let (count, lowest, _, consumers): Summary = redis::cmd("XPENDING")
        .arg(key)
        .arg(group)
        .query_async(connection)
        .await
        .map_err(Error::of("XPENDING", key))?;
    Ok(PendingInfo {
        count,
        lowest: lowest.and_then(|id| id.parse().ok()),
        by_consumer: consumers.unwrap_or_default().into_iter().collect(),
    })
}

/// Whether every pending entry of the group, or of one of its consumers, is one of `applied`.
pub async fn pending_is_applied(
    connection: &mut Connection,
    key: &str,
    group: &str,
    consumer: Option<&str>,
    applied: &IdSet,
) -> Result<bool, Error> {
    Ok(pending_unapplied(connection, key, group, consumer, applied, 1).await? == 0)
}

/// How many pending entries are not of `applied`; counted until there are `enough`.
pub async fn pending_unapplied(
    connection: &mut Connection,
    key: &str,
    group: &str,
    consumer: Option<&str>,
    applied: &IdSet,
    enough: usize,
) -> Result<usize, Error> {
    let mut from = "-".to_owned();
    let mut unapplied = 0;
    while unapplied < enough {
        let page: Vec<(String, String, u64, u64)> = redis::cmd("XPENDING")
            .arg(key)
            .arg(group)
            .arg(&from)
            .arg("+")
            .arg(PENDING_PAGE)
            .arg(consumer)
            .query_async(connection)
            .await
            .map_err(Error::of("XPENDING", key))?;
        let Some((last, ..)) = page.last() else { break };
        from = format!("({last}");
        let is_applied = |id: &str| id.parse().is_ok_and(|id| applied.contains(id));
        unapplied += page.iter().filter(|(id, ..)| !is_applied(id)).count();
    }
    Ok(unapplied)
}

/// The lowest id that any group still needs; `None` when no group restricts. A group named
/// `advisory` that nobody consumes does not count.
pub async fn needed_by_groups(
    connection: &mut Connection,
    key: &str,
    advisory: Option<&str>,
) -> Result<Option<StreamId>, Error> {
    let mut needed: Option<StreamId> = None;
    for group in groups(connection, key).await? {
        if Some(group.name.as_str()) == advisory && group.consumers == 0 {
            continue;
        }
        let mut lowest = group.last_delivered;
        if group.pending > 0 {
            let pending = pending(connection, key, &group.name).await?;
            lowest = lowest.min(pending.lowest.unwrap_or(lowest));
        }
        needed = Some(needed.map_or(lowest, |needed| needed.min(lowest)));
    }
    Ok(needed)
}

/// Drops the entries below `lowest`, whole macro nodes at a time; without `LIMIT 0`
/// Redis would drop 10,000 at most, fewer than come in.
pub async fn trim(connection: &mut Connection, key: &str, lowest: StreamId) -> Result<(), Error> {
    redis::cmd("XTRIM")
        .arg(key)
        .arg("MINID")
        .arg("~")
        .arg(lowest.to_string())
        .arg("LIMIT")
        .arg(0)
        .query_async(connection)
        .await
        .map_err(Error::of("XTRIM", key))
}

/// When the first entry after `position` was added.
pub async fn first_after(
    connection: &mut Connection,
    key: &str,
    position: StreamId,
) -> Result<Option<StreamId>, Error> {
    let reply: Value = redis::cmd("XRANGE")
        .arg(key)
        .arg(format!("({position}"))
        .arg("+")
        .arg("COUNT")
        .arg(1)
        .query_async(connection)
        .await
        .map_err(Error::of("XRANGE", key))?;
    let Value::Array(entries) = reply else { return Ok(None) };
    Ok(match entries.first() {
        Some(Value::Array(parts)) => parts.first().and_then(id),
        _ => None,
    })
}

fn pairs(reply: Value) -> impl Iterator<Item = (String, Value)> {
    let values = match reply {
        Value::Array(values) => values,
        _ => Vec::new(),
    };
    let mut values = values.into_iter();
    std::iter::from_fn(move || {
        let name = String::from_redis_value(values.next()?).unwrap_or_default();
        Some((name, values.next()?))
    })
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn id(value: &Value) -> Option<StreamId> {
    match value {
        Value::BulkString(bytes) => reply::stream_id(bytes),
        _ => None,
    }
}
