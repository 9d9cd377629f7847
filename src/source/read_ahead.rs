//! How many pages are asked for before the first of them has arrived.
//!
//! Two, so that Redis has the next one to do while this one is looked at; and as many more as
//! would arrive during a round trip, so that a distant Redis is no slower than a near one. Only
//! while there is more to read than fits a page: an empty stream is asked once. And only once a page
//! has arrived at this connection: before, nobody knows how much that would be.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const FEWEST: u32 = 2;
const MOST: u32 = 64;

/// All that is on its way is meant to stay below this.
const TARGET_BYTES: u64 = 32 << 20;

/// Pages on their way, each with what was asked for.
#[derive(Debug)]
pub struct ReadAhead<P> {
    asked: VecDeque<P>,
    arrived_at: Option<Instant>,
    /// From one arrival to the next.
    page_time: Duration,
    page_bytes: u64,
}

impl<P> Default for ReadAhead<P> {
    fn default() -> Self {
        Self { asked: VecDeque::new(), arrived_at: None, page_time: Duration::MAX, page_bytes: 0 }
    }
}

impl<P> ReadAhead<P> {
    pub fn asked(&mut self, page: P) {
        self.asked.push_back(page);
    }

    /// What was asked for last, of that which has not arrived.
    pub fn last(&self) -> Option<&P> {
        self.asked.back()
    }

    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// How many pages are on their way.
    pub fn len(&self) -> usize {
        self.asked.len()
    }

    /// The page arrived that was asked for first.
    pub fn arrived(&mut self, size_bytes: usize) -> Option<P> {
        let page = self.asked.pop_front();
        let now = Instant::now();
        let before = self.arrived_at.replace(now).filter(|_| !self.asked.is_empty());
        self.page_time = before.map_or(Duration::MAX, |before| now - before);
        self.page_bytes = size_bytes as u64;
        page
    }

    /// Nothing is on its way any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether to ask for another page; `limit_bytes`: see [`super::page_size`].
    pub fn has_room(&self, round_trip: Duration, limit_bytes: Option<u64>) -> bool {
        if self.page_bytes == 0 {
            return self.asked.is_empty();
        }
        let page_time = self.page_time.max(Duration::from_micros(1));
        let meanwhile = (round_trip.as_nanos() / page_time.as_nanos()).min(u128::from(MOST)) as u32;
        let fitting = match limit_bytes {
            Some(limit_bytes) => (limit_bytes / self.page_bytes).max(1),
            None => (TARGET_BYTES / self.page_bytes).max(u64::from(FEWEST)),
        };
        let pages = u64::from((FEWEST + meanwhile).min(MOST)).min(fitting);
        (self.asked.len() as u64) < pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for as many pages as there is room for; how many are on their way then.
    fn fill(ahead: &mut ReadAhead<()>, round_trip: Duration) -> usize {
        while ahead.has_room(round_trip, None) {
            ahead.asked(());
        }
        ahead.len()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_pages_are_on_their_way_as_a_round_trip_is_long() {
        let milliseconds = Duration::from_millis;
        let (mut ahead, round_trip) = (ReadAhead::default(), milliseconds(20));
        assert_eq!(fill(&mut ahead, round_trip), 1, "nothing is known yet");
        let mut on_their_way = 0;
        for _ in 0..100 {
            ahead.arrived(1000);
            // A page takes a millisecond, unless it is the round trip that is waited for.
            let wait = (round_trip / (on_their_way.max(2) as u32)).max(milliseconds(1));
            tokio::time::advance(wait).await;
            on_their_way = fill(&mut ahead, round_trip);
        }
        assert_eq!(on_their_way, 22);
        ahead.arrived(16 << 20);
        assert_eq!(fill(&mut ahead, round_trip), 21, "what is on its way stays");
        while ahead.len() > 1 {
            ahead.arrived(16 << 20);
        }
        assert_eq!(fill(&mut ahead, round_trip), 2, "large pages");
        ahead.forget();
        assert_eq!(fill(&mut ahead, Duration::ZERO), 1, "it may be another server");
    }

    #[test]
    fn no_more_is_asked_for_than_the_server_may_keep_for_us() {
        for (page_bytes, limit_bytes, expected) in
            [(1000, None, 2), (1000, Some(2000), 2), (1001, Some(2000), 1), (9000, Some(2000), 1)]
        {
            let mut ahead = ReadAhead::default();
            ahead.asked(());
            ahead.arrived(page_bytes);
            while ahead.has_room(Duration::ZERO, limit_bytes) {
                ahead.asked(());
            }
            assert_eq!(ahead.len(), expected, "{page_bytes} of {limit_bytes:?}");
        }
    }
}
