//! A checkpoint out of turn, for what must not be forgotten.
//!
//! A source that finds entries missing meters them in the state. Once it has
//! read on, Redis shows no gap any more; so the loss has to be in a snapshot
//! before that, or a crash would forget it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Reading does not wait for longer: where no snapshot can be written, events matter more than
/// the number of those that are gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the checkpointer; clones ask the same one.
#[derive(Clone, Debug)]
pub struct OutOfTurn {
    wanted: Arc<Notify>,
    /// The version of the state that the newest snapshot covers.
    covered: watch::Receiver<u64>,
}

impl OutOfTurn {
    pub(super) fn new(wanted: Arc<Notify>, covered: watch::Receiver<u64>) -> Self {
        Self { wanted, covered }
    }

    /// Waits until a snapshot covers this version of the state; false when that takes too long.
    pub async fn cover(&mut self, version: u64) -> bool {
        let covered = async {
            while *self.covered.borrow_and_update() < version {
                self.wanted.notify_one();
                if self.covered.changed().await.is_err() {
                    // No more checkpoints, and soon no more reading.
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, covered).await.unwrap_or(false)
    }
}
