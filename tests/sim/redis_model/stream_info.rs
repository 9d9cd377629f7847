//! What Redis tells of streams, groups and pending entries.

use std::collections::BTreeMap;

use super::groups::no_group;
use super::stream::{Group, entry_reply};
use super::streams::{lower_bound, upper_bound};
use super::{Arguments, Outcome, Redis};
use crate::resp::Reply;

impl Redis {
    /// `XINFO STREAM|GROUPS key`
    pub(super) fn info(&self, arguments: &Arguments<'_>) -> Outcome {
        let verb = arguments.text(0).to_uppercase();
        let Some(stream) = self.stream(arguments.bytes(1))? else {
            return Err("ERR no such key".into());
        };
        let id = |id: prom_stream_gateway::model::StreamId| Reply::text(id.to_string());
        let number = |number: u64| Reply::count(number as usize);
        if verb == "STREAM" {
            let entry = |entry: Option<(&_, &_)>| {
                entry.map_or(Reply::Nil, |(id, fields)| entry_reply(*id, fields))
            };
            return Ok(map([
                ("length", Reply::count(stream.entries.len())),
                ("last-generated-id", id(stream.last_id)),
                ("max-deleted-entry-id", id(stream.max_deleted)),
                ("entries-added", number(stream.entries_added)),
                ("recorded-first-entry-id", id(stream.first_id())),
                ("groups", Reply::count(stream.groups.len())),
                ("first-entry", entry(stream.entries.first_key_value())),
                ("last-entry", entry(stream.entries.last_key_value())),
            ]));
        }
        assert_eq!(verb, "GROUPS", "the model knows no other XINFO");
        let groups = stream.groups.iter().map(|(name, group)| {
            map([
                ("name", Reply::text(name.as_str())),
                ("consumers", Reply::count(group.consumers.len())),
                ("pending", Reply::count(group.pending.len())),
                ("last-delivered-id", id(group.last_delivered)),
                ("entries-read", group.entries_read.map_or(Reply::Nil, number)),
                ("lag", stream.lag(group).map_or(Reply::Nil, Reply::Int)),
            ])
        });
        Ok(Reply::Array(groups.collect()))
    }

    /// `XPENDING key group [[IDLE ms] start end count [consumer]]`
    pub(super) fn pending(&self, arguments: &Arguments<'_>) -> Outcome {
        let (key, name) = (arguments.bytes(0), arguments.text(1));
        let group = self.stream(key)?.and_then(|stream| stream.groups.get(name));
        let Some(group) = group else { return Err(no_group(key, name)) };
        if arguments.0.len() == 2 {
            return Ok(summary(group));
        }
        let idle = arguments.number("IDLE").unwrap_or(0) as u64;
        let at = if arguments.has("IDLE") { 4 } else { 2 };
        let bounds = (lower_bound(arguments.text(at)), upper_bound(arguments.text(at + 1)));
        let count: usize = arguments.text(at + 2).parse().expect("a number");
        let consumer = arguments.0.get(at + 3).map(|_| arguments.text(at + 3));
        let pending = group.pending.range(bounds).filter_map(|(id, pending)| {
            let idle_ms = self.now_ms.saturating_sub(pending.delivered_ms);
            let wanted = idle_ms >= idle && consumer.is_none_or(|name| name == pending.consumer);
            wanted.then(|| {
                Reply::Array(vec![
                    Reply::text(id.to_string()),
                    Reply::text(pending.consumer.as_str()),
                    Reply::count(idle_ms as usize),
                    Reply::count(pending.deliveries as usize),
                ])
            })
        });
        Ok(Reply::Array(pending.take(count).collect()))
    }
}

fn summary(group: &Group) -> Reply {
    let (Some((lowest, _)), Some((highest, _))) =
        (group.pending.first_key_value(), group.pending.last_key_value())
    else {
        return Reply::Array(vec![Reply::Int(0), Reply::Nil, Reply::Nil, Reply::NilArray]);
    };
    let mut by_consumer: BTreeMap<&str, usize> = BTreeMap::new();
    for pending in group.pending.values() {
        *by_consumer.entry(&pending.consumer).or_default() += 1;
    }
    let consumers = by_consumer
        .into_iter()
        .map(|(name, count)| Reply::Array(vec![Reply::text(name), Reply::text(count.to_string())]));
    Reply::Array(vec![
        Reply::count(group.pending.len()),
        Reply::text(lowest.to_string()),
        Reply::text(highest.to_string()),
        Reply::Array(consumers.collect()),
    ])
}

fn map<const N: usize>(fields: [(&str, Reply); N]) -> Reply {
    Reply::Array(fields.into_iter().flat_map(|(name, value)| [Reply::text(name), value]).collect())
}
