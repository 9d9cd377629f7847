//! The rules for parsed bodies, written a second time: what was parsed must obey them.

use std::collections::HashSet;

use prom_stream_gateway::model::exposition::{
    ExposedFamily, ExposedMetric, ExposedValue, Exposition,
};
use prom_stream_gateway::model::{MetricType, NativeHistogram};

pub(super) fn check(parsed: &Exposition, utf8_names: bool) {
    let mut names = HashSet::new();
    let mut next = 0;
    for family in &parsed.families {
        let name = parsed.text(family.name);
        assert!(names.insert(name), "{name} twice");
        assert!(is_word(name, b"_:") || (utf8_names && !name.is_empty()), "{name:?}");
        assert_eq!(family.metrics.start, next, "metrics belong to one family each");
        assert!(family.metrics.end > next, "{name} is empty");
        next = family.metrics.end;
        for metric in parsed.metrics(family) {
            labels_obey(parsed, family, metric, utf8_names);
            value_obeys(parsed, family, metric);
        }
    }
    assert_eq!(next as usize, parsed.metrics.len());
}

fn labels_obey(
    parsed: &Exposition,
    family: &ExposedFamily,
    metric: &ExposedMetric,
    utf8_names: bool,
) {
    let mut names = HashSet::new();
    let own = match family.metric_type {
        MetricType::Histogram => "le",
        MetricType::Summary => "quantile",
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => "",
    };
    for label in parsed.labels(metric) {
        let name = parsed.text(label.name);
        assert!(names.insert(name), "{name} twice");
        assert!(is_word(name, b"_") || (utf8_names && !name.is_empty()), "{name:?}");
        assert!(!name.starts_with("__") && name != own, "{name}");
        // The span is one of the text's.
        let _: &str = parsed.text(label.value);
    }
}

fn value_obeys(parsed: &Exposition, family: &ExposedFamily, metric: &ExposedMetric) {
    use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};
    match (&metric.value, family.metric_type) {
        (ExposedValue::Scalar { .. }, Counter) => {}
        (ExposedValue::Scalar { exemplar, .. }, Gauge | Untyped) => {
            assert!(exemplar.is_none() && metric.created.is_none());
        }
        (ExposedValue::Histogram { buckets, sum, native }, Histogram) => {
            let buckets = parsed.buckets(buckets);
            assert!(buckets.is_sorted_by(|a, b| a.upper_bound < b.upper_bound), "{buckets:?}");
            assert!(buckets.iter().all(|bucket| bucket.upper_bound > f64::NEG_INFINITY));
            assert_eq!(buckets.last().map(|bucket| bucket.upper_bound), Some(f64::INFINITY));
            let all = buckets.iter().try_fold(0_u64, |all, bucket| all.checked_add(bucket.count));
            let all = all.expect("all observations are counted in 64 bits");
            if let Some(native) = native {
                native_obeys(native, all, *sum);
            }
        }
        (ExposedValue::Summary { quantiles, .. }, Summary) => {
            let quantiles = parsed.quantiles(quantiles);
            assert!(quantiles.is_sorted_by(|a, b| a.quantile < b.quantile), "{quantiles:?}");
            assert!(!quantiles.iter().any(|q| q.quantile.is_nan()), "{quantiles:?}");
        }
        (value, metric_type) => panic!("{value:?} of a {metric_type}"),
    }
}

fn native_obeys(native: &NativeHistogram, all: u64, sum: f64) {
    assert!((-4..=8).contains(&native.schema), "{native:?}");
    assert!(native.zero_threshold.is_finite() && native.zero_threshold >= 0.0, "{native:?}");
    let mut counted = native.zero_count;
    for buckets in [&native.positive, &native.negative] {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0), "{native:?}");
        assert!(buckets.iter().all(|(_, count)| *count > 0), "{native:?}");
        counted += buckets.iter().map(|(_, count)| count).sum::<u64>();
    }
    assert!(counted == all || (sum.is_nan() && counted < all), "{native:?} of {all}");
}

fn is_word(text: &str, also: &[u8]) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte));
    letters && !text.is_empty() && !text.starts_with(|first: char| first.is_ascii_digit())
}
