//! What happens to one series: the common denominator of pushes and of events with a mode.

use std::sync::Arc;

use crate::model::push::{Change, Write};
use crate::model::{
    Combine, Effect, Event, Exemplar, MetricType, NativeHistogram, Timestamp, WindowedValue,
};

/// One change of one series; borrows from the push.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Scalar {
        combine: Combine,
        value: f64,
        exemplar: Option<&'a Arc<Exemplar>>,
    },
    Windowed {
        shows: WindowedValue,
        window_seconds: u32,
        value: f64,
    },
    Histogram(HistogramStep<'a>),
    Summary(SummaryStep<'a>),
    /// A single observation of a histogram or summary.
    Observe(f64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct HistogramStep<'a> {
    pub(super) combine: Combine,
    pub(super) bounds: &'a [f64],
    pub(super) counts: &'a [u64],
    pub(super) sum: f64,
    pub(super) native: Option<&'a Arc<NativeHistogram>>,
    pub(super) exemplars: &'a [(u32, Arc<Exemplar>)],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SummaryStep<'a> {
    pub(super) combine: Combine,
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Each quantile, then each value.
    pub(super) quantiles: &'a [f64],
}

/// When a step is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// When it came in.
    pub(super) at: Timestamp,
    /// Since when a series counts that is made or begins anew by it.
    pub(super) started: Timestamp,
    /// The clock, now.
    pub(super) now: Timestamp,
}

impl<'a> Step<'a> {
    pub(super) fn of_change(write: &'a Write, change: &'a Change) -> Self {
        match change {
            Change::Scalar { combine, value, exemplar } => {
                Self::Scalar { combine: *combine, value: *value, exemplar: exemplar.as_ref() }
            }
            Change::Windowed { shows, window_seconds, value } => {
                Self::Windowed { shows: *shows, window_seconds: *window_seconds, value: *value }
            }
            Change::Histogram { combine, bounds, counts, sum, native, exemplars } => {
                Self::Histogram(HistogramStep {
                    combine: *combine,
                    bounds: write.numbers(*bounds),
                    counts: write.counts(*counts),
                    sum: *sum,
                    native: native.as_ref(),
                    exemplars,
                })
            }
            Change::Summary { combine, count, sum, quantiles } => Self::Summary(SummaryStep {
                combine: *combine,
                count: *count,
                sum: *sum,
                quantiles: write.numbers(*quantiles),
            }),
        }
    }

    pub(super) fn of_event(event: &Event) -> Self {
        let value = event.value;
        if matches!(event.metric_type, MetricType::Histogram | MetricType::Summary) {
            return Self::Observe(value);
        }
        match event.mode.effect(event.metric_type.combine()) {
            Effect::Combine { combine, .. } => Self::Scalar { combine, value, exemplar: None },
            Effect::Window { shows, window_seconds } => {
                Self::Windowed { shows, window_seconds, value }
            }
        }
    }

    /// Whether a series of this type can take such a step at all.
    pub(super) fn suits(&self, metric_type: MetricType) -> bool {
        match (self, metric_type) {
            (Self::Histogram(_) | Self::Observe(_), MetricType::Histogram)
            | (Self::Summary(_) | Self::Observe(_), MetricType::Summary) => true,
            (Self::Scalar { .. } | Self::Windowed { .. }, metric_type) => {
                !matches!(metric_type, MetricType::Histogram | MetricType::Summary)
            }
            _ => false,
        }
    }
}
