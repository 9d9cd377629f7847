//! A sketch that answers a few given quantiles with a bounded error in rank.
//!
//! This is the targeted-quantiles summary of Cormode, Korn, Muthukrishnan and
//! Srivastava, "Effective Computation of Biased Quantiles over Data Streams"
//! (2005). Of all observations it keeps some samples; sample i is known to have
//! a rank between `rank(i) + gap(i)` and `rank(i) + gap(i) + delta(i)`, where
//! `rank(i)` is the sum of the gaps before it. The invariant
//!
//! ```text
//! gap(i) + delta(i) <= max(1, f(rank(i), n))
//! f(r, n) = min over the objectives (q, e) of  2 c e max(r / q, (n - r) / (1 - q))
//! ```
//!
//! allows much uncertainty far from the wanted quantiles and little near them.
//! `f` never falls for a sample as observations come in above or below it, so
//! the invariant only has to be looked after when samples are merged.
//!
//! The paper has c = 1, for which the answer can be off by e n / (1 - 2e / (1 - q)):
//! the samples just outside of the tolerance may be too coarse. The c of
//! [`Limit::new`] makes f at rank q n - e n exactly 2 e n, which suffices for an
//! error of e n at most (and one rank for rounding).

use std::sync::Arc;

use super::{Objective, Sample, SketchParts};

/// Samples in ascending order; immutable, so that copies share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    observations: u64,
    samples: Arc<[Sample]>,
}

impl Sketch {
    /// The sketch with `values`, which ascend, taken in.
    pub(super) fn merge(&self, objectives: &[Objective], values: &[f64]) -> Self {
        if values.is_empty() {
            return self.clone();
        }
        let observations = self.observations + values.len() as u64;
        let limit = Limit::new(objectives, observations);
        let mut packed = Packed::new(limit, self.samples.len() + values.len());
        let mut values = values.iter().copied().peekable();
        for next in &*self.samples {
            // An observation below `next` can rank anywhere up to just below `next`'s highest rank.
            let delta = next.gap + next.delta - 1;
            while let Some(value) = values.next_if(|value| *value < next.value) {
                packed.push(Sample { value, gap: 1, delta });
            }
            packed.push(*next);
        }
        for value in values {
            packed.push(Sample { value, gap: 1, delta: 0 });
        }
        Self { observations, samples: packed.finish().into() }
    }

    /// The lowest of the samples; infinite when nothing was observed.
    pub(super) fn lowest(&self) -> f64 {
        self.samples.first().map_or(f64::INFINITY, |sample| sample.value)
    }

    /// A value whose rank is within the objective's epsilon; NaN when nothing was observed.
    pub(super) fn quantile(&self, objective: Objective) -> f64 {
        let n = self.observations as f64;
        let highest = (objective.quantile * n).ceil() + objective.epsilon * n;
        let mut rank = 0;
        let mut answer = self.samples.first().map_or(f64::NAN, |first| first.value);
        for sample in &*self.samples {
            rank += sample.gap;
            if (rank + sample.delta) as f64 > highest {
                break;
            }
            answer = sample.value;
        }
        answer
    }

    pub(super) fn to_parts(&self) -> SketchParts {
        SketchParts { observations: self.observations, samples: self.samples.to_vec() }
    }

    /// `None` unless values ascend, gaps add up and no rank is above all observations.
    pub(super) fn from_parts(parts: SketchParts) -> Option<Self> {
        let SketchParts { observations, samples } = parts;
        let mut rank = 0_u64;
        for sample in &samples {
            rank = rank.checked_add(sample.gap)?;
            let highest = rank.checked_add(sample.delta)?;
            if sample.gap == 0 || !sample.value.is_finite() || highest > observations {
                return None;
            }
        }
        let valid = rank == observations && samples.is_sorted_by(|a, b| a.value <= b.value);
        valid.then(|| Self { observations, samples: samples.into() })
    }
}

/// Packs ascending samples: one whose uncertainty fits into its successor's limit is left out.
/// The lowest and the highest always stay, so that there is a sample on either side of any rank.
struct Packed {
    limit: Limit,
    samples: Vec<Sample>,
    /// Ranks below `last`.
    rank: u64,
    last: Option<Sample>,
}

impl Packed {
    fn new(limit: Limit, capacity: usize) -> Self {
        Self { limit, samples: Vec::with_capacity(capacity), rank: 0, last: None }
    }

    fn push(&mut self, next: Sample) {
        self.last = Some(match self.last {
            None => next,
            Some(last) => {
                let gap = last.gap + next.gap;
                let is_lowest = self.samples.is_empty();
                if !is_lowest && (gap + next.delta) as f64 <= self.limit.at(self.rank) {
                    Sample { gap, ..next }
                } else {
                    self.samples.push(last);
                    self.rank += last.gap;
                    next
                }
            }
        });
    }

    fn finish(mut self) -> Vec<Sample> {
        self.samples.extend(self.last);
        self.samples
    }
}

/// The invariant's f for one number of observations.
struct Limit {
    observations: f64,
    /// For each objective the slopes above and below the quantile.
    slopes: Vec<(f64, f64)>,
}

impl Limit {
    fn new(objectives: &[Objective], observations: u64) -> Self {
        let slopes = objectives.iter().map(|Objective { quantile, epsilon }| {
            let above = 1.0 - quantile;
            let c = 1.0 / (1.0 + epsilon / above);
            (2.0 * c * epsilon / quantile, 2.0 * c * epsilon / above)
        });
        Self { observations: observations as f64, slopes: slopes.collect() }
    }

    fn at(&self, rank: u64) -> f64 {
        let below = rank as f64;
        let above = self.observations - below;
        self.slopes
            .iter()
            .map(|(rising, falling)| (rising * below).max(falling * above))
            .fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_of_few_values_is_exact() {
        let objectives = [0.25, 0.5, 0.99].map(|quantile| Objective { quantile, epsilon: 0.001 });
        let sketch = Sketch::default().merge(&objectives, &[1.0, 2.0]);
        let sketch = sketch.merge(&objectives, &[-5.0, 1.5, 7.0]);
        let answers = objectives.map(|objective| sketch.quantile(objective));
        assert_eq!(answers, [1.0, 1.5, 7.0]);
        assert!(Sketch::default().quantile(objectives[0]).is_nan());
    }

    #[test]
    fn parts_that_are_no_sketch_are_refused() {
        let sample = |value, gap, delta| Sample { value, gap, delta };
        let parts = |observations, samples: &[Sample]| SketchParts {
            observations,
            samples: samples.to_vec(),
        };
        let refused = |parts| Sketch::from_parts(parts).is_none();
        assert!(!refused(parts(0, &[])));
        assert!(!refused(parts(3, &[sample(1.0, 1, 1), sample(1.0, 2, 0)])));
        assert!(refused(parts(1, &[])));
        assert!(refused(parts(4, &[sample(1.0, 1, 1), sample(2.0, 2, 0)])));
        assert!(refused(parts(3, &[sample(2.0, 1, 1), sample(1.0, 2, 0)])));
        assert!(refused(parts(3, &[sample(f64::NAN, 1, 1), sample(2.0, 2, 0)])));
        assert!(refused(parts(2, &[sample(1.0, 0, 0), sample(2.0, 2, 0)])));
        assert!(refused(parts(2, &[sample(1.0, 2, 1)])));
        assert!(refused(parts(2, &[sample(1.0, u64::MAX, 0), sample(2.0, 3, 0)])));
    }
}
