//! The sum or mean of what came in the last so many seconds.
//!
//! A window is kept in slots of equal length; what is older than the window falls out slot by slot,
//! whether or not anything new comes. Times are wall-clock, so a window goes on across a restart;
//! when the clock is set, the slots move with it.
//! A value stays for at least the window's length, and for at most one slot longer.

use crate::model::{ClockStep, Timestamp, WindowedValue};

/// How many slots make up a window, unless they would be shorter than a second.
const SLOTS: u64 = 60;
const SHORTEST_SLOT_MILLISECONDS: u64 = 1000;

/// One slot of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slot {
    /// The time of its beginning, divided by the length of a slot.
    pub number: u64,
    pub sum: f64,
    pub count: u64,
}

/// A sliding window over a scalar series.
#[derive(Clone, Debug, PartialEq)]
pub struct DecayingWindow {
    pub shows: WindowedValue,
    pub window_seconds: u32,
    /// Ascending by number, none empty.
    pub slots: Vec<Slot>,
}

impl DecayingWindow {
    pub(super) fn new(shows: WindowedValue, window_seconds: u32) -> Self {
        Self { shows, window_seconds, slots: Vec::new() }
    }

    /// Takes in a value that came at `at`, which is not later than `now`.
    pub(super) fn observe(&mut self, value: f64, at: Timestamp, now: Timestamp) {
        let current = self.number(now);
        let number = self.number(at).min(current);
        match self.slots.binary_search_by_key(&number, |slot| slot.number) {
            Ok(found) => {
                self.slots[found].sum += value;
                self.slots[found].count += 1;
            }
            Err(place) => self.slots.insert(place, Slot { number, sum: value, count: 1 }),
        }
        // Of the newest, not of now: a replay, which is later, keeps what the first run kept.
        let oldest = self.oldest(self.slots.last().map_or(current, |newest| newest.number));
        self.slots.retain(|slot| slot.number >= oldest);
    }

    /// What the series shows at `now`; zero when nothing came within the window.
    pub fn value(&self, now: Timestamp) -> f64 {
        let oldest = self.oldest(self.number(now));
        let live = self.slots.iter().filter(|slot| slot.number >= oldest);
        let (sum, count) =
            live.fold((0.0, 0), |(sum, count), slot| (sum + slot.sum, count + slot.count));
        match self.shows {
            WindowedValue::Sum => sum,
            WindowedValue::Mean if count == 0 => 0.0,
            WindowedValue::Mean => sum / count as f64,
        }
    }

    /// No sum over some of the slots is farther from zero than this.
    pub(super) fn magnitude(&self) -> f64 {
        self.slots.iter().map(|slot| slot.sum.abs()).sum()
    }

    /// As it is when the clock is set so.
    pub(super) fn moved(&self, step: ClockStep) -> Option<Self> {
        let slot = self.slot_milliseconds() as f64;
        self.shifted((step.milliseconds as f64 / slot).round() as i64)
    }

    /// As it is when the newest value came at `now`, if it says that it came later.
    pub(super) fn capped(&self, now: Timestamp) -> Option<Self> {
        let newest = self.slots.last()?.number;
        let ahead = newest.saturating_sub(self.number(now));
        self.shifted(-ahead.cast_signed())
    }

    /// Later by so many slots; `None`: that is no change.
    fn shifted(&self, by: i64) -> Option<Self> {
        if by == 0 || self.slots.is_empty() {
            return None;
        }
        let mut shifted = self.clone();
        for slot in &mut shifted.slots {
            slot.number = slot.number.saturating_add_signed(by);
        }
        // At the very beginning of time several become one.
        shifted.slots.dedup_by(|next, kept| {
            let same = next.number == kept.number;
            if same {
                kept.sum += next.sum;
                kept.count += next.count;
            }
            same
        });
        Some(shifted)
    }

    fn slot_milliseconds(&self) -> u64 {
        (u64::from(self.window_seconds) * 1000 / SLOTS).max(SHORTEST_SLOT_MILLISECONDS)
    }

    fn number(&self, time: Timestamp) -> u64 {
        time.0 / self.slot_milliseconds()
    }

