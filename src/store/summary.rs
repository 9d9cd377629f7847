//! Targeted quantiles over a sliding window of 10 minutes.
//!
//! The window is kept as five sketches of different age. Every observation goes
//! into all five, the oldest one answers queries, and every two minutes the
//! oldest is dropped and an empty one is started. So an answer covers the last
//! 8 to 10 minutes, and no observation is ever taken out of a sketch, which
//! could not be done.
//!
//! Observations wait in one small buffer and are merged, sorted, into the
//! sketches when it is full. The buffer belongs to the window as it is, so it is
//! merged before the window turns. Sketches are shared by pointer and replaced
//! when merged: copying a window that a cut still holds copies the buffer only.

use crate::model::{ClockStep, Timestamp};

mod sketch;

use sketch::Sketch;

/// How many sketches of different age make up a window.
const AGE_BUCKETS: usize = 5;
/// How long it takes until the oldest sketch is dropped.
const TURN_MILLISECONDS: u64 = 2 * 60 * 1000;
/// How many observations wait to be merged: more cost memory, fewer cost time.
const BUFFER_LIMIT: usize = 256;

/// A quantile to estimate, and by how much the rank may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    pub quantile: f64,
    pub epsilon: f64,
}

/// One sample of a sketch: `gap` ranks above the sample before it, rank uncertain by `delta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub value: f64,
    pub gap: u64,
    pub delta: u64,
}

/// One age bucket's sketch as it is stored in a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SketchParts {
    pub observations: u64,
    pub samples: Vec<Sample>,
}

/// A window as it is stored in a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowParts {
    /// When the oldest age bucket is dropped next.
    pub turns_at: Timestamp,
    /// Oldest (the one queried) first.
    pub sketches: Vec<SketchParts>,
}

/// A sliding window of 10 minutes in 5 age buckets.
#[derive(Clone, Debug)]
pub struct Window {
    turns_at: Timestamp,
    /// Oldest first.
    sketches: [Sketch; AGE_BUCKETS],
    /// Observations that belong to all sketches and are not merged yet.
    buffer: Vec<f64>,
}

impl Window {
    pub fn new(now: Timestamp) -> Self {
        Self { turns_at: after_a_turn(now), sketches: Default::default(), buffer: Vec::new() }
    }

    /// Takes in a finite value.
    pub fn observe(&mut self, objectives: &[Objective], value: f64, now: Timestamp) {
        self.turn(objectives, now);
        self.buffer.push(value);
        if self.buffer.len() >= BUFFER_LIMIT {
            self.flush(objectives);
        }
    }

    /// The estimate of each objective's quantile; NaN when the window is empty.
    pub fn quantiles(&self, objectives: &[Objective], now: Timestamp) -> Vec<f64> {
        let Some(oldest) = self.sketches.get(self.turns_due(now)) else {
            return vec![f64::NAN; objectives.len()];
        };
        let merged = oldest.merge(objectives, &sorted(&self.buffer));
        objectives.iter().map(|objective| merged.quantile(*objective)).collect()
    }

    /// No estimate is lower; infinite when the window is empty.
    pub fn lowest(&self) -> f64 {
        let merged = self.sketches.iter().map(Sketch::lowest);
        merged.chain(self.buffer.iter().copied()).fold(f64::INFINITY, f64::min)
    }

    pub fn to_parts(&self, objectives: &[Objective]) -> WindowParts {
        let mut flushed = self.clone();
        flushed.flush(objectives);
        let sketches = flushed.sketches.iter().map(Sketch::to_parts).collect();
        WindowParts { turns_at: self.turns_at, sketches }
    }

    /// `None` when the parts are not those of a window (wrong number of age buckets, samples not
    /// ascending, gaps that do not add up to the observations).
    pub fn from_parts(parts: WindowParts) -> Option<Self> {
        let sketches: Option<Vec<Sketch>> =
            parts.sketches.into_iter().map(Sketch::from_parts).collect();
        let sketches = sketches?.try_into().ok()?;
        Some(Self { turns_at: parts.turns_at, sketches, buffer: Vec::new() })
    }

    /// As it is when the clock is set so.
    pub(super) fn moved(&self, step: ClockStep) -> Option<Self> {
        Some(Self { turns_at: step.moved(self.turns_at), ..self.clone() })
    }

    /// As it is at the most when it was used last at `now`, if that is less.
    pub(super) fn capped(&self, now: Timestamp) -> Option<Self> {
        let turns_at = after_a_turn(now);
        (turns_at < self.turns_at).then(|| Self { turns_at, ..self.clone() })
    }

    /// How many sketches are too old at `now`.
    fn turns_due(&self, now: Timestamp) -> usize {
        if now < self.turns_at {
            return 0;
        }
        let late = now.0 - self.turns_at.0;
        usize::try_from(late / TURN_MILLISECONDS)
            .map_or(AGE_BUCKETS, |turns| turns.saturating_add(1))
    }

    fn turn(&mut self, objectives: &[Objective], now: Timestamp) {
        let turns = self.turns_due(now);
        if turns == 0 {
            return;
        }
        if turns < AGE_BUCKETS {
            self.flush(objectives);
            self.sketches.rotate_left(turns);
            self.sketches[AGE_BUCKETS - turns..].fill(Sketch::default());
        } else {
            self.sketches.fill(Sketch::default());
        }
        // A buffer that filled slowly gives its memory back.
        self.buffer = Vec::new();
        let late = (now.0 - self.turns_at.0) % TURN_MILLISECONDS;
        self.turns_at = after_a_turn(Timestamp(now.0 - late));
    }

    fn flush(&mut self, objectives: &[Objective]) {
        if self.buffer.is_empty() {
            return;
        }
        let values = sorted(&self.buffer);
        self.buffer.clear();
        for sketch in &mut self.sketches {
            *sketch = sketch.merge(objectives, &values);
        }
    }
}

fn after_a_turn(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_add(TURN_MILLISECONDS))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests;
