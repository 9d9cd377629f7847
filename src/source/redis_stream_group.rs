//! A stream through a consumer group: `XREADGROUP`, and `XACK` only what is durable.
//!
//! The consumer's name is the gateway's identity. Redis keeps every entry it
//! delivered in the pending entries list until it is acknowledged, and the
//! checkpoint holds exactly which of those are applied. So after any doubt
//! (start, reconnect, time-out, an entry that Redis delivered and nobody saw)
//! the pending list is read again: what the set holds is skipped, the rest is
//! applied. A watermark could not tell them apart.

use std::time::Duration;

use async_trait::async_trait;
use redis::{RedisError, Value};
use tokio::time::Instant;

mod claim;
mod names;
mod upkeep;

pub use names::GroupNames;
pub use upkeep::GroupUpkeep;

use super::page_size::PageSize;
use super::redis_connection::{BLOCK, Connector, Link};
use super::{Backlog, Reading, Source, SourceError, redis_reply, redis_stream_info};
use crate::fault_point::kill_point;
use crate::model::{Advance, Body, IdSet, Locator, Position, RawEntry, SourceKey, StreamId};
use crate::store::Store;

/// How often the pending list is compared with what is known.
const VERIFY_INTERVAL: Duration = Duration::from_secs(5);

/// What to read next.
#[derive(Clone, Debug)]
enum Phase {
    /// Our own pending entries after this id; `seen` are those met so far.
    Pending {
        after: StreamId,
        seen: IdSet,
    },
    New,
}

/// The reading half.
pub struct GroupSource {
    key: SourceKey,
    names: GroupNames,
    link: Link,
    store: Option<Store>,
    page: PageSize,
    claim_idle: Duration,
    phase: Phase,
    /// What was applied and not acknowledged when the pass over the pending list began.
    applied: std::sync::Arc<IdSet>,
    tail: Option<StreamId>,
    /// The tail was reached: from here on reads wait for entries.
    at_tail: bool,
    /// The first pass over the pending list is a replay, after a crash.
    replaying: bool,
    verify_at: Instant,
    registered: bool,
    /// The position comes from reader mode: the group does not stand where the state ends.
    carried_over: bool,
    backlog: Backlog,
}

impl GroupSource {
    /// `crashed`: the state was not written by an orderly shutdown.
    /// `carried_over`: the position is that of a reader; see [`super::mode_change`].
    pub fn new(
        connector: Connector,
        names: GroupNames,
        batch: usize,
        claim_idle: Duration,
        crashed: bool,
        carried_over: bool,
        backlog: Backlog,
    ) -> Self {
        Self {
            key: names.source_key(),
            link: Link::new(connector, &names.key),
            names,
            store: None,
            page: PageSize::new(batch),
            claim_idle,
            phase: Phase::New,
            applied: std::sync::Arc::default(),
            tail: None,
            at_tail: false,
            replaying: crashed,
            verify_at: Instant::now(),
            registered: false,
            carried_over,
            backlog,
        }
    }