    fn oldest(&self, current: u64) -> u64 {
        let slots = (u64::from(self.window_seconds) * 1000).div_ceil(self.slot_milliseconds());
        current.saturating_sub(slots)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_700_000_000_000;

    fn at(seconds: f64) -> Timestamp {
        Timestamp(START + (seconds * 1000.0) as u64)
    }

    fn observe(window: &mut DecayingWindow, seconds: f64, value: f64) {
        window.observe(value, at(seconds), at(seconds));
    }

    #[test]
    fn sum_and_mean_decay_while_nothing_comes() {
        for (shows, expected) in
            [(WindowedValue::Sum, [30.0, 20.0, 0.0]), (WindowedValue::Mean, [15.0, 20.0, 0.0])]
        {
            let mut window = DecayingWindow::new(shows, 300);
            observe(&mut window, 0.0, 10.0);
            observe(&mut window, 200.0, 20.0);
            let shown = [299.0, 310.0, 506.0].map(|seconds| window.value(at(seconds)));
            assert_eq!(shown, expected, "{shows:?}");
        }
    }

    #[test]
    fn slots_are_a_sixtieth_of_the_window_and_a_second_at_least() {
        for (window_seconds, slot, most) in [(1, 1000, 2), (59, 1000, 60), (300, 5000, 61)] {
            let mut window = DecayingWindow::new(WindowedValue::Sum, window_seconds);
            assert_eq!(window.slot_milliseconds(), slot);
            for second in 0..1000 {
                observe(&mut window, f64::from(second), 1.0);
                assert!(window.slots.len() <= most, "{window_seconds} s: {}", window.slots.len());
            }
        }
    }

    #[test]
    fn when_the_clock_is_set_a_window_is_as_old_as_it_was() {
        let mut window = DecayingWindow::new(WindowedValue::Sum, 60);
        observe(&mut window, 10_000.0, 1.0);
        observe(&mut window, 10_030.0, 2.0);
        for (now, set_to) in [(10_040.0, 100.0), (100.0, 90_000.0), (90_000.0, 0.0)] {
            let shown = [5.0, 25.0, 55.0].map(|later| window.value(at(now + later)));
            let step = ClockStep::between(at(now), at(set_to));
            window = window.moved(step).expect("moved");
            assert_eq!([5.0, 25.0, 55.0].map(|later| window.value(at(set_to + later))), shown);
            assert_eq!(shown, [3.0, 2.0, 0.0]);
        }
        // To the very beginning of time.
        let window = window.moved(ClockStep { milliseconds: i64::MIN }).expect("moved");
        assert_eq!(window.slots, [Slot { number: 0, sum: 3.0, count: 2 }]);
    }

    #[test]
    fn what_a_snapshot_says_of_later_came_now() {
        let mut window = DecayingWindow::new(WindowedValue::Sum, 60);
        observe(&mut window, 10_000.0, 1.0);
        observe(&mut window, 10_030.0, 2.0);
        assert_eq!(window.capped(at(10_030.0)), None);
        let window = window.capped(at(100.0)).expect("capped");
        assert_eq!([100.0, 135.0, 170.0].map(|now| window.value(at(now))), [3.0, 2.0, 0.0]);
    }

    #[test]
    fn what_came_late_is_where_it_belongs() {
        let mut window = DecayingWindow::new(WindowedValue::Sum, 60);
        observe(&mut window, 100.0, 1.0);
        window.observe(2.0, at(70.0), at(100.0));
        window.observe(4.0, at(0.0), at(100.0));
        assert_eq!(window.value(at(100.0)), 3.0);
        assert_eq!(window.value(at(140.0)), 1.0);
        window.observe(8.0, at(9_999.0), at(140.0));
        assert_eq!(window.value(at(202.0)), 0.0, "a time ahead of the clock is now");
    }

    proptest! {
        #[test]
        fn a_value_stays_for_the_window_and_at_most_a_slot_longer(
            window_seconds in prop::sample::select(vec![1_u32, 7, 60, 300, 3600]),
            steps in prop::collection::vec((0.0..400.0_f64, 1..100_u32), 1..50),
        ) {
            let mut window = DecayingWindow::new(WindowedValue::Sum, window_seconds);
            let slot = window.slot_milliseconds() as f64 / 1000.0;
            let (mut now, mut all) = (0.0, Vec::new());
            for (wait, value) in steps {
                now += wait;
                observe(&mut window, now, f64::from(value));
                all.push((now, f64::from(value)));
                let younger_than = |age: f64| -> f64 {
                    all.iter().filter(|(at, _)| now - at < age).map(|(_, value)| value).sum()
                };
                let shown = window.value(at(now));
                let length = f64::from(window_seconds);
                prop_assert!(shown >= younger_than(length - 0.01), "{shown} at {now}");
                prop_assert!(shown <= younger_than(length + slot + 0.01), "{shown} at {now}");
            }
        }
    }
}
