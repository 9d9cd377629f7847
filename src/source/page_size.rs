//! How many entries to ask for at a time.
//!
//! The configured number, unless entries are so large that a reply would not stay in a core's
//! cache between the socket, decoding and applying: then as many as come to half a megabyte. A
//! reply that did not arrive in time is asked for again in a smaller piece, because asking for the
//! same piece again would never end. Where the piece is a single entry already (a list's item may
//! have 512 MB), it is given more time instead. What comes after a while without entries may be of
//! any size: so it is asked for in small pages at first.
//!
//! A server may also close the connection over a reply: what waits to be sent to one client must
//! stay below `client-output-buffer-limit`, all pages that were asked for ahead taken together. It
//! does not say so. So a connection that ended while pages were awaited makes the next one
//! smaller, as a late one does, and for a while no more is asked for than half of what was on its
//! way.
//!
//! Where pages cannot be asked for ahead, larger ones make up for the way to a distant Redis.

use std::time::Duration;

use tokio::time::Instant;

/// A reply is meant to stay below this: above, a batch of events costs up to half as much again.
const TARGET_BYTES: u64 = 512 << 10;

/// And one of a distant Redis below this, which is memory that several of them take.
const MOST_BYTES: u64 = 16 << 20;

/// Entries of a page of which nobody knows how large they are.
const FIRST_ENTRIES: u64 = 64;

/// So many times as long as usual, at most, is a single entry waited for.
const LONGEST_PATIENCE: u32 = 16;

/// So long after the last late reply. Not until one arrives: those of small entries that are
/// read before the large one again would each time make an end of it.
const PATIENT_FOR: Duration = Duration::from_secs(600);

/// Less than this on its way is nothing that a server closes a connection over. (If it does all the
/// same, pages still come down to a single entry.)
const LEAST_LIMIT_BYTES: u64 = 64 << 10;

/// A page takes so many times as long as the way to Redis and back, if stretching it can do that.
const ROUND_TRIPS: u32 = 8;

/// Redis serves nobody else while it puts a page together.
const MOST_STRETCHED: u64 = 64;

/// Entries to ask for.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    configured: u64,
    current: u64,
    stretch: u64,
    patience: u32,
    late_at: Instant,
    /// How large an entry was, on average of the last page.
    entry_bytes: u64,
    /// How many bytes may be on their way, and since when that is so.
    limit: Option<(u64, Instant)>,
}

impl PageSize {
    pub fn new(configured: usize) -> Self {
        let configured = (configured as u64).max(1);
        let current = configured.min(FIRST_ENTRIES);
        let late_at = Instant::now();
        Self { configured, current, stretch: 1, patience: 1, late_at, entry_bytes: 0, limit: None }
    }

    pub fn get(self) -> u64 {
        self.current
    }

    /// How many times as long as usual a page of this size may take.
    pub fn patience(self) -> u32 {
        if self.late_at.elapsed() < PATIENT_FOR { self.patience } else { 1 }
    }

    /// How many bytes may be on their way in pages that were asked for; `None`: as usual.
    pub fn limit_bytes(self) -> Option<u64> {
        self.limit.filter(|(_, since)| since.elapsed() < PATIENT_FOR).map(|(bytes, _)| bytes)
    }

    /// A page of this many entries and bytes arrived in time.
    pub fn arrived(&mut self, entries: u64, size_bytes: u64) {
        self.entry_bytes = size_bytes / entries.max(1);
        let most_bytes = self.limit_bytes().unwrap_or(MOST_BYTES);
        let target_bytes = (TARGET_BYTES * self.stretch).min(MOST_BYTES).min(most_bytes);
        let fitting = target_bytes * entries.max(1) / size_bytes.max(1);
        self.current = fitting.min(self.current * 2).clamp(1, self.configured * self.stretch);
    }

    /// There was nothing to read.
    pub fn found_nothing(&mut self) {
        self.current = self.current.min(FIRST_ENTRIES);
    }

