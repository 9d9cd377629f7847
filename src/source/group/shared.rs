//! What the halves of a group's source share: entries that wait, and ids acknowledged of late.
//!
//! A Redis that comes back in an older state (a dump, a replica that lagged)
//! may have forgotten acknowledgements: entries are pending again that were
//! applied long ago, and that the state no longer lists. Their ids are kept in
//! memory for such a case, those acknowledged last. What an earlier process applied
//! is known up to where the state ended at start (the *floor*): above it an id that
//! is not listed was never applied, also when it lies below the position. (A fork:
//! two servers took entries at the same time, and only one of them stays.)

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::{IdSet, StreamId};
use crate::source::Backlog;

/// Runs of ids that are kept: some megabytes, and many minutes of a busy stream.
const MOST_RUNS: usize = 200_000;

/// One for both halves.
#[derive(Clone, Debug, Default)]
pub struct GroupShared {
    pub(super) backlog: Backlog,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

#[derive(Debug, Default)]
struct Acknowledged {
    ids: IdSet,
    /// Up to here the ids may be incomplete.
    floor: StreamId,
}

impl GroupShared {
    pub(super) fn acknowledged(&self, ids: &IdSet) {
        let mut acknowledged = self.acknowledged.lock();
        acknowledged.ids.extend(ids);
        let dropped = acknowledged.ids.keep_highest_runs(MOST_RUNS).unwrap_or_default();
        acknowledged.floor = acknowledged.floor.max(dropped);
    }

    pub(super) fn was_acknowledged(&self, id: StreamId) -> bool {
        self.acknowledged.lock().ids.contains(id)
    }

    /// Where the state of an earlier process ended.
    pub(super) fn begins_after(&self, last: StreamId) {
        let mut acknowledged = self.acknowledged.lock();
        acknowledged.floor = acknowledged.floor.max(last);
    }

    /// Up to here, what is not listed may have been applied all the same.
    pub(super) fn floor(&self) -> StreamId {
        self.acknowledged.lock().floor
    }

    /// The stream was made anew: its ids are no longer those that were.
    pub(super) fn forget_acknowledged(&self) {
        *self.acknowledged.lock() = Acknowledged::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_the_floor_every_id_that_was_acknowledged_is_listed() {
        let id = |milliseconds| StreamId::new(milliseconds, 0);
        let shared = GroupShared::default();
        shared.begins_after(id(5));
        shared.acknowledged(&[id(4), id(7)].into_iter().collect());
        assert_eq!(shared.floor(), id(5));
        assert!(shared.was_acknowledged(id(7)) && !shared.was_acknowledged(id(6)));
        // One run each.
        shared.acknowledged(&(10..10 + MOST_RUNS as u64).map(id).collect());
        assert_eq!(shared.floor(), id(7), "what is forgotten raises the floor");
        shared.forget_acknowledged();
        assert_eq!(shared.floor(), StreamId::ZERO);
    }
}
