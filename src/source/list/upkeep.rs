//! Housekeeping of a list: removing what every retained snapshot covers.

use super::holdings::Holdings;
use super::queue::{LastTaker, Queue};
use super::segments::SegmentNames;
use crate::checkpoint::Durable;
use crate::fault_point::kill_point;
use crate::lease::Lease;
use crate::model::{Position, SourceKey, Timestamp};
use crate::redis::Link;
use crate::source::{Lag, SourceError, Upkeep};
use crate::store::Store;

/// Segments removed by one `UNLINK`.
const UNLINK_CHUNK: usize = 500;

/// The housekeeping half.
pub struct ListUpkeep {
    key: SourceKey,
    names: SegmentNames,
    link: Link,
    lease: Lease,
    /// Every item of the segments below is covered.
    keep: u64,
    /// Redis may have come back in an older state, with segments that were removed already.
    look_again: bool,
    /// When something was first seen waiting, and in which segment reading was then.
    waiting: Option<(Timestamp, u64)>,
    holdings: Holdings,
}

impl ListUpkeep {
    pub(super) fn new(
        key: SourceKey,
        names: SegmentNames,
        link: Link,
        lease: Lease,
        holdings: Holdings,
    ) -> Self {
        Self { key, names, link, lease, keep: 0, look_again: false, waiting: None, holdings }
    }

    /// Removes the segments below `keep` that are known: also those that the reading half finds
    /// after the checkpoint that covers them.
    async fn remove_covered(&mut self) -> Result<(), SourceError> {
        let connection = self.link.open().await?;
        if self.look_again && self.keep > 0 {
            let mut existing = self.names.existing(connection).await?;
            self.holdings.separate(&self.names, &mut existing);
            self.holdings.found_again(existing.segments.range(..self.keep).map(|(at, _)| *at));
            self.look_again = false;
        }
        loop {
            let done = self.holdings.below(self.keep, UNLINK_CHUNK);
            if done.is_empty() {
                return Ok(());
            }
            kill_point("unlink-before");
            let keys: Vec<String> = done.iter().map(|number| self.names.key(*number)).collect();
            let () = redis::cmd("UNLINK")
                .arg(keys)
                .query_async(connection)
                .await
                .map_err(|error| self.names.failed("UNLINK", error))?;
            self.holdings.removed(&done);
        }
    }

    /// Looks at the queue; what is missing of it is metered.
    async fn look(&mut self, store: &Store) -> Result<u64, SourceError> {
        let ticket = self.holdings.queue().begin_look();
        let mut look = redis::pipe();
        // Between the two nobody may take the queue.
        look.atomic().cmd("GET").arg(self.names.last_taker()).cmd("LLEN").arg(&self.names.queue);
        let (last_taker, length): (Option<String>, u64) = look
            .query_async(self.link.get()?)
            .await
            .map_err(|error| self.names.failed("LLEN", error))?;
        let last_taker = LastTaker::parse(last_taker.as_deref(), &self.names.identity);
        let lost = ticket
            .map_or(0, |ticket| self.holdings.queue().looked(ticket, Queue { last_taker, length }));
        if lost > 0 {
            store.reposition(&self.key, |_| lost);
            tracing::error!(
                queue = self.names.queue,
                lost,
                "items vanished from the list before they were taken (deleted or evicted); the \
                 state is kept. Set maxmemory-policy noeviction, and let only gateways read the list"
            );
        }
        Ok(length)
    }
}

impl Upkeep for ListUpkeep {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn acknowledge(&mut self, _store: &Store, durable: &Durable) -> Result<(), SourceError> {
        let Some(Position::List(covered)) = durable.position(&self.key) else { return Ok(()) };
        // Below `keep` every item is covered; the segment itself too when nothing of it remains.
        let keep = covered.segment + u64::from(covered.remaining == Some(0));
        self.keep = keep;
        self.remove_covered().await?;
        kill_point("acknowledge-middle");
        if let Some(remaining) = covered.remaining.filter(|remaining| *remaining > 0) {
            let () = redis::cmd("LTRIM")
                .arg(self.names.key(covered.segment))
                .arg(0)
                .arg(remaining - 1)
                .query_async(self.link.get()?)
                .await
                .map_err(|error| self.names.failed("LTRIM", error))?;
            kill_point("trim-done");
        }
        Ok(())
    }

    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError> {
        self.link.open().await?;
        if self.lease.is_valid() {
            self.remove_covered().await?;
        }
        let queued = self.look(store).await?;
        let (segment, remaining) = match store.position(&self.key) {
            Some(Position::List(position)) => (position.segment, position.remaining.unwrap_or(0)),
            _ => (0, 0),
        };
        let entries = queued + remaining + self.holdings.inherited_after(segment);
        let now = Timestamp::now();
        self.waiting = match self.waiting {
            _ if entries == 0 => None,
            // What waited then was renamed into the next segment at the latest.
            Some((_, seen)) if segment > seen + 1 => Some((now, segment)),
            Some(waiting) => Some(waiting),
            None => Some((now, segment)),
        };
        let oldest_milliseconds = self.waiting.map(|(since, _)| since.0);
        Ok(Lag { entries, oldest_milliseconds, pending: 0 })
    }

    fn disconnect(&mut self) {
        self.link.close();
        self.look_again = true;
    }
}
