//! What an event without a mode does, event by event: the common case of [`crate::model::combine`],
//! inlined. A sum that would leave the finite numbers is refused, because from infinity there is no
//! way back.

use std::sync::Arc;

use super::{Family, Values, histogram};
use crate::model::{MetricType, Timestamp};

impl Family {
    /// Lets a value that its type takes by itself (see [`crate::model::Combine::check`]) meet what is
    /// in the row.
    /// On an error nothing has changed.
    pub(in crate::store) fn record(
        &mut self,
        row: usize,
        value: f64,
        now: Timestamp,
    ) -> Result<(), SumOverflow> {
        self.changes.note(row);
        match &mut self.values {
            Values::Scalars(values) => {
                if self.metric_type == MetricType::Gauge {
                    values[row] = value;
                } else {
                    let window = self.windows.get(row);
                    let before = window.map_or(values[row], |window| window.value(now));
                    // What a push made infinite stays so, unless it is a counter.
                    let is_lost = self.metric_type == MetricType::Untyped && !before.is_finite();
                    values[row] = if is_lost { before + value } else { sum(before, value)? };
                }
                self.windows.clear(row);
            }
            Values::Histograms { bounds, counts, sums } => {
                sums[row] = sum(sums[row], value)?;
                counts[row * (bounds.len() + 1) + histogram::bucket(bounds, value)] += 1;
                // Without this observation it would contradict the classic buckets.
                self.natives.clear(row);
            }
            Values::Summaries { objectives, counts, sums, windows } => {
                sums[row] = sum(sums[row], value)?;
                counts[row] += 1;
                if let Some(window) = windows.get_mut(row) {
                    Arc::make_mut(window).observe(objectives, value, now);
                }
                self.quantiles.clear(row);
            }
        }
        Ok(())
    }
}

/// A sum that would no longer be finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::store) struct SumOverflow {
    pub(in crate::store) sum: f64,
}

fn sum(sum: f64, value: f64) -> Result<f64, SumOverflow> {
    let total = sum + value;
    if total.is_finite() { Ok(total) } else { Err(SumOverflow { sum }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn each_type_follows_its_law() {
        let mut counter = Family::new("c", MetricType::Counter, &[]);
        let mut gauge = Family::new("g", MetricType::Gauge, &[]);
        for family in [&mut counter, &mut gauge] {
            let row = family.push("", NOW, NOW);
            family.record(row, 2.0, NOW).expect("finite");
            family.record(row, 3.5, NOW).expect("finite");
        }
        assert!(matches!(&counter.values, Values::Scalars(values) if values == &[5.5]));
        assert!(matches!(&gauge.values, Values::Scalars(values) if values == &[3.5]));

        let mut histogram = Family::new("h", MetricType::Histogram, &[1.0, 2.0]);
        histogram.push("", NOW, NOW);
        let row = histogram.push("a=\"1\"", NOW, NOW);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.record(row, value, NOW).expect("finite");
        }
        let Values::Histograms { counts, sums, .. } = &histogram.values else {
            panic!("not histograms: {histogram:?}");
        };
        assert_eq!(counts, &[0, 0, 0, 2, 1, 1]);
        assert_eq!(sums, &[0.0, 12.0]);
        assert_eq!(histogram.series(), 10);
    }

    #[test]
    fn a_sum_that_would_overflow_is_refused_and_nothing_counted() {
        for metric_type in [MetricType::Counter, MetricType::Histogram, MetricType::Summary] {
            let mut family = Family::new("x", metric_type, &[]);
            family.push("", NOW, NOW);
            family.record(0, f64::MAX, NOW).expect("finite");
            let refused = family.record(0, f64::MAX, NOW);
            assert_eq!(refused, Err(SumOverflow { sum: f64::MAX }), "{metric_type}");
            match &family.values {
                Values::Scalars(values) => assert_eq!(values, &[f64::MAX]),
                Values::Histograms { counts, sums, .. }
                | Values::Summaries { counts, sums, .. } => {
                    assert_eq!((counts.as_slice(), sums.as_slice()), (&[1][..], &[f64::MAX][..]));
                }
            }
        }
    }
}
