//! What happens to one series: the common denominator of pushes and of events with a mode.

use std::sync::Arc;

use super::decaying_window::WindowedValue;
use crate::model::push::{Change, Meet, Write};
use crate::model::{Event, Exemplar, MetricType, Mode, NativeHistogram, Timestamp};

/// One change of one series; borrows from the push.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Scalar {
        meet: Meet,
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
    pub(super) meet: Meet,
    pub(super) bounds: &'a [f64],
    pub(super) counts: &'a [u64],
    pub(super) sum: f64,
    pub(super) native: Option<&'a Arc<NativeHistogram>>,
    pub(super) exemplars: &'a [(u32, Arc<Exemplar>)],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SummaryStep<'a> {
    pub(super) meet: Meet,
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
            Change::Scalar { meet, value, exemplar } => {
                Self::Scalar { meet: *meet, value: *value, exemplar: exemplar.as_ref() }
            }
            Change::Windowed { mean, window_seconds, value } => Self::Windowed {
                shows: if *mean { WindowedValue::Mean } else { WindowedValue::Sum },
                window_seconds: *window_seconds,
                value: *value,
            },
            Change::Histogram { meet, bounds, counts, sum, native, exemplars } => {
                Self::Histogram(HistogramStep {
                    meet: *meet,
                    bounds: write.numbers(*bounds),
                    counts: write.counts(*counts),
                    sum: *sum,
                    native: native.as_ref(),
                    exemplars,
                })
            }
            Change::Summary { meet, count, sum, quantiles } => Self::Summary(SummaryStep {
                meet: *meet,
                count: *count,
                sum: *sum,
                quantiles: write.numbers(*quantiles),
            }),
        }
    }

    pub(super) fn of_event(event: &Event) -> Self {
        let value = event.value;
        let scalar = |meet| Self::Scalar { meet, value, exemplar: None };
        let windowed = |shows, window_seconds| Self::Windowed { shows, window_seconds, value };
        match (event.metric_type, event.mode) {
            (MetricType::Histogram | MetricType::Summary, _) => Self::Observe(value),
            (_, Mode::Mean { window_seconds }) => windowed(WindowedValue::Mean, window_seconds),
            (_, Mode::Sum { window_seconds }) => windowed(WindowedValue::Sum, window_seconds),
            (_, Mode::Replace | Mode::Family) | (MetricType::Gauge, Mode::Natural) => {
                scalar(Meet::Replace)
            }
            (_, Mode::Add | Mode::Natural) => scalar(Meet::Add),
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