    /// Makes sure that the group exists, starting it where our state ends.
    async fn ensure_group(&mut self, store: &Store) -> Result<(), SourceError> {
        let connection = self.link.get()?;
        let info = redis_stream_info::stream(connection, &self.names.key).await?;
        let known = match store.position(&self.key) {
            Some(Position::Group(position)) => Some(position),
            _ => None,
        };
        let groups = redis_stream_info::groups(connection, &self.names.key).await?;
        let mut group = groups.iter().find(|group| group.name == self.names.group);
        if self.carried_over && group.take().is_some() {
            let () = redis::cmd("XGROUP")
                .arg("DESTROY")
                .arg(&self.names.key)
                .arg(&self.names.group)
                .query_async(connection)
                .await
                .map_err(self.names.failed("XGROUP DESTROY"))?;
        }
        self.tail.get_or_insert(info.map_or(StreamId::ZERO, |info| info.last_generated));
        let last_generated = info.map_or(StreamId::ZERO, |info| info.last_generated);
        let mut position = known.clone().unwrap_or_default();
        let mut lost = 0;
        if group.is_none() {
            if known.is_some() && !self.carried_over {
                lost = self.backlog.take();
                tracing::error!(
                    source = %self.key, group = self.names.group, position = %position.last, lost,
                    "the consumer group is gone (stream wiped, or group destroyed); the state is \
                     kept and the group is made again"
                );
                // Nothing is pending in a group that is made anew, and it counts anew.
                position.trimmed_unread = 0;
                position.unacknowledged = std::sync::Arc::default();
            }
            if last_generated < position.last {
                position.last = StreamId::ZERO;
            }
            let () = redis::cmd("XGROUP")
                .arg("CREATE")
                .arg(&self.names.key)
                .arg(&self.names.group)
                .arg(position.last.to_string())
                .arg("MKSTREAM")
                .query_async(connection)
                .await
                .or_else(|error: RedisError| match error.code() {
                    Some("BUSYGROUP") => Ok(()),
                    _ => Err(error),
                })
                .map_err(self.names.failed("XGROUP CREATE"))?;
        }
        self.carried_over = false;
        if let Some(group) = group.filter(|group| group.last_delivered < position.last) {
            self.undo_rollback(group, position.last.min(last_generated)).await?;
        }
        if known.as_ref() != Some(&position) || lost > 0 {
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::Group(position));
                lost
            });
        }
        Ok(())
    }

    /// Redis came back older than our state: it would deliver again what is applied.
    async fn undo_rollback(
        &mut self,
        group: &redis_stream_info::GroupInfo,
        to: StreamId,
    ) -> Result<(), SourceError> {
        tracing::error!(
            source = %self.key, delivered = %group.last_delivered, applied = %to,
            consumers = group.consumers,
            "Redis came back in an older state (an old dump, or a replica that lagged): with one \
             consumer the group is set to what is applied, with several events may count twice. \
             Set appendonly yes"
        );
        if group.consumers > 1 {
            return Ok(());
        }
        let connection = self.link.get()?;
        redis::cmd("XGROUP")
            .arg("SETID")
            .arg(&self.names.key)
            .arg(&self.names.group)
            .arg(to.to_string())
            .query_async(connection)
            .await
            .map_err(self.names.failed("XGROUP SETID"))
    }

    /// Meters entries that were trimmed before any consumer of the group was given them:
    /// the stream begins after the last delivered id, and counts more before its first entry
    /// than the group has read.
    async fn meter_trimmed_unread(&mut self, store: &Store) -> Result<(), SourceError> {
        let connection = self.link.get()?;
        let key = &self.names.key;
        // The stream first: another gateway that reads and trims in between then shows no loss.
        let info = redis_stream_info::stream(connection, key).await?.unwrap_or_default();
        let groups = redis_stream_info::groups(connection, key).await?;
        let group = groups.into_iter().find(|group| group.name == self.names.group);
        let (Some(added), Some(group)) = (info.entries_added, group) else { return Ok(()) };
        let behind = info.first_entry.is_some_and(|first| first > group.last_delivered)
            || (info.length == 0 && info.last_generated > group.last_delivered);
        let (true, Some(read)) = (behind, group.entries_read) else { return Ok(()) };
        let missing = added.saturating_sub(info.length).saturating_sub(read);
        let mut lost = 0;
        store.reposition(&self.key, |stored| {
            if let Some(Position::Group(position)) = stored {
                lost = missing.saturating_sub(position.trimmed_unread);
                position.trimmed_unread = position.trimmed_unread.max(missing);
            }
            lost
        });
        if lost > 0 {
            tracing::error!(
                source = %self.key, lost,
                "the stream was trimmed or deleted ahead of the group; the state is kept. \
                 Let only the gateway trim this stream"
            );
        }
        Ok(())
    }

    async fn read_group(
        &mut self,
        from: &str,
        block: bool,
    ) -> Result<Vec<redis_reply::StreamEntry>, SourceError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.names.group).arg(&self.names.consumer);
        command.arg("COUNT").arg(self.page.get());
        if block {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&self.names.key).arg(from);
        let connection = self.link.get()?;
        let reply: Result<Value, RedisError> = command.query_async(connection).await;
        if reply.as_ref().is_err_and(RedisError::is_timeout) {
            self.page.timed_out();
        }
        let reply = reply.map_err(self.names.failed("XREADGROUP"))?;
        let entries = redis_reply::stream_entries("XREADGROUP", reply, &self.names.key)?;
        self.page.arrived(entries.len() as u64, redis_reply::size_bytes(&entries));
        Ok(entries)
    }

    /// One page of our own pending entries: what is applied is skipped, what was deleted is lost.
    fn pending_page(&mut self, page: Vec<redis_reply::StreamEntry>, mut seen: IdSet) -> Reading {
        let Some((last, _)) = page.last() else {
            self.end_of_pending(seen);
            return Reading::default();
        };
        let after = *last;
        let mut entries = Vec::new();
        let mut ids = IdSet::new();
        let mut lost = IdSet::new();
        for (id, fields) in page {
            seen.insert(id);
            if self.applied.contains(id) {
                continue;
            }
            match fields {
                Some(fields) => {
                    ids.insert(id);
                    let body = Body::Fields(fields);
                    entries.push(RawEntry { locator: Locator::Entry(id), body });
                }
                None => {
                    lost.insert(id);
                }
            }
        }
        kill_point("pending-page");
        self.meter_lost(&lost);
        self.phase = Phase::Pending { after, seen };
        let advance = (!entries.is_empty()).then_some(Advance::Group { ids });
        Reading { entries, advance, replay: self.replaying, ..Reading::default() }
    }

    /// Entries that were deleted while pending: counted, and acknowledged like applied ones.
    fn meter_lost(&self, lost: &IdSet) {
        let (Some(store), false) = (&self.store, lost.is_empty()) else { return };
        tracing::error!(
            source = %self.key, lost = lost.len(), first = ?lost.first(),
            "pending entries were trimmed or deleted before they were read; the state is kept. \
             Let only the gateway trim this stream"
        );
        store.reposition(&self.key, |stored| {
            if let Some(Position::Group(position)) = stored {
                let set = std::sync::Arc::make_mut(&mut position.unacknowledged);
                lost.iter().for_each(|id| {
                    set.insert(id);
                });
            }
            lost.len()
        });
    }

    /// Ids that were applied before the pass and are pending no more have been acknowledged.
    fn end_of_pending(&mut self, seen: IdSet) {
        let mut acknowledged = (*self.applied).clone();
        acknowledged.subtract(&seen);
        if let (Some(store), false) = (&self.store, acknowledged.is_empty()) {
            forget(store, &self.key, &acknowledged);
        }
        self.phase = Phase::New;
        self.replaying = false;
    }
}

