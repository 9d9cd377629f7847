//! Taking over what consumers that are no gateway left pending.
//!
//! A consumer that died with entries pending would keep them forever. Those of
//! another gateway (see `members`) are never taken: its snapshot may hold them
//! already.

use super::{GroupSource, members};
use crate::model::Position;
use crate::redis::stream_info;
use crate::source::SourceError;
use crate::store::Store;

/// Entries claimed from one consumer at a time.
const CLAIM_CHUNK: usize = 1000;

impl GroupSource {
    /// Whether the pending list holds more than what is known to be applied, claims included.
    pub(super) async fn pending_unknown(&mut self, store: &Store) -> Result<bool, SourceError> {
        let Some(Position::Group(position)) = store.position(&self.key) else { return Ok(true) };
        let known = position.unacknowledged.len();
        let connection = self.link.get()?;
        let pending = stream_info::pending(connection, &self.names.key, &self.names.group).await?;
        let ours = pending.by_consumer.get(&self.names.consumer).copied().unwrap_or(0);
        let foreign: Vec<String> = pending
            .by_consumer
            .into_keys()
            .filter(|consumer| *consumer != self.names.consumer)
            .collect();
        let claimed = match foreign.is_empty() || self.leftovers_only {
            true => 0,
            false => self.claim(foreign).await?,
        };
        Ok(claimed > 0 || ours > known)
    }

    /// Takes entries that consumers which are no gateway left pending for too long.
    async fn claim(&mut self, consumers: Vec<String>) -> Result<usize, SourceError> {
        let connection = self.link.get()?;
        let gateways = members::gateways(connection, &self.names).await?;
        let idle_milliseconds = self.claim_idle.as_millis() as u64;
        let mut claimed = 0;
        for consumer in consumers.iter().filter(|consumer| !gateways.contains(*consumer)) {
            let pending: Vec<(String, String, u64, u64)> = redis::cmd("XPENDING")
                .arg(&self.names.key)
                .arg(&self.names.group)
                .arg("IDLE")
                .arg(idle_milliseconds)
                .arg("-")
                .arg("+")
                .arg(CLAIM_CHUNK)
                .arg(consumer)
                .query_async(connection)
                .await
                .map_err(self.names.failed("XPENDING"))?;
            if pending.is_empty() {
                continue;
            }
            let ids: Vec<String> = pending.into_iter().map(|(id, ..)| id).collect();
            let taken: Vec<String> = redis::cmd("XCLAIM")
                .arg(&self.names.key)
                .arg(&self.names.group)
                .arg(&self.names.consumer)
                .arg(idle_milliseconds)
                .arg(ids)
                .arg("JUSTID")
                .query_async(connection)
                .await
                .map_err(self.names.failed("XCLAIM"))?;
            tracing::info!(source = %self.key, consumer, claimed = taken.len(), "claimed entries of an idle consumer");
            claimed += taken.len();
        }
        Ok(claimed)
    }
}
