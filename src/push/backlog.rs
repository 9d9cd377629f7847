//! How much of each key waits to be applied: what `LLEN` says of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count for each key; clones share it.
#[derive(Clone, Debug)]
pub struct Backlog(Arc<[AtomicU64]>);

/// Entries that are counted until this is dropped, which happens once they are applied.
#[derive(Debug)]
pub struct Counted {
    backlog: Backlog,
    entries: Vec<u32>,
}

impl Backlog {
    pub fn new(keys: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(keys).collect())
    }

    /// Entries of the key that wait.
    pub fn of(&self, key: usize) -> u64 {
        self.0[key].load(Ordering::Relaxed)
    }

    /// Counts so many more of each key.
    pub fn count(&self, entries: Vec<u32>) -> Counted {
        for (waiting, more) in self.0.iter().zip(&entries) {
            waiting.fetch_add(u64::from(*more), Ordering::Relaxed);
        }
        Counted { backlog: self.clone(), entries }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        for (waiting, less) in self.backlog.0.iter().zip(&self.entries) {
            waiting.fetch_sub(u64::from(*less), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_waits_no_more() {
        let backlog = Backlog::new(2);
        let first = backlog.count(vec![1, 5]);
        let second = backlog.count(vec![2, 0]);
        assert_eq!([backlog.of(0), backlog.of(1)], [3, 5]);
        drop(first);
        assert_eq!([backlog.of(0), backlog.of(1)], [2, 0]);
        drop(second);
        assert_eq!([backlog.of(0), backlog.of(1)], [0, 0]);
    }
}
