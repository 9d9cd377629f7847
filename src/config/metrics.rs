//! `[metrics]`: what is aggregated, and how much of it.

use super::settings::Settings;
use super::value::{Bool, Whole};

#[derive(Clone, Debug)]
pub struct MetricsConfig {
    pub sort_incoming_labels: bool,
    pub disable_meta_metrics: bool,
    /// Served time series: a histogram with 10 buckets is 13.
    pub max_series: u64,
}

impl MetricsConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            sort_incoming_labels: settings.take("Metrics.SortIncomingLabels", Bool, true),
            disable_meta_metrics: settings.take("Metrics.DisableMetaMetrics", Bool, false),
            max_series: settings.take("Metrics.MaxSeries", Whole(1..=u64::MAX), 1_000_000),
        }
    }
}
