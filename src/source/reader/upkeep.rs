//! Housekeeping of a stream read alone: trimming, and the group that shows its lag.

use crate::checkpoint::Durable;
use crate::fault_point::kill_point;
use crate::model::{Position, SourceKey, SourceKind, StreamId};
use crate::redis::stream_info::{self, GroupInfo};
use crate::redis::{Connector, Link};
use crate::source::{Backlog, Lag, SourceError, Upkeep};
use crate::store::Store;

/// The housekeeping half.
pub struct ReaderUpkeep {
    key: SourceKey,
    group: String,
    trim: bool,
    link: Link,
    backlog: Backlog,
    /// It was said that the group is somebody else's.
    told: bool,
}

impl ReaderUpkeep {
    pub(super) fn new(
        connector: Connector,
        key: &str,
        group: &str,
        trim: bool,
        backlog: Backlog,
    ) -> Self {
        Self {
            key: SourceKey { kind: SourceKind::Reader, key: key.to_owned() },
            group: group.to_owned(),
            trim,
            link: Link::new(connector, key),
            backlog,
            told: false,
        }
    }

    /// Moves the advisory group to the position, making it if need be. What is durable, not what is
    /// applied: where the group is, the stream is known to be one whose entries a snapshot covers.
    /// A group of that name which has consumers is somebody else's, and stays where it is.
    async fn show_lag(&mut self, last: StreamId, consumed: Option<u64>) -> Result<(), SourceError> {
        let groups = stream_info::groups(self.link.get()?, &self.key.key).await?;
        let of_others = |group: &GroupInfo| group.name == self.group && group.consumers > 0;
        if groups.iter().any(of_others) {
            if !std::mem::replace(&mut self.told, true) {
                tracing::warn!(
                    source = %self.key, group = self.group,
                    "the group that was to show the lag has consumers of its own; it is left \
                     alone, and entries that it has not read are not trimmed. Choose another \
                     Stream.Group"
                );
            }
            return Ok(());
        }
        for verb in ["SETID", "CREATE"] {
            let mut command = redis::cmd("XGROUP");
            command.arg(verb).arg(&self.key.key).arg(&self.group).arg(last.to_string());
            if let Some(consumed) = consumed {
                command.arg("ENTRIESREAD").arg(consumed);
            }
            match command.query_async::<()>(self.link.get()?).await {
                Err(error) if error.code() == Some("NOGROUP") && verb == "SETID" => {}
                Err(error) => {
                    // Mostly a gauge for other tools: at maxmemory it cannot be made.
                    tracing::debug!(source = %self.key, %error, "the advisory group was not moved");
                    return Ok(());
                }
                Ok(()) => return Ok(()),
            }
        }
        Ok(())
    }
}

impl Upkeep for ReaderUpkeep {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn acknowledge(&mut self, store: &Store, durable: &Durable) -> Result<(), SourceError> {
        let Some(Position::Reader(covered)) = durable.position(&self.key) else { return Ok(()) };
        // After a wipe or a rollback the covered position may be one of a stream that is gone, which
        // the store knows, or is about to: such a stream is neither marked nor trimmed.
        let same_stream = matches!(
            store.position(&self.key),
            Some(Position::Reader(applied)) if applied.last >= covered.last
        );
        let connection = self.link.open().await?;
        let stream = stream_info::stream(connection, &self.key.key).await?;
        let Some(stream) = stream.filter(|stream| stream.last_generated >= covered.last) else {
            return Ok(());
        };
        if !same_stream {
            return Ok(());
        }
        // Only a Redis that counts entries knows the option for it. From a stream that was not there
        // yet we counted ourselves.
        let consumed = stream.entries_added.and(covered.entries_consumed);
        self.show_lag(covered.last, consumed).await?;
        kill_point("acknowledge-middle");
        if self.trim && covered.last > StreamId::ZERO {
            let connection = self.link.get()?;
            let needed =
                stream_info::needed_by_groups(connection, &self.key.key, Some(&self.group)).await?;
            let lowest = needed.map_or(covered.last, |needed| needed.min(covered.last));
            stream_info::trim(connection, &self.key.key, lowest).await?;
            kill_point("trim-done");
        }
        Ok(())
    }

    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError> {
        let ticket = self.backlog.begin_look();
        let connection = self.link.open().await?;
        let Some(info) = stream_info::stream(connection, &self.key.key).await? else {
            return Ok(Lag::default());
        };
        // Read the position after the stream's end: it can only have come closer since.
        let Some(Position::Reader(position)) = store.position(&self.key) else {
            return Ok(Lag { entries: info.length, ..Lag::default() });
        };
        if position.last >= info.last_generated {
            self.backlog.set(ticket, 0, info.entries_added, 0);
            return Ok(Lag::default());
        }
        let entries = match (info.entries_added, position.entries_consumed) {
            (Some(added), Some(consumed)) => added.saturating_sub(consumed),
            _ => info.length,
        };
        self.backlog.set(ticket, entries, info.entries_added, 0);
        let first = stream_info::first_after(connection, &self.key.key, position.last).await?;
        Ok(Lag { entries, oldest_milliseconds: first.map(|id| id.milliseconds), pending: 0 })
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}
