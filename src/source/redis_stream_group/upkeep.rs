//! Housekeeping of a group: acknowledging what every retained snapshot covers, and trimming.

use async_trait::async_trait;

use super::{GroupNames, forget};
use crate::checkpoint::Durable;
use crate::fault_point::kill_point;
use crate::model::{Position, SourceKey, StreamId};
use crate::source::redis_connection::{Connector, Link};
use crate::source::{Backlog, Lag, SourceError, Upkeep, redis_stream_info};
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
    backlog: Backlog,
}

impl GroupUpkeep {
    pub fn new(connector: Connector, names: GroupNames, trim: bool, backlog: Backlog) -> Self {
        let link = Link::new(connector, &names.key);
        Self { key: names.source_key(), names, trim, link, backlog }
    }
}

#[async_trait]
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
        let ids: Vec<StreamId> = done.iter().collect();
        for round_trip in ids.chunks(ACKNOWLEDGE_ROUND_TRIP) {
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
            forget(store, &self.key, &round_trip.iter().copied().collect());
        }
        if self.trim {
            let needed =
                redis_stream_info::needed_by_groups(connection, &self.names.key, None).await?;
            if let Some(lowest) = needed.filter(|lowest| *lowest > StreamId::ZERO) {
                redis_stream_info::trim(connection, &self.names.key, lowest).await?;
                kill_point("trim-done");
            }
        }
        Ok(())
    }

    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError> {
        let connection = self.link.open().await?;
        let key = &self.names.key;
        let pending = match store.position(&self.key) {
            Some(Position::Group(position)) => position.unacknowledged.len(),
            _ => 0,
        };
        let groups = redis_stream_info::groups(connection, key).await?;
        let Some(group) = groups.into_iter().find(|group| group.name == self.names.group) else {
            return Ok(Lag { pending, ..Lag::default() });
        };
        let first = redis_stream_info::first_after(connection, key, group.last_delivered).await?;
        // Redis' own lag goes on counting entries that were trimmed unread.
        let length =
            redis_stream_info::stream(connection, key).await?.map_or(0, |info| info.length);
        let entries = match (first, group.lag) {
            (None, _) => 0,
            (Some(_), Some(lag)) => lag.min(length),
            (Some(_), None) => length.saturating_sub(pending),
        };
        self.backlog.set(entries);
        Ok(Lag { entries, oldest_milliseconds: first.map(|id| id.milliseconds), pending })
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}
