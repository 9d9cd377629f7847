//! Housekeeping of a group: acknowledging what every retained snapshot covers, and trimming.

use super::ledger::{self, Settled};
use super::{Applied, GroupNames, forget};
use crate::checkpoint::Durable;
use crate::fault_point::kill_point;
use crate::model::{IdSet, Position, SourceKey, StreamId};
use crate::redis::{Connector, Link, stream_info};
use crate::source::{Backlog, Lag, SourceError, Upkeep};
use crate::store::Store;

/// Ids acknowledged by one transaction, for which everybody else at that Redis waits some
/// milliseconds.
const ACKNOWLEDGED_AT_ONCE: usize = 10_000;

/// The housekeeping half.
pub struct GroupUpkeep {
    key: SourceKey,
    names: GroupNames,
    trim: bool,
    link: Link,
    applied: Applied,
    backlog: Backlog,
}

impl GroupUpkeep {
    pub(super) fn new(
        connector: Connector,
        names: GroupNames,
        trim: bool,
        applied: Applied,
        backlog: Backlog,
    ) -> Self {
        let link = Link::new(connector, &names.key);
        Self { key: names.source_key(), names, trim, link, applied, backlog }
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
            let some: Vec<StreamId> = left.by_ref().take(ACKNOWLEDGED_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            ledger::acknowledge(connection, &self.names, &some).await?;
            kill_point("acknowledge-middle");
            let acknowledged: IdSet = some.into_iter().collect();
            self.applied.acknowledged(&acknowledged);
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
        let ticket = self.backlog.begin_look();
        let connection = self.link.open().await?;
        let key = &self.names.key;
        let pending = match store.position(&self.key) {
            Some(Position::Group(position)) => position.unacknowledged.len(),
            _ => 0,
        };
        let settled = ledger::settle(connection, &self.names, store, &self.key).await?;
        let groups = stream_info::groups(connection, key).await?;
        let Some(group) = groups.into_iter().find(|group| group.name == self.names.group) else {
            return Ok(Lag { pending, ..Lag::default() });
        };
        let first = stream_info::first_after(connection, key, group.last_delivered).await?;
        let entries = match (first, settled) {
            (None, _) => 0,
            (Some(_), Some(Settled { added, consumed: Some(consumed), .. })) => {
                added.saturating_sub(consumed)
            }
            // Before Redis 7.0, or not known yet.
            (Some(_), _) => {
                let stream = stream_info::stream(connection, key).await?.unwrap_or_default();
                group.lag.unwrap_or(stream.length.saturating_sub(pending)).min(stream.length)
            }
        };
        let claimed_ever = settled.map_or(0, |settled| settled.claimed_ever);
        self.backlog.set(ticket, entries, settled.map(|settled| settled.added), claimed_ever);
        Ok(Lag { entries, oldest_milliseconds: first.map(|id| id.milliseconds), pending })
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}
