//! How many time series a family's rows are served as, and how many may be.
//!
//! The limit protects Prometheus as much as our memory, so it counts what a
//! scrape delivers: a histogram with 10 buckets and +Inf is 13 series.

use crate::model::MetricType;

use super::family::Values;

/// Row numbers are 32 bits wide, and every row is at least one series.
const MOST_SERIES: u64 = u32::MAX as u64;

/// Served time series, and how many there may be.
#[derive(Debug)]
pub(super) struct SeriesLimit {
    pub(super) used: u64,
    max: u64,
}

impl SeriesLimit {
    /// `used` may exceed `max` after a restore with a lower limit: what exists stays.
    pub(super) fn new(used: u64, max: u64) -> Self {
        Self { used, max: max.min(MOST_SERIES) }
    }

    pub(super) fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn has_room(&self, series: u64) -> bool {
        self.used.checked_add(series).is_some_and(|used| used <= self.max)
    }
}

/// The suffixes of the sample names that a family is served under besides its own name.
pub(super) fn suffixes(metric_type: MetricType) -> &'static [&'static str] {
    match metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => &[],
        MetricType::Histogram => &["_bucket", "_sum", "_count"],
        MetricType::Summary => &["_sum", "_count"],
    }
}

/// Served time series of each row.
pub(super) fn series_per_row(values: &Values) -> u64 {
    match values {
        Values::Scalars(_) => 1,
        Values::Histograms { bounds, .. } => bounds.len() as u64 + 3,
        Values::Summaries { objectives, .. } => objectives.len() as u64 + 2,
    }
}
