//! How many entries to ask for at a time.
//!
//! The configured number, unless entries are so large that a reply would take
//! long or much memory: then as many as come to a few megabytes. A reply that
//! did not arrive in time is asked for again in a smaller piece, because asking
//! for the same piece again would never end.

/// A reply is meant to stay below this.
const TARGET_BYTES: u64 = 8 << 20;

/// Entries to ask for.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    configured: u64,
    current: u64,
}

impl PageSize {
    pub fn new(configured: usize) -> Self {
        let configured = (configured as u64).max(1);
        Self { configured, current: configured }
    }

    pub fn get(self) -> u64 {
        self.current
    }

    /// A page of this many entries and bytes arrived in time.
    pub fn arrived(&mut self, entries: u64, size_bytes: u64) {
        let fitting = TARGET_BYTES * entries.max(1) / size_bytes.max(1);
        self.current = fitting.min(self.current * 2).clamp(1, self.configured);
    }

    /// A page did not arrive in time.
    pub fn timed_out(&mut self) {
        self.current = (self.current / 4).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
