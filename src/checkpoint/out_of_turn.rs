//! A checkpoint out of turn, for what must not be forgotten.
//!
//! A source that finds that Redis is not what it was, or that entries are
//! missing, reads on only when the state is in a snapshot: what was applied since
//! is in Redis no more. A page waits for what its state decided on a first-come
//! basis: a replay may decide it otherwise, and what was seen would be gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How long one attempt waits: half of what Prometheus waits for a page, unless it is told
/// otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the checkpointer; clones ask the same one.
#[derive(Clone, Debug)]
pub struct OutOfTurn {
    wanted: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    /// One more than the attempts that had ended when a page was given up; 0: none was.
    given_up: Arc<AtomicU64>,
}

/// How far this process' checkpoints have come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// The version of the state that the newest snapshot covers.
    pub(crate) covered: u64,
    /// Attempts, whatever becomes of them.
    pub(crate) begun: u64,
    /// Attempts that succeeded or failed.
    pub(crate) ended: u64,
}

impl OutOfTurn {
    pub(crate) fn new(wanted: Arc<Notify>, progress: watch::Receiver<Progress>) -> Self {
        Self { wanted, progress, given_up: Arc::default() }
    }

    /// Waits until a snapshot covers this version of the state; false when that takes too long.
    pub async fn cover(&mut self, version: u64) -> bool {
        self.wait(version, PATIENCE, |_| false).await
    }

    /// As `cover`, for a page: false also when an attempt that began after this call has failed,
    /// and at once while none has ended since another page was given up.
    pub async fn cover_page(&mut self, version: u64) -> bool {
        let Progress { covered, begun, ended } = *self.progress.borrow();
        if covered >= version {
            return true;
        }
        if self.given_up.load(Ordering::Relaxed) == ended + 1 {
            return false;
        }
        let failed = move |now: &Progress| now.ended > begun;
        let is_covered = self.wait(version, PATIENCE, failed).await;
        if !is_covered {
            let ended = self.progress.borrow().ended;
            self.given_up.store(ended + 1, Ordering::Relaxed);
        }
        is_covered
    }

    async fn wait(
        &mut self,
        version: u64,
        patience: Duration,
        is_vain: impl Fn(&Progress) -> bool,
    ) -> bool {
        if self.progress.borrow_and_update().covered >= version {
            return true;
        }
        // Where an attempt is in flight, the next one begins when it has ended.
        self.wanted.notify_one();
        let covered = async {
            loop {
                let now = *self.progress.borrow_and_update();
                if now.covered >= version {
                    return true;
                }
                // An error: no more checkpoints, and soon no more reading.
                if is_vain(&now) || self.progress.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(patience, covered).await.unwrap_or(false)
    }
}
