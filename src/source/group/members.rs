//! The gateways of a group, and the groups that this gateway was in.
//!
//! Every gateway registers its consumer's name in a set beside the stream: its
//! pending entries are never claimed by others, because its snapshot may hold
//! them. A gateway whose `Stream.Group` changed finds itself in another group's
//! set: the new group begins where that one was delivered to, so nothing may be
//! pending there any more, and nobody may read on. A name leaves the set when
//! its gateway moves to another group, or is retired.

use std::collections::HashSet;

use redis::RedisError;

use super::{GroupNames, GroupSource, ledger};
use crate::redis::stream_info::{self, GroupInfo};
use crate::redis::{Connection, Error};
use crate::source::SourceError;

/// A consumer that was heard of since then is still reading: a blocked read ends every second.
const READS_ON_MILLISECONDS: u64 = 3_000;

/// The names of the gateways that consume the group.
pub(super) async fn gateways(
    connection: &mut Connection,
    names: &GroupNames,
) -> Result<HashSet<String>, Error> {
    redis::cmd("SMEMBERS")
        .arg(names.gateways_key())
        .query_async(connection)
        .await
        .map_err(names.failed("SMEMBERS"))
}

/// Entries that the gateway was given and has not acknowledged.
pub async fn pending(connection: &mut Connection, names: &GroupNames) -> Result<u64, Error> {
    let pending = stream_info::pending(connection, &names.key, &names.group).await?;
    Ok(pending.by_consumer.get(&names.consumer).copied().unwrap_or(0))
}

/// Takes the gateway out of the group: its consumer, with whatever that has pending, its name, and
/// what it counted.
pub async fn resign(connection: &mut Connection, names: &GroupNames) -> Result<(), Error> {
    let mut command = redis::cmd("XGROUP");
    let () = command
        .arg("DELCONSUMER")
        .arg(&names.key)
        .arg(&names.group)
        .arg(&names.consumer)
        .query_async(connection)
        .await
        .map_err(names.failed("XGROUP DELCONSUMER"))?;
    ledger::forget_name(connection, names).await?;
    forget_name(connection, names).await
}

/// Takes the gateway's name off the list.
async fn forget_name(connection: &mut Connection, names: &GroupNames) -> Result<(), Error> {
    redis::cmd("SREM")
        .arg(names.gateways_key())
        .arg(&names.consumer)
        .query_async(connection)
        .await
        .map_err(names.failed("SREM"))
}

impl GroupSource {
    /// Tells other gateways of the group that our pending entries are not to be claimed.
    pub(super) async fn register(&mut self) -> Result<(), SourceError> {
        let connection = self.link.get()?;
        let result: Result<(), RedisError> = redis::cmd("SADD")
            .arg(self.names.gateways_key())
            .arg(&self.names.consumer)
            .query_async(connection)
            .await;
        match result {
            Ok(()) => self.registered = true,
            // Asked for again at every verification.
            Err(error) if error.code() == Some("OOM") => {
                tracing::warn!(source = %self.key, %error, "Redis is full: not registered as a gateway");
            }
            // Without it others might claim what our snapshot has: better to wait.
            Err(error) if error.code() == Some("WRONGTYPE") => {
                let (key, found) = (self.names.gateways_key(), "key of another type".to_owned());
                return Err(Error::WrongType { key, found, expected: "set" }.into());
            }
            Err(error) => return Err(self.names.failed("SADD")(error).into()),
        }
        Ok(())
    }

    /// Whether another gateway consumes this group, or did and was not retired.
    pub(super) async fn is_shared(&mut self) -> Result<bool, SourceError> {
        let gateways = gateways(self.link.get()?, &self.names).await?;
        Ok(gateways.iter().any(|gateway| *gateway != self.names.consumer))
    }

    /// Other groups of the stream that this gateway consumed. Refused while anybody has entries
    /// pending there or reads on.
    pub(super) async fn groups_left(
        &mut self,
        groups: &[GroupInfo],
    ) -> Result<Vec<GroupInfo>, SourceError> {
        let mut left = Vec::new();
        for group in groups.iter().filter(|group| group.name != self.names.group) {
            let names = GroupNames { group: group.name.clone(), ..self.names.clone() };
            let connection = self.link.get()?;
            let pending = stream_info::pending(connection, &names.key, &names.group).await?;
            let others = gateways(connection, &names).await?;
            let ours = &names.consumer;
            if !others.contains(ours) && !pending.by_consumer.contains_key(ours) {
                continue;
            }
            let holder = pending.by_consumer.keys().next().cloned();
            let reads_on = |consumer: &stream_info::ConsumerInfo| {
                consumer.idle_milliseconds < READS_ON_MILLISECONDS
            };
            let consumers = stream_info::consumers(connection, &names.key, &names.group).await?;
            let reader = consumers.into_iter().find(reads_on).map(|consumer| consumer.name);
            let why = match (holder, reader) {
                (Some(holder), _) => {
                    let count = pending.count;
                    format!("`{holder}` or others have pending entries there ({count})")
                }
                (None, Some(reader)) => format!("`{reader}` still reads there"),
                (None, None) => {
                    left.push(group.clone());
                    continue;
                }
            };
            return Err(SourceError::ModeChange(format!(
                "Stream.Group changed from `{}` to `{}`, but of the consumers of `{}` {why}; the \
                 new group begins where the one before ends: stop every gateway of that group \
                 with SIGTERM (or run it with the group before until nothing is pending), then \
                 change all of them",
                group.name, self.names.group, names.key
            )));
        }
        Ok(left)
    }

    /// Takes our name off the lists of groups that were left.
    pub(super) async fn leave(&mut self, left: &[GroupInfo]) -> Result<(), SourceError> {
        for group in left {
            let names = GroupNames { group: group.name.clone(), ..self.names.clone() };
            forget_name(self.link.get()?, &names).await?;
            tracing::info!(
                source = %self.key, group = self.names.group, before = group.name,
                "Stream.Group changed; the stream is trimmed again when the group before is \
                 removed with XGROUP DESTROY"
            );
        }
        Ok(())
    }
}
