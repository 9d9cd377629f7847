//! How many batches are decoded at the same time: one bound for all sources of a process.
//!
//! Batches of a source are decoded side by side to keep several cores busy. Each holds its page, and
//! what becomes of it, until it is applied; a bound for every source would let sixty-four lists hold
//! sixty-four times that, for no more cores. So a page that was read waits until there is room for
//! its batch. Room is given in the order in which it was asked for: no source waits for ever, and a
//! source that is alone never waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all sources share.
#[derive(Clone, Debug)]
pub struct Decoding {
    /// Batches that a source leaves undecoded while it reads on.
    pub(super) workers: usize,
    room: Arc<Semaphore>,
}

/// Held from before a batch is decoded until it is applied.
#[derive(Debug)]
pub(super) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Decoding {
    /// While `workers` batches are decoded, one more page arrives.
    pub fn new(workers: usize) -> Self {
        Self { workers, room: Arc::new(Semaphore::new(workers + 1)) }
    }

    /// Dropping this loses the place in the queue, and nothing else.
    pub(super) async fn room(&self) -> Room {
        let permit = self.room.clone().acquire_owned().await;
        Room { _permit: permit.expect("the semaphore is never closed") }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_source_never_waits_and_many_share() {
        let decoding = Decoding::new(2);
        let now = |decoding: &Decoding| decoding.room().now_or_never();
        let alone: Vec<_> = (0..3).map(|_| now(&decoding)).collect();
        assert!(alone.iter().all(Option::is_some), "two are decoded, and one has arrived");
        assert!(now(&decoding).is_none(), "no room for another source");
        drop(alone);
        assert!(now(&decoding).is_some());
    }

    #[tokio::test]
    async fn room_goes_to_who_asked_first() {
        let decoding = Decoding::new(1);
        let mut held = vec![decoding.room().await, decoding.room().await];
        let (first, second) = (decoding.room(), decoding.room());
        tokio::pin!(first, second);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        held.pop();
        assert!(second.as_mut().now_or_never().is_none(), "the first has not taken it yet");
        assert!(first.now_or_never().is_some());
        held.pop();
        assert!(second.now_or_never().is_some());
    }
}
