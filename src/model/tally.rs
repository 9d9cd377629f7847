//! What became of a source's events, counted with the state itself.
//!
//! A tally is part of the checkpoint, so `processed`, `dropped` and `lost` are
//! as exact across a crash as the producers' own counters.

use super::Reason;

/// Counts of one source since its first event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events applied to the store.
    pub processed: u64,
    /// Events refused, by `Reason as usize`.
    pub dropped: [u64; Reason::ALL.len()],
    /// Events that Redis acknowledged to a producer and no longer had when the gateway came.
    pub lost: u64,
}

impl Tally {
    /// Takes in what another one counted.
    pub fn add(&mut self, other: &Self) {
        self.processed += other.processed;
        self.lost += other.lost;
        for (sum, dropped) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += dropped;
        }
    }

    /// Counts one refused event.
    pub fn count_dropped(&mut self, reason: Reason) {
        self.dropped[reason as usize] += 1;
    }
}
