//! `[metrics]`: what is aggregated, and how much of it.

use super::settings::Settings;
use super::value::{Bool, Whole};

#[derive(Clone, Debug)]
pub struct MetricsConfig {
    pub sort_incoming_labels: bool,
    pub disable_meta_metrics: bool,
    /// Served time series: a histogram with 10 buckets is 13.
    pub max_series: u64,
    /// Names of any characters, quoted, instead of `[a-zA-Z_:][a-zA-Z0-9_:]*` only.
    pub utf8_names: bool,
    /// Serve `_created` samples in OpenMetrics.
    pub created_samples: bool,
}

impl MetricsConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            sort_incoming_labels: settings.take("Metrics.SortIncomingLabels", Bool, true),
            disable_meta_metrics: settings.take("Metrics.DisableMetaMetrics", Bool, false),
            max_series: settings.take("Metrics.MaxSeries", Whole(1..=u64::MAX), 1_000_000),
            utf8_names: settings.take("Metrics.Utf8Names", Bool, false),
            created_samples: settings.take("Metrics.CreatedSamples", Bool, false),
        }
    }
}