    /// A page of this many entries took so long, the way to Redis and back included.
    pub fn took(&mut self, entries: u64, page_time: Duration, round_trip: Duration) {
        let nanoseconds = page_time.saturating_sub(round_trip).as_nanos() as u64;
        let configured = nanoseconds.saturating_mul(self.configured) / entries.max(1);
        let wanted = (round_trip * ROUND_TRIPS).as_nanos() as u64;
        self.stretch = wanted.div_ceil(configured.max(1)).clamp(1, MOST_STRETCHED);
    }

    /// A page did not arrive in time.
    pub fn timed_out(&mut self) {
        if self.current == 1 {
            self.patience = (self.patience() * 2).min(LONGEST_PATIENCE);
            self.late_at = Instant::now();
        }
        self.ask_for_less();
    }

    /// The connection ended while this many pages were awaited.
    pub fn cut_off(&mut self, pages: usize) {
        let asked_bytes =
            self.current.saturating_mul(self.entry_bytes).saturating_mul(pages as u64);
        if asked_bytes > LEAST_LIMIT_BYTES {
            self.limit = Some(((asked_bytes / 2).max(LEAST_LIMIT_BYTES), Instant::now()));
        }
        self.ask_for_less();
    }

    fn ask_for_less(&mut self) {
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

    #[tokio::test(start_paused = true)]
    async fn what_a_connection_ended_over_is_not_asked_for_again_for_a_while() {
        let grown = |page: &mut PageSize| {
            for _ in 0..20 {
                page.arrived(page.get(), 400 * page.get());
            }
            page.get()
        };
        let mut page = PageSize::new(1000);
        assert_eq!(grown(&mut page), 1000);
        page.cut_off(2);
        assert_eq!((page.get(), page.limit_bytes()), (250, Some(400_000)));
        page.cut_off(1);
        assert_eq!((page.get(), page.limit_bytes()), (62, Some(LEAST_LIMIT_BYTES)));
        assert_eq!(grown(&mut page), LEAST_LIMIT_BYTES / 400);
        tokio::time::advance(PATIENT_FOR).await;
        assert_eq!((grown(&mut page), page.limit_bytes()), (1000, None));
        // An idle source whose server restarts.
        page.arrived(1, 400);
        page.found_nothing();
        page.cut_off(1);
        assert_eq!((page.get(), page.limit_bytes()), (16, None));
        for _ in 0..3 {
            page.cut_off(1);
        }
        assert_eq!((page.get(), page.patience()), (1, 1), "more time would not help");
    }

    #[test]
    fn large_entries_make_small_pages_and_small_ones_configured_pages() {
        let mut page = PageSize::new(1000);
        for expected in [64, 128, 256, 512, 1000, 1000] {
            assert_eq!(page.get(), expected);
            page.arrived(expected, 120 * expected);
        }
        page.arrived(1000, 1000 << 15);
        assert_eq!(page.get(), 16);
        page.timed_out();
        page.timed_out();
        page.timed_out();
        assert_eq!(page.get(), 1);
        for expected in [2, 4, 8, 16] {
            page.arrived(page.get(), 100);
            assert_eq!(page.get(), expected);
        }
        page.found_nothing();
        assert_eq!(page.get(), 16, "that is known to be enough");
        for _ in 0..10 {
            page.arrived(page.get(), 100);
        }
        page.found_nothing();
        assert_eq!(page.get(), 64);
    }

    #[test]
    fn pages_of_a_distant_redis_are_larger() {
        let milliseconds = Duration::from_millis;
        // A millisecond for 1,000 entries, and the way.
        let stretched = |round_trip| {
            let mut page = PageSize::new(1000);
            for _ in 0..20 {
                let entries = page.get();
                page.took(entries, milliseconds(entries / 1000) + round_trip, round_trip);
                page.arrived(entries, entries * 100);
            }
            page.get()
        };
        let cases = [(0, 1_000), (100, 1_000), (1_000, 8_000), (20_000, 64_000)];
        for (round_trip, expected) in cases {
            assert_eq!(stretched(Duration::from_micros(round_trip)), expected, "{round_trip}");
        }
    }
}
