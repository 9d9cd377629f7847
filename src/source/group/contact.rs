//! The first words on a new connection: is the group there, where does it stand, and where to go on.
//!
//! A group that has to be made is made where the state ends, and only when that
//! state is in a snapshot: what is applied is pending nowhere then, and should
//! the process die, the snapshot is all that has it. A group that stands before
//! the state (an older dump, a replica that lagged) delivers entries again, to us
//! like new ones, and those that are applied are skipped (see `applied`).

use std::sync::Arc;
use std::time::Duration;

use super::history::{History, history};
use super::{GroupNames, GroupSource, ledger};
use crate::model::{GroupPosition, Position, StreamId};
use crate::redis::Error;
use crate::redis::stream_info::{self, GroupInfo, StreamInfo};
use crate::source::{Cover, SourceError};
use crate::store::Store;

/// So long other gateways have to say where they stand, before a group that is gone is made again.
const OTHERS_REPORT_WITHIN: Duration = Duration::from_secs(2);

impl GroupSource {
    /// Makes sure that the group exists and that what it delivers fits the state.
    pub(super) async fn contact(
        &mut self,
        store: &Store,
        cover: &mut Cover,
    ) -> Result<(), SourceError> {
        self.backlog.begin_settling();
        let connection = self.link.get()?;
        let stream = stream_info::stream(connection, &self.names.key).await?;
        let groups = stream_info::groups(connection, &self.names.key).await?;
        let known = match store.position(&self.key) {
            Some(Position::Group(position)) => Some(position),
            _ => None,
        };
        let last_generated = stream.map_or(StreamId::ZERO, |stream| stream.last_generated);
        self.tail.get_or_insert(last_generated);
        let mut position = known.clone().unwrap_or_default();
        let mut left = Vec::new();
        if !self.met_group {
            self.applied.begins_after(position.last);
            if known.is_some() {
                left = self.groups_left(&groups).await?;
            }
        }
        let group = groups.into_iter().find(|group| group.name == self.names.group);
        let history = history(known.as_ref(), stream, group.as_ref());
        self.meter_gone(stream, history).await?;
        let lost = self.unmetered;
        self.log(history, &position, group.as_ref(), lost);

        let mut make_after = None;
        match history {
            _ if self.carried_over => {
                if group.is_some() {
                    self.refuse_consumers_of_others().await?;
                }
                make_after = Some(position.last);
            }
            History::Same => {}
            History::New => make_after = Some(StreamId::ZERO),
            History::RolledBack => {
                // Above it ids are free for other entries.
                position.last = position.last.min(last_generated);
                Arc::make_mut(&mut position.unacknowledged).truncate_after(last_generated);
                self.applied.deliveries_forgotten(position.last);
            }
            History::GroupGone => {
                let delivered = left.iter().map(|group| group.last_delivered).max();
                make_after = Some(position.last.max(delivered.unwrap_or_default()));
                // Nothing is pending in a group that is made anew.
                position.unacknowledged = Arc::default();
            }
            History::StreamGone => {
                make_after = Some(StreamId::ZERO);
                let claimed_lost = position.claimed_lost;
                position = GroupPosition { claimed_lost, ..GroupPosition::default() };
                self.applied.forget();
            }
        }
        if known.as_ref() != Some(&position) || lost > 0 {
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::Group(position));
                lost
            });
        }
        self.unmetered = 0;
        if !matches!(history, History::New | History::Same) || self.carried_over || lost > 0 {
            cover.demand(store);
        }
        if let Some(mut after) = make_after {
            cover.given().await?;
            if history == History::GroupGone && self.is_shared().await? {
                after = after.max(self.others_applied(store).await?);
            }
            self.make_group(group.is_some(), after).await?;
        }
        ledger::warn_if_foreign(self.link.get()?, &self.names).await?;
        self.carried_over = false;
        self.met_group = true;
        self.leave(&left).await?;
        let added = stream.and_then(|stream| stream.entries_added);
        self.settle(store, added, group.is_none_or(|group| group.consumers < 2)).await
    }

    /// Meters entries that waited in a history that Redis has forgotten.
    async fn meter_gone(
        &mut self,
        stream: Option<StreamInfo>,
        history: History,
    ) -> Result<(), SourceError> {
        // A stream that is gone has no entries.
        let added = stream.map_or(Some(0), |stream| stream.entries_added);
        let gone = self.backlog.settle(added, history == History::StreamGone);
        if !gone.is_empty() {
            let connection = self.link.get()?;
            self.unmetered +=
                ledger::claim_gone(connection, &self.names, gone.start, gone.end).await?;
        }
        Ok(())
    }

    /// Compares the group's counts; from here on what waits is known exactly, unless others
    /// consume too. `added`: as it was seen at first.
    async fn settle(
        &mut self,
        store: &Store,
        added: Option<u64>,
        alone: bool,
    ) -> Result<(), SourceError> {
        let connection = self.link.get()?;
        let settled = ledger::settle(connection, &self.names, store, &self.key).await?;
        let settled = settled.unwrap_or_default();
        // With fewer it is another stream since, whose counts say nothing of what waited.
        let is_known = alone && added.is_none_or(|added| settled.added >= added);
        self.backlog.set_consumed(settled.consumed.filter(|_| is_known), settled.claimed_ever);
        Ok(())
    }

    fn log(
        &self,
        history: History,
        position: &GroupPosition,
        group: Option<&GroupInfo>,
        lost: u64,
    ) {
        match history {
            _ if self.carried_over => {}
            History::RolledBack => tracing::error!(
                source = %self.key, applied = %position.last, lost,
                delivered = ?group.map(|group| group.last_delivered.to_string()),
                "Redis came back in an older state (an old dump, or a replica that lagged); the \
                 state is kept, and what was applied counts once. Where several gateways share the \
                 group, entries may count twice. Set appendonly yes"
            ),
            History::GroupGone | History::StreamGone => tracing::error!(
                source = %self.key, group = self.names.group, position = %position.last, lost,
                "the consumer group is gone (stream wiped or deleted, group destroyed, or \
                 Stream.Group changed); the state is kept, and the group is made again when a \
                 snapshot has it. Set appendonly yes"
            ),
            History::New | History::Same if lost > 0 => tracing::error!(
                source = %self.key, lost,
                "Redis came back in an older state (a replica that lagged): entries that waited in \
                 it are lost; the state is kept. Set appendonly yes"
            ),
            History::New | History::Same => {}
        }
    }

    /// From reader mode: the group of that name only showed the lag, or it is somebody's.
    async fn refuse_consumers_of_others(&mut self) -> Result<(), SourceError> {
        let GroupNames { key, group, consumer } = &self.names;
        let consumers = stream_info::consumers(self.link.get()?, key, group).await?;
        match consumers.iter().find(|other| other.name != *consumer) {
            None => Ok(()),
            Some(other) => Err(SourceError::ModeChange(format!(
                "Stream.Mode changed from reader to group while group `{group}` of `{key}` has \
                 consumers of its own (`{}`), which would get a part of the entries; choose \
                 another Stream.Group, or remove them with XGROUP DELCONSUMER",
                other.name
            ))),
        }
    }

    /// Makes the group; a new one counts from anew.
    async fn make_group(&mut self, exists: bool, after: StreamId) -> Result<(), Error> {
        let (key, group) = (&self.names.key, &self.names.group);
        let connection = self.link.get()?;
        if exists {
            let mut command = redis::cmd("XGROUP");
            command.arg("DESTROY").arg(key).arg(group);
            let () = command
                .query_async(connection)
                .await
                .map_err(self.names.failed("XGROUP DESTROY"))?;
        }
        ledger::begin_anew(connection, &self.names).await?;
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(key).arg(group).arg(after.to_string()).arg("MKSTREAM");
        // BUSYGROUP too: somebody else made it meanwhile, who knows at which id. Look again.
        command.query_async(connection).await.map_err(self.names.failed("XGROUP CREATE"))
    }

    /// Up to where any gateway of the group has applied entries, as they say themselves.
    async fn others_applied(&mut self, store: &Store) -> Result<StreamId, SourceError> {
        // Says where we stand, as the others do now.
        ledger::settle(self.link.get()?, &self.names, store, &self.key).await?;
        tokio::time::sleep(OTHERS_REPORT_WITHIN).await;
        Ok(ledger::highest_applied(self.link.get()?, &self.names).await?)
    }
}
