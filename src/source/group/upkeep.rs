//! Housekeeping of a group: acknowledging what every retained snapshot covers, and trimming.

use super::{GroupNames, GroupShared, forget};
use crate::checkpoint::Durable;
use crate::fault_point::kill_point;
use crate::model::{IdSet, Position, SourceKey, StreamId};
use crate::redis::stream_info;
use crate::redis::{Connector, Link};
use crate::source::{Lag, SourceError, Upkeep};
use crate::store::Store;

/// Ids acknowledged by one `XACK`, and by one round trip of many.
const ACKNOWLEDGE_CHUNK: usize = 1000;
const ACKNOWLEDGE_ROUND_TRIP: usize = 50_000;

/// The housekeeping half.
pub struct GroupUpkeep {
    key: SourceKey,
    names: GroupNames,
    trim: bool,
    link: Link,
    shared: GroupShared,
}

impl GroupUpkeep {
    pub fn new(connector: Connector, names: GroupNames, trim: bool, shared: GroupShared) -> Self {
        let link = Link::new(connector, &names.key);
        Self { key: names.source_key(), names, trim, link, shared }
    }
}

impl Upkeep for GroupUpkeep {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn acknowledge(&mut self, store: &Store, durable: &Durable) -> Result<(), SourceError> {
        let (Some(Position::Group(covered)), Some(Position::Group(now))) =
            (durable.position(&self.key), store.position(&self.key))
        else {
            return Ok(());
        };
        let connection = self.link.open().await?;
        let done = covered.unacknowledged.intersection(&now.unacknowledged);
        let mut left = done.iter();
        loop {
            // Not all at once: after an outage of the snapshots there may be very many.
            let round_trip: Vec<StreamId> = left.by_ref().take(ACKNOWLEDGE_ROUND_TRIP).collect();
            if round_trip.is_empty() {
                break;
            }
            let mut pipe = redis::pipe();
            for chunk in round_trip.chunks(ACKNOWLEDGE_CHUNK) {
                let command = pipe.cmd("XACK").arg(&self.names.key).arg(&self.names.group);
                for id in chunk {
                    command.arg(id.to_string());
                }
                command.ignore();
            }
            let () = pipe.query_async(connection).await.map_err(self.names.failed("XACK"))?;
            kill_point("acknowledge-middle");
            let acknowledged: IdSet = round_trip.into_iter().collect();
            self.shared.acknowledged(&acknowledged);
            forget(store, &self.key, &acknowledged);
        }
        if self.trim {
            let needed = stream_info::needed_by_groups(connection, &self.names.key, None).await?;
            if let Some(lowest) = needed.filter(|lowest| *lowest > StreamId::ZERO) {
                stream_info::trim(connection, &self.names.key, lowest).await?;
                kill_point("trim-done");
            }
        }
        Ok(())
    }

    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError> {
        let ticket = self.shared.backlog.begin_look();
        let connection = self.link.open().await?;
        let key = &self.names.key;
        let pending = match store.position(&self.key) {
            Some(Position::Group(position)) => position.unacknowledged.len(),
            _ => 0,
        };
        let groups = stream_info::groups(connection, key).await?;
        let Some(group) = groups.into_iter().find(|group| group.name == self.names.group) else {
            return Ok(Lag { pending, ..Lag::default() });
        };
        let first = stream_info::first_after(connection, key, group.last_delivered).await?;
        // Redis' own lag goes on counting entries that were trimmed unread.
        let stream = stream_info::stream(connection, key).await?.unwrap_or_default();
        let entries = match (first, group.lag) {
            (None, _) => 0,
            (Some(_), Some(lag)) => lag.min(stream.length),
            (Some(_), None) => stream.length.saturating_sub(pending),
        };
        self.shared.backlog.set(ticket, entries, stream.entries_added);
        Ok(Lag { entries, oldest_milliseconds: first.map(|id| id.milliseconds), pending })
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}
