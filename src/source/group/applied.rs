//! Was this entry applied? Asked of what Redis delivers a second time.
//!
//! In the ordinary course there is one answer: the state lists exactly what is
//! applied and not acknowledged, and nothing else is delivered again. A Redis
//! that comes back in an older state (a dump, a replica that lagged) forgets
//! acknowledgements and deliveries, and then it depends on when an entry was
//! applied: by this process, whose latest acknowledgements are remembered one by
//! one; or by an earlier one, which is known up to where the state ended at start
//! (the *floor*). Above the floor an entry that is not listed is new, though its id
//! may be lower than others': two servers may have taken entries at the same time,
//! and only one of them stays.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{IdSet, StreamId};

/// Runs of acknowledged ids that are remembered: some megabytes, and many minutes of a busy stream.
const MOST_RUNS: usize = 200_000;

/// One for both halves of a group's source.
#[derive(Clone, Debug, Default)]
pub(super) struct Applied(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Applied and not acknowledged, when the pending list began to be read.
    unacknowledged: Arc<IdSet>,
    /// Acknowledged by this process of late.
    acknowledged: IdSet,
    /// Up to here `acknowledged` may be incomplete.
    floor: StreamId,
    /// Redis forgot deliveries: entries up to here are delivered again.
    forgotten_to: Option<StreamId>,
}

impl Applied {
    pub(super) fn contains(&self, id: StreamId) -> bool {
        let inner = self.0.lock();
        inner.unacknowledged.contains(id)
            || inner.acknowledged.contains(id)
            || inner.forgotten_to.is_some_and(|until| id <= until.min(inner.floor))
    }

    /// Whether it is applied, and the state expects it to be pending.
    pub(super) fn is_unacknowledged(&self, id: StreamId) -> bool {
        self.0.lock().unacknowledged.contains(id)
    }

    /// The pending list is about to be read.
    pub(super) fn begin_pass(&self, unacknowledged: Arc<IdSet>) {
        self.0.lock().unacknowledged = unacknowledged;
    }

    /// What was expected to be pending and was not met.
    pub(super) fn not_pending(&self, seen: &IdSet) -> IdSet {
        let mut missing = (*self.0.lock().unacknowledged).clone();
        missing.subtract(seen);
        missing
    }

    pub(super) fn acknowledged(&self, ids: &IdSet) {
        let mut inner = self.0.lock();
        inner.acknowledged.extend(ids);
        let dropped = inner.acknowledged.keep_highest_runs(MOST_RUNS).unwrap_or_default();
        inner.floor = inner.floor.max(dropped);
    }

    /// Where the state of an earlier process ended.
    pub(super) fn begins_after(&self, last: StreamId) {
        let mut inner = self.0.lock();
        inner.floor = inner.floor.max(last);
    }

    /// Redis came back in an older state: entries up to here will be delivered again.
    pub(super) fn deliveries_forgotten(&self, until: StreamId) {
        self.0.lock().forgotten_to = Some(until);
    }

    /// Up to where entries are delivered again.
    pub(super) fn forgotten_to(&self) -> Option<StreamId> {
        self.0.lock().forgotten_to
    }

    /// All of them were delivered again.
    pub(super) fn deliveries_are_known(&self) {
        self.0.lock().forgotten_to = None;
    }

    /// The stream was made anew: its ids are no longer those that were.
    pub(super) fn forget(&self) {
        *self.0.lock() = Inner::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(milliseconds: u64) -> StreamId {
        StreamId::new(milliseconds, 0)
    }

    #[test]
    fn what_redis_forgot_is_told_from_what_is_new() {
        let applied = Applied::default();
        applied.begins_after(id(5));
        applied.begin_pass(Arc::new([id(8)].into_iter().collect()));
        applied.acknowledged(&[id(7)].into_iter().collect());
        let known = |ids: [u64; 6]| ids.map(|number| applied.contains(id(number)));
        assert_eq!(
            known([3, 5, 6, 7, 8, 9]),
            [false, false, false, true, true, false],
            "an entry that was delivered and never seen may lie below all of them"
        );
        applied.deliveries_forgotten(id(9));
        assert_eq!(
            known([3, 5, 6, 7, 8, 9]),
            [true, true, false, true, true, false],
            "up to the floor all is applied; above it, what is not listed is another server's"
        );
        applied.deliveries_forgotten(id(4));
        assert_eq!(known([3, 5, 6, 7, 8, 9]), [true, false, false, true, true, false]);
    }

    #[test]
    fn what_is_no_longer_remembered_raises_the_floor() {
        let applied = Applied::default();
        applied.acknowledged(&[id(4), id(7)].into_iter().collect());
        applied.deliveries_forgotten(id(u64::MAX));
        assert!(!applied.contains(id(3)));
        // One run each.
        applied.acknowledged(&(10..10 + MOST_RUNS as u64).map(id).collect());
        assert!(applied.contains(id(3)) && applied.contains(id(7)));
        assert!(!applied.contains(id(8)));
        applied.forget();
        assert!(!applied.contains(id(3)));
    }
}
