//! The `prometheus` crate's families as families of the store, which every format can render.

use prometheus::proto::{Metric, MetricFamily, MetricType as ProtoType};

use crate::model::{MetricType, labels};
use crate::store::{Family, TextColumn, Values};

/// The same family; the summaries and untyped ones that the crate knows are nothing we have.
pub(super) fn family(gathered: &MetricFamily) -> Family {
    let metrics = gathered.get_metric();
    let (metric_type, values) = match gathered.get_field_type() {
        ProtoType::COUNTER => {
            (MetricType::Counter, scalars(metrics, |m| m.get_counter().get_value()))
        }
        ProtoType::HISTOGRAM => (MetricType::Histogram, histograms(metrics)),
        _ => (MetricType::Gauge, scalars(metrics, |metric| metric.get_gauge().get_value())),
    };
    let pairs = |metric: &Metric| {
        labels::text(metric.get_label().iter().map(|pair| (pair.name(), pair.value())))
    };
    let labels: Vec<String> = metrics.iter().map(pairs).collect();
    Family {
        help: gathered.help().into(),
        labels: TextColumn::from_iter(labels.iter().map(String::as_str)),
        values,
        ..Family::empty(gathered.name(), metric_type)
    }
}

fn scalars(metrics: &[Metric], value: impl Fn(&Metric) -> f64) -> Values {
    Values::Scalars(metrics.iter().map(value).collect())
}

/// Of one family, so all have the same bounds.
fn histograms(metrics: &[Metric]) -> Values {
    let first = metrics.first().map(|metric| metric.get_histogram().get_bucket());
    let bounds = first.unwrap_or_default().iter().map(|bucket| bucket.upper_bound()).collect();
    let (mut counts, mut sums) = (Vec::new(), Vec::new());
    for metric in metrics {
        let histogram = metric.get_histogram();
        let cumulative = histogram.get_bucket().iter().map(|bucket| bucket.cumulative_count());
        let mut before = 0;
        for cumulative in cumulative.chain([histogram.get_sample_count()]) {
            // Read without a lock, so the count may lag behind the buckets.
            counts.push(cumulative.saturating_sub(before));
            before = before.max(cumulative);
        }
        sums.push(histogram.get_sample_sum());
    }
    Values::Histograms { bounds, counts, sums }
}
