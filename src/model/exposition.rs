//! A body of metrics as it was parsed, before anybody says what it means for the state.
//!
//! Text, OpenMetrics and protobuf all become this. It allocates per body and not per series: names,
//! label values and help texts share one `text`, label pairs one `pairs`, and so on; the families
//! refer to them by ranges. Families are named as their samples are served in the text format: an
//! OpenMetrics counter `jobs` with samples `jobs_total` is the family `jobs_total` here.

use std::ops::Range;
use std::sync::Arc;

use super::{Exemplar, MetricType, NativeHistogram, Span, Timestamp};

/// What a body says.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    /// Each name once, in the order first seen; families without samples are left out.
    pub families: Vec<ExposedFamily>,
    pub metrics: Vec<ExposedMetric>,
    pub pairs: Vec<ExposedLabel>,
    pub buckets: Vec<ExposedBucket>,
    pub quantiles: Vec<ExposedQuantile>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExposedFamily {
    pub name: Span,
    pub metric_type: MetricType,
    /// Unescaped; empty for none.
    pub help: Span,
    /// OpenMetrics' unit; empty for none.
    pub unit: Span,
    /// Into `Exposition::metrics`.
    pub metrics: Range<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExposedMetric {
    /// Into `Exposition::pairs`, in the order sent; without `le` and `quantile`. No name twice.
    pub labels: Range<u32>,
    pub value: ExposedValue,
    /// The sample's own timestamp, which replacing pushes refuse.
    pub has_timestamp: bool,
    /// When the producer says that the series began.
    pub created: Option<Timestamp>,
}

/// Name and unescaped value, both into `Exposition::text`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposedLabel {
    pub name: Span,
    pub value: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExposedValue {
    /// Counter, gauge or untyped.
    Scalar { value: f64, exemplar: Option<Arc<Exemplar>> },
    Histogram {
        /// Into `Exposition::buckets`: bounds ascending, the last one +Inf. The bucket counts add up
        /// to the count of all observations.
        buckets: Range<u32>,
        sum: f64,
        native: Option<Arc<NativeHistogram>>,
    },
    Summary {
        /// Into `Exposition::quantiles`, ascending.
        quantiles: Range<u32>,
        count: u64,
        sum: f64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExposedBucket {
    pub upper_bound: f64,
    /// The bucket's own count, not cumulative.
    pub count: u64,
    pub exemplar: Option<Arc<Exemplar>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposedQuantile {
    pub quantile: f64,
    pub value: f64,
}

impl Exposition {
    pub fn text(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    pub fn metrics(&self, family: &ExposedFamily) -> &[ExposedMetric] {
        &self.metrics[widen(&family.metrics)]
    }

    pub fn labels(&self, metric: &ExposedMetric) -> &[ExposedLabel] {
        &self.pairs[widen(&metric.labels)]
    }

    pub fn buckets(&self, range: &Range<u32>) -> &[ExposedBucket] {
        &self.buckets[widen(range)]
    }

    pub fn quantiles(&self, range: &Range<u32>) -> &[ExposedQuantile] {
        &self.quantiles[widen(range)]
    }
}

fn widen(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}
