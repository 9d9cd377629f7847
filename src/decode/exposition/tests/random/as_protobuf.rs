//! Families as delimited protobuf.

use prost::Message;

use super::super::super::protobuf::messages;
use super::*;

pub(super) fn write(families: &[Family]) -> Vec<u8> {
    families.iter().flat_map(|f| family(f).encode_length_delimited_to_vec()).collect()
}

fn family(family: &Family) -> messages::MetricFamily {
    let metric_type = match family.metric_type {
        MetricType::Counter => messages::MetricType::Counter,
        MetricType::Gauge => messages::MetricType::Gauge,
        MetricType::Summary => messages::MetricType::Summary,
        MetricType::Untyped => messages::MetricType::Untyped,
        MetricType::Histogram => messages::MetricType::Histogram,
    };
    messages::MetricFamily {
        name: Some(family.name.clone()),
        help: Some(family.help.clone()),
        r#type: Some(metric_type.into()),
        metric: family.series.iter().map(|series| metric(family.metric_type, series)).collect(),
        unit: None,
    }
}

fn metric(metric_type: MetricType, series: &Series) -> messages::Metric {
    let created_timestamp = series.created.map(timestamp);
    let mut metric = messages::Metric {
        label: series.labels.iter().map(|(name, value)| label(name, value)).collect(),
        timestamp_ms: series.has_timestamp.then_some(-12),
        ..messages::Metric::default()
    };
    match &series.value {
        Value::Scalar(value, e) => {
            let value = Some(*value);
            match metric_type {
                MetricType::Counter => {
                    let exemplar = e.as_deref().map(exemplar);
                    let counter = messages::Counter { value, exemplar, created_timestamp };
                    metric.counter = Some(Box::new(counter));
                }
                MetricType::Gauge => metric.gauge = Some(Box::new(messages::Gauge { value })),
                _ => metric.untyped = Some(Box::new(messages::Untyped { value })),
            }
        }
        Value::Histogram { buckets, sum, native } => {
            let mut histogram = native.as_deref().map(sparse).unwrap_or_default();
            let mut cumulative = 0;
            for (bound, count, e) in buckets {
                cumulative += count;
                histogram.bucket.push(messages::Bucket {
                    cumulative_count: Some(cumulative),
                    cumulative_count_float: None,
                    upper_bound: Some(*bound),
                    exemplar: e.as_deref().map(exemplar).map(Box::new),
                });
            }
            histogram.sample_count = Some(cumulative);
            histogram.sample_sum = Some(*sum);
            histogram.created_timestamp = created_timestamp;
            metric.histogram = Some(Box::new(histogram));
        }
        Value::Summary { quantiles, count, sum } => {
            let quantile = quantiles
                .iter()
                .map(|(q, value)| messages::Quantile { quantile: Some(*q), value: Some(*value) })
                .collect();
            metric.summary = Some(Box::new(messages::Summary {
                sample_count: Some(*count),
                sample_sum: Some(*sum),
                quantile,
                created_timestamp,
            }));
        }
    }
    metric
}

fn sparse(native: &NativeHistogram) -> messages::Histogram {
    let (positive_span, positive_delta) = spans(&native.positive);
    let (negative_span, negative_delta) = spans(&native.negative);
    messages::Histogram {
        schema: Some(native.schema),
        zero_threshold: Some(native.zero_threshold),
        zero_count: Some(native.zero_count),
        positive_span,
        positive_delta,
        negative_span,
        negative_delta,
        ..messages::Histogram::default()
    }
}

/// A span for every bucket.
fn spans(buckets: &[(i32, u64)]) -> (Vec<messages::BucketSpan>, Vec<i64>) {
    let (mut next, mut last) = (0, 0);
    let each = |(index, count): &(i32, u64)| {
        let span = messages::BucketSpan { offset: Some(index - next), length: Some(1) };
        let delta = *count as i64 - last;
        (next, last) = (index + 1, *count as i64);
        (span, delta)
    };
    buckets.iter().map(each).unzip()
}

fn label(name: &str, value: &str) -> messages::LabelPair {
    messages::LabelPair { name: Some(name.into()), value: Some(value.into()) }
}

fn exemplar(exemplar: &Exemplar) -> messages::Exemplar {
    let pairs = crate::model::labels::pairs(&exemplar.labels).map(|pair| {
        let (name, value) = pair.split_once("=\"").expect("a rendered label");
        let value = value.trim_end_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
        label(name, &value)
    });
    messages::Exemplar {
        label: pairs.collect(),
        value: Some(exemplar.value),
        timestamp: exemplar.timestamp.map(timestamp),
    }
}

fn timestamp(time: Timestamp) -> messages::Timestamp {
    let (seconds, milliseconds) = (time.0 / 1000, time.0 % 1000);
    messages::Timestamp { seconds: seconds as i64, nanos: milliseconds as i32 * 1_000_000 }
}
