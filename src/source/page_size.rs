//! How many entries to ask for at a time.
//!
//! The configured number, unless entries are so large that a reply would take
//! long or much memory: then as many as come to a few megabytes. A reply that
//! did not arrive in time is asked for again in a smaller piece, because asking
//! for the same piece again would never end. Where the piece is a single entry
//! already (a list's item may have 512 MB), it is given more time instead.

use std::time::Duration;

use tokio::time::Instant;

/// A reply is meant to stay below this.
const TARGET_BYTES: u64 = 8 << 20;

/// So many times as long as usual, at most, is a single entry waited for.
const LONGEST_PATIENCE: u32 = 16;

/// So long after the last late reply. Not until one arrives: those of small entries that are
/// read before the large one again would each time make an end of it.
const PATIENT_FOR: Duration = Duration::from_secs(600);

/// Entries to ask for.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    configured: u64,
    current: u64,
    patience: u32,
    late_at: Instant,
}

impl PageSize {
    pub fn new(configured: usize) -> Self {
        let configured = (configured as u64).max(1);
        Self { configured, current: configured, patience: 1, late_at: Instant::now() }
    }

    pub fn get(self) -> u64 {
        self.current
    }

    /// How many times as long as usual a page of this size may take.
    pub fn patience(self) -> u32 {
        if self.late_at.elapsed() < PATIENT_FOR { self.patience } else { 1 }
    }

    /// A page of this many entries and bytes arrived in time.
    pub fn arrived(&mut self, entries: u64, size_bytes: u64) {
        let fitting = TARGET_BYTES * entries.max(1) / size_bytes.max(1);
        self.current = fitting.min(self.current * 2).clamp(1, self.configured);
    }

    /// A page did not arrive in time.
    pub fn timed_out(&mut self) {
        if self.current == 1 {
            self.patience = (self.patience() * 2).min(LONGEST_PATIENCE);
            self.late_at = Instant::now();
        }
        self.current = (self.current / 4).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_single_entry_that_is_late_is_given_more_time_for_a_while() {
        let mut page = PageSize::new(2);
        page.timed_out();
        assert_eq!((page.get(), page.patience()), (1, 1));
        for expected in [2, 4, 8, 16, 16] {
            page.timed_out();
            assert_eq!((page.get(), page.patience()), (1, expected));
        }
        page.arrived(1, 100);
        assert_eq!(page.patience(), 16);
        tokio::time::advance(PATIENT_FOR).await;
        assert_eq!(page.patience(), 1);
        page.timed_out();
        assert_eq!(page.patience(), 1, "several entries are asked for in smaller pieces first");
    }

    #[test]
    fn large_entries_make_small_pages_and_small_ones_configured_pages() {
        let mut page = PageSize::new(1000);
        page.arrived(1000, 120_000);
        assert_eq!(page.get(), 1000);
        page.arrived(1000, 1000 << 20);
        assert_eq!(page.get(), 8);
        page.timed_out();
        page.timed_out();
        page.timed_out();
        assert_eq!(page.get(), 1);
        for expected in [2, 4, 8, 16] {
            page.arrived(page.get(), 100);
            assert_eq!(page.get(), expected);
        }
    }
}
