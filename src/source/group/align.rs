//! Where a group goes on at a new connection, and what became of it and of its stream meanwhile.
//!
//! A group that is gone, or stands before what is applied, delivers entries
//! again. To set its id forward would be wrong: what is applied and not yet in
//! a snapshot must stay pending, or a crash would lose it. So it delivers them
//! again, to us alone, and those up to where the state ends are not applied but
//! treated as pending entries are.

use std::collections::HashSet;
use std::sync::Arc;

use super::{GroupSource, RolledBack};
use crate::model::{GroupPosition, Position, StreamId};
use crate::redis::Error;
use crate::redis::stream_info::{self, GroupInfo, StreamInfo};
use crate::source::SourceError;
use crate::store::Store;

impl GroupSource {
    /// Makes sure that the group exists and that what it delivers fits the state.
    pub(super) async fn ensure_group(&mut self, store: &Store) -> Result<(), SourceError> {
        self.shared.backlog.begin_settling();
        let connection = self.link.get()?;
        let info = stream_info::stream(connection, &self.names.key).await?;
        let groups = stream_info::groups(connection, &self.names.key).await?;
        let group = groups.iter().find(|group| group.name == self.names.group);
        let known = match store.position(&self.key) {
            Some(Position::Group(position)) => Some(position),
            _ => None,
        };
        let last_generated = info.map_or(StreamId::ZERO, |info| info.last_generated);
        self.tail.get_or_insert(last_generated);
        let mut position = known.clone().unwrap_or_default();
        if !self.met_group {
            self.shared.begins_after(position.last);
        }
        let older = last_generated < position.last;
        let gone = known.is_some() && (older || info.is_none());
        self.unmetered += self.shared.backlog.settle(added(info), gone);
        let lost = self.unmetered;
        // Where others consume too, the group's count is not ours.
        let alone = group.filter(|group| group.consumers <= 1);
        let trimmed = position.trimmed_unread;
        let consumed = alone.and_then(|group| group.entries_read).map(|read| read + trimmed);
        self.shared.backlog.set_consumed(consumed);

        match group {
            Some(_) if self.carried_over => {
                self.destroy_group().await?;
                self.create_group(position.last).await?;
            }
            Some(group) if group.last_delivered < position.last => {
                let alone = group.consumers <= 1 && self.is_alone().await?;
                self.rolled_back(group, alone, last_generated, &mut position, lost);
            }
            Some(_) if lost > 0 => tracing::error!(
                source = %self.key, lost,
                "Redis came back in an older state (a replica that lagged): entries that waited in \
                 it are lost; the state is kept. Set appendonly yes"
            ),
            Some(_) => {}
            None => self.remake_group(known.is_some(), older, &mut position, lost).await?,
        }
        if group.is_none() && position.last == StreamId::ZERO {
            // Read from its beginning: consumed is what was removed before.
            let removed = info.unwrap_or_default();
            let removed = removed.entries_added.map(|added| added.saturating_sub(removed.length));
            self.shared.backlog.set_consumed(removed.or(added(info)));
        }
        self.carried_over = false;
        self.met_group = true;
        if known.as_ref() != Some(&position) || lost > 0 {
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::Group(position));
                lost
            });
        }
        self.unmetered = 0;
        Ok(())
    }

    /// Redis came back older than our state: it will deliver again what is applied.
    fn rolled_back(
        &mut self,
        group: &GroupInfo,
        alone: bool,
        last_generated: StreamId,
        position: &mut GroupPosition,
        lost: u64,
    ) {
        tracing::error!(
            source = %self.key, delivered = %group.last_delivered, applied = %position.last, lost,
            consumers = group.consumers,
            "Redis came back in an older state (an old dump, or a replica that lagged); the state \
             is kept. With one consumer nothing counts twice, with several entries may. Set \
             appendonly yes"
        );
        // Above it ids are free for other entries.
        position.last = position.last.min(last_generated);
        Arc::make_mut(&mut position.unacknowledged).truncate_after(last_generated);
        self.rolled_back = Some(RolledBack { until: position.last, alone });
    }

    /// The group is gone, or never was.
    async fn remake_group(
        &mut self,
        known: bool,
        older: bool,
        position: &mut GroupPosition,
        lost: u64,
    ) -> Result<(), SourceError> {
        if !known || self.carried_over {
            return Ok(self.create_group(position.last).await?);
        }
        if !self.met_group {
            self.refuse_unapplied_of_another_group(position).await?;
        }
        tracing::error!(
            source = %self.key, group = self.names.group, position = %position.last, lost,
            "the consumer group is gone (stream wiped or deleted, or group destroyed); the state \
             is kept and the group is made again. Set appendonly yes"
        );
        // It counts anew.
        position.trimmed_unread = 0;
        if older {
            // Another stream: it is read from its beginning.
            *position = GroupPosition::default();
            self.shared.forget_acknowledged();
            return Ok(self.create_group(StreamId::ZERO).await?);
        }
        let unacknowledged = position.unacknowledged.first().map(before);
        match unacknowledged {
            Some(start) if self.is_alone().await? => {
                self.rolled_back = Some(RolledBack { until: position.last, alone: true });
                Ok(self.create_group(start).await?)
            }
            _ => {
                // Nothing is pending in a group that is made anew.
                position.unacknowledged = Arc::default();
                Ok(self.create_group(position.last).await?)
            }
        }
    }

    /// `Stream.Group` changed: what the group before has pending and is not applied would be
    /// missed.
    async fn refuse_unapplied_of_another_group(
        &mut self,
        position: &GroupPosition,
    ) -> Result<(), SourceError> {
        let (key, consumer) = (&self.names.key, &self.names.consumer);
        let connection = self.link.get()?;
        for group in stream_info::groups(connection, key).await? {
            let applied = &position.unacknowledged;
            let name = &group.name;
            if !stream_info::pending_is_applied(connection, key, name, Some(consumer), applied)
                .await?
            {
                return Err(SourceError::ModeChange(format!(
                    "Stream.Group changed from `{name}` to `{}` while consumer `{consumer}` of \
                     `{key}` has pending entries there that are not applied; run with the group \
                     before until it has none, then change",
                    self.names.group
                )));
            }
        }
        Ok(())
    }

    /// Whether no other gateway consumes this group.
    async fn is_alone(&mut self) -> Result<bool, SourceError> {
        let gateways: HashSet<String> = redis::cmd("SMEMBERS")
            .arg(self.names.gateways_key())
            .query_async(self.link.get()?)
            .await
            .map_err(self.names.failed("SMEMBERS"))?;
        Ok(gateways.iter().all(|gateway| *gateway == self.names.consumer))
    }

    async fn create_group(&mut self, after: StreamId) -> Result<(), Error> {
        redis::cmd("XGROUP")
            .arg("CREATE")
            .arg(&self.names.key)
            .arg(&self.names.group)
            .arg(after.to_string())
            .arg("MKSTREAM")
            .query_async(self.link.get()?)
            .await
            // BUSYGROUP too: somebody else made it meanwhile, who knows at which id. Look again.
            .map_err(self.names.failed("XGROUP CREATE"))
    }

    async fn destroy_group(&mut self) -> Result<(), Error> {
        redis::cmd("XGROUP")
            .arg("DESTROY")
            .arg(&self.names.key)
            .arg(&self.names.group)
            .query_async(self.link.get()?)
            .await
            .map_err(self.names.failed("XGROUP DESTROY"))
    }

    /// Meters entries that were trimmed before any consumer of the group was given them:
    /// the stream begins after the last delivered id, and counts more before its first entry
    /// than the group has read.
    pub(super) async fn meter_trimmed_unread(&mut self, store: &Store) -> Result<(), SourceError> {
        let connection = self.link.get()?;
        let key = &self.names.key;
        // The stream first: another gateway that reads and trims in between then shows no loss.
        let info = stream_info::stream(connection, key).await?.unwrap_or_default();
        let groups = stream_info::groups(connection, key).await?;
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
}

/// What a stream counts as added; one that is gone has none.
fn added(info: Option<StreamInfo>) -> Option<u64> {
    info.map_or(Some(0), |info| info.entries_added)
}

/// The highest id below this one.
fn before(id: StreamId) -> StreamId {
    match (id.milliseconds, id.sequence) {
        (0, 0) => id,
        (milliseconds, 0) => StreamId::new(milliseconds - 1, u64::MAX),
        (milliseconds, sequence) => StreamId::new(milliseconds, sequence - 1),
    }
}
