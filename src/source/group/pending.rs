//! The pass over our own pending entries: what is applied is skipped, the rest is applied.
//!
//! An entry is applied when the state lists it as applied and not acknowledged.
//! One that the state does not list was delivered and never seen, so it is to
//! be applied; but not after a rollback of Redis, which makes entries pending
//! again that were applied *and acknowledged*. Those are acknowledged once more:
//! every retained snapshot covers them, or they would not have been.

use std::sync::Arc;

use super::{GroupSource, Phase, forget, ledger};
use crate::fault_point::kill_point;
use crate::model::{Advance, IdSet, Locator, Position, RawEntry, StreamId};
use crate::redis::reply::StreamEntry;
use crate::source::{Reading, SourceError};

impl GroupSource {
    /// One page of our own pending entries.
    pub(super) async fn pending_page(
        &mut self,
        page: Vec<StreamEntry>,
        mut seen: IdSet,
    ) -> Result<Reading, SourceError> {
        let Some((last, _)) = page.last() else {
            self.end_of_pending(&seen);
            return Ok(Reading::default());
        };
        let after = *last;
        let mut entries = Vec::new();
        let mut ids = IdSet::new();
        let mut lost = IdSet::new();
        let mut again = Vec::new();
        for (id, fields) in page {
            seen.insert(id);
            if self.applied.is_unacknowledged(id) {
                continue;
            }
            if self.applied.contains(id) {
                again.push(id);
                continue;
            }
            match fields {
                Some(body) => {
                    ids.insert(id);
                    entries.push(RawEntry { locator: Locator::Entry(id), body });
                }
                None => {
                    lost.insert(id);
                }
            }
        }
        kill_point("pending-page");
        self.meter_lost(&lost);
        self.acknowledge_again(&again).await?;
        self.phase = Phase::Pending { after, seen };
        let advance = (!entries.is_empty()).then_some(Advance::Group { ids });
        Ok(Reading { entries, advance, replay: self.replaying, ..Reading::default() })
    }

    /// New entries, as a group that was rolled back delivers them: without those that it has
    /// delivered before. After the last of them the pending list tells what is still unknown.
    pub(super) async fn delivered_again(
        &mut self,
        read: Vec<StreamEntry>,
    ) -> Result<Vec<StreamEntry>, SourceError> {
        let Some(until) = self.applied.forgotten_to() else { return Ok(read) };
        let at_end = read.last().is_none_or(|(last, _)| *last > until);
        let known = |id| id <= until && self.applied.contains(id);
        let (again, new): (Vec<_>, Vec<_>) = read.into_iter().partition(|(id, _)| known(*id));
        let unlisted = again.into_iter().map(|(id, _)| id);
        let unlisted: Vec<_> = unlisted.filter(|id| !self.applied.is_unacknowledged(*id)).collect();
        self.acknowledge_again(&unlisted).await?;
        if at_end {
            self.applied.deliveries_are_known();
            self.pass_wanted = true;
        }
        Ok(new)
    }

    /// Acknowledges what an older state of Redis has as pending.
    pub(super) async fn acknowledge_again(&mut self, ids: &[StreamId]) -> Result<(), SourceError> {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(()) };
        tracing::warn!(
            source = %self.key, entries = ids.len(), %first, %last,
            "entries that were applied and acknowledged are pending again: Redis came back in an \
             older state. They are acknowledged once more, and count once"
        );
        let connection = self.link.get()?;
        Ok(ledger::acknowledge(connection, &self.names, ids).await?)
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
                Arc::make_mut(&mut position.unacknowledged).extend(lost);
            }
            lost.len()
        });
    }

    /// Ids that were applied before the pass and are pending no more have been acknowledged;
    /// after a rollback they may only not have been delivered again yet.
    fn end_of_pending(&mut self, seen: &IdSet) {
        let acknowledged = self.applied.not_pending(seen);
        if let (Some(store), None, false) =
            (&self.store, self.applied.forgotten_to(), acknowledged.is_empty())
        {
            self.applied.acknowledged(&acknowledged);
            forget(store, &self.key, &acknowledged);
        }
        self.phase = Phase::New;
        self.replaying = false;
    }
}
