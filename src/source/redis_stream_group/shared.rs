//! What the halves of a group's source share: entries that wait, and ids acknowledged of late.
//!
//! A Redis that comes back in an older state (a dump, a replica that lagged)
//! may have forgotten acknowledgements: entries are pending again that were
//! applied long ago, and that the state no longer lists. Their ids are kept in
//! memory for such a case, those acknowledged last.

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
    acknowledged: Arc<Mutex<IdSet>>,
}

impl GroupShared {
    pub(super) fn acknowledged(&self, ids: &IdSet) {
        let mut acknowledged = self.acknowledged.lock();
        acknowledged.extend(ids);
        acknowledged.keep_highest_runs(MOST_RUNS);
    }

    pub(super) fn was_acknowledged(&self, id: StreamId) -> bool {
        self.acknowledged.lock().contains(id)
    }

    /// The stream was made anew: its ids are no longer those that were.
    pub(super) fn forget_acknowledged(&self) {
        *self.acknowledged.lock() = IdSet::new();
    }
}
