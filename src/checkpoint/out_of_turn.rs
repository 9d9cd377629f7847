//! A checkpoint out of turn, for what must not be forgotten.
//!
//! Whoever has to know that the state is in a snapshot before going on asks
//! for one here, and need not wait for the interval to pass.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

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

    /// Waits until a snapshot covers this version of the state, however long that takes; for ever
    /// when there are no more checkpoints.
    pub async fn cover(&mut self, version: u64) {
        while *self.covered.borrow_and_update() < version {
            self.wanted.notify_one();
            if self.covered.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