/// Drops ids that are acknowledged from the set of those that are not.
fn forget(store: &Store, key: &SourceKey, acknowledged: &IdSet) {
    store.reposition(key, |stored| {
        if let Some(Position::Group(position)) = stored {
            std::sync::Arc::make_mut(&mut position.unacknowledged).subtract(acknowledged);
        }
        0
    });
}

#[async_trait]
impl Source for GroupSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store) -> Result<(), SourceError> {
        self.store = Some(store.clone());
        // Called with a live connection only to verify; after any doubt there is none.
        let fresh = !self.link.is_open();
        if fresh {
            self.link.open().await?;
            self.ensure_group(store).await?;
        }
        if fresh || !self.registered {
            self.register().await?;
        }
        self.meter_trimmed_unread(store).await?;
        if self.pending_unknown(store).await? || fresh {
            self.applied = match store.position(&self.key) {
                Some(Position::Group(position)) => position.unacknowledged,
                _ => std::sync::Arc::default(),
            };
            self.phase = Phase::Pending { after: StreamId::ZERO, seen: IdSet::new() };
        }
        self.verify_at = Instant::now() + VERIFY_INTERVAL;
        Ok(())
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        if let Phase::Pending { after, seen } = &mut self.phase {
            let (after, seen) = (*after, std::mem::take(seen));
            let page = self.read_group(&after.to_string(), false).await?;
            return Ok(self.pending_page(page, seen));
        }
        if Instant::now() >= self.verify_at {
            return Ok(Reading { resume: true, ..Reading::default() });
        }
        let read = self.read_group(">", self.at_tail).await?;
        let Some((last, _)) = read.last() else {
            self.at_tail = true;
            return Ok(Reading { tail_reached: true, ..Reading::default() });
        };
        self.at_tail |= self.tail.is_none_or(|tail| *last >= tail);
        self.backlog.read(read.len() as u64);
        let mut ids = IdSet::new();
        let mut entries = Vec::with_capacity(read.len());
        for (id, fields) in read {
            ids.insert(id);
            let body = Body::Fields(fields.unwrap_or_default());
            entries.push(RawEntry { locator: Locator::Entry(id), body });
        }
        Ok(Reading {
            entries,
            advance: Some(Advance::Group { ids }),
            tail_reached: self.at_tail,
            ..Reading::default()
        })
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}
