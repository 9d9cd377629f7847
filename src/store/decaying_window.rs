//! The sum or mean of what came in the last so many seconds.
//!
//! A window is kept in slots of equal length; what is older than the window falls out slot by slot,
//! whether or not anything new comes. Times are wall-clock, so a window goes on across a restart.

use crate::model::Timestamp;

/// What a windowed series shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowedValue {
    Mean,
    Sum,
}

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
    /// What the series shows at `now`.
    pub fn value(&self, _now: Timestamp) -> f64 {
        let (sum, count) = self
            .slots
            .iter()
            .fold((0.0, 0), |(sum, count), slot| (sum + slot.sum, count + slot.count));
        match self.shows {
            WindowedValue::Sum => sum,
            WindowedValue::Mean if count == 0 => 0.0,
            WindowedValue::Mean => sum / count as f64,
        }
    }
}
