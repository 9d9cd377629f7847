//! Whether a step fits what a series holds, without taking it.
//!
//! A push is all or nothing, so each of its steps is tried first, on no more of the series than it
//! takes to tell: the number that it shows or its sum, and how many observations it counts. A
//! series that a push changes twice is tried twice, one step upon the other.

use std::sync::Arc;

use super::decaying_window::DecayingWindow;
use super::family::{Family, Values};
use super::refusal::Fault;
use super::step::{HistogramStep, Step, SummaryStep, When};
use crate::model::{Combine, MetricType, Reason};

/// Pushes can bring a series no higher. Events count on from there, one by one, so that no counter
/// of observations ever overflows.
const MOST_OBSERVATIONS: u64 = 1 << 63;

/// What a series would hold.
#[derive(Clone, Debug)]
pub(super) struct DryRun {
    metric_type: MetricType,
    /// Of scalars the value, else the sum of all observations.
    value: f64,
    observations: u64,
    window: Option<Arc<DecayingWindow>>,
    /// What a row of the family is served as, pushed quantiles apart.
    series_of_family: u64,
    /// Served time series.
    pub(super) series: u64,
}

impl DryRun {
    /// A series of the family that has seen nothing.
    pub(super) fn new(family: &Family) -> Self {
        let series = family.series_per_row();
        Self {
            metric_type: family.metric_type,
            value: 0.0,
            observations: 0,
            window: None,
            series_of_family: series,
            series,
        }
    }

    pub(super) fn of(family: &Family, row: usize, when: When) -> Self {
        let value = match &family.values {
            Values::Scalars(_) => family.scalar(row, when.at),
            Values::Histograms { sums, .. } | Values::Summaries { sums, .. } => sums[row],
        };
        Self {
            metric_type: family.metric_type,
            value,
            observations: family.observations(row),
            window: family.windows.get(row).cloned(),
            series_of_family: family.series_per_row(),
            series: family.row_series(row),
        }
    }

    /// Takes the step, or says why it does not fit.
    pub(super) fn take(&mut self, step: &Step<'_>, when: When) -> Result<(), Fault> {
        match step {
            Step::Scalar { combine, value, .. } => {
                self.value = match combine {
                    Combine::Replace => *value,
                    Combine::Add => self.scalar_sum(*value)?,
                };
                self.window = None;
            }
            Step::Windowed { shows, window_seconds, value } => {
                self.added(*value)?;
                let window = self.window.take().filter(|window| {
                    (window.shows, window.window_seconds) == (*shows, *window_seconds)
                });
                let mut window = window
                    .unwrap_or_else(|| Arc::new(DecayingWindow::new(*shows, *window_seconds)));
                Arc::make_mut(&mut window).observe(*value, when.at, when.now);
                if !window.magnitude().is_finite() {
                    return Err(leaves_finite(*value, self.value));
                }
                self.value = window.value(when.at);
                self.window = Some(window);
            }
            Step::Histogram(step) => self.take_histogram(step)?,
            Step::Summary(SummaryStep { combine, count, sum, quantiles }) => {
                self.take_total(*combine, *count, *sum)?;
                let kept = *combine == Combine::Replace;
                self.series =
                    if kept { quantiles.len() as u64 / 2 + 2 } else { self.series_of_family };
            }
            Step::Observe(value) => {
                self.added(*value)?;
                self.value = finite_sum(self.value, *value)?;
                self.observations += 1;
                self.series = self.series_of_family;
            }
        }
        Ok(())
    }

    fn scalar_sum(&self, value: f64) -> Result<f64, Fault> {
        self.added(value)?;
        // What a push set to infinity stays so, unless it is a counter.
        let is_lost = self.metric_type != MetricType::Counter && !self.value.is_finite();
        if is_lost { Ok(self.value + value) } else { finite_sum(self.value, value) }
    }

    fn added(&self, value: f64) -> Result<(), Fault> {
        Combine::Add.check(self.metric_type, value).map_err(|unfit| Fault {
            reason: unfit.reason,
            what: format!("{value} is to be added, {} is expected", unfit.expected),
        })
    }

    fn take_histogram(&mut self, step: &HistogramStep<'_>) -> Result<(), Fault> {
        let total = step.counts.iter().try_fold(0_u64, |total, count| total.checked_add(*count));
        let total = total.ok_or_else(|| too_many("its buckets"))?;
        if let Some(native) = step.native
            && !native.holds(total, step.sum)
        {
            let what = format!(
                "its native buckets add up to {:?} observations, its classic ones to {total}",
                native.observations()
            );
            return Err(Fault { reason: Reason::Inconsistent, what });
        }
        self.take_total(step.combine, total, step.sum)
    }

    fn take_total(&mut self, combine: Combine, count: u64, sum: f64) -> Result<(), Fault> {
        let (before, value) = match combine {
            Combine::Replace => (0, sum),
            Combine::Add => {
                self.added(sum)?;
                (self.observations, finite_sum(self.value, sum)?)
            }
        };
        self.observations = before
            .checked_add(count)
            .filter(|observations| *observations <= MOST_OBSERVATIONS)
            .ok_or_else(|| {
                too_many(&format!("{count} observations and the {before} before them"))
            })?;
        self.value = value;
        Ok(())
    }
}

fn finite_sum(sum: f64, value: f64) -> Result<f64, Fault> {
    let total = sum + value;
    if total.is_finite() { Ok(total) } else { Err(leaves_finite(value, sum)) }
}

fn leaves_finite(value: f64, sum: f64) -> Fault {
    let what = format!("adding {value} to {sum} leaves the finite numbers");
    Fault { reason: Reason::InvalidValue, what }
}

fn too_many(what: &str) -> Fault {
    let what = format!("{what} are more than {MOST_OBSERVATIONS} observations");
    Fault { reason: Reason::InvalidValue, what }
}
