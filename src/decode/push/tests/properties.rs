//! What holds whatever is pushed.

use proptest::prelude::*;

use super::*;
use crate::model::push::is_group_time;

type Label = (&'static str, &'static str);

const NAMES: &[&str] =
    &["job", "instance", "a", "le", "quantile", "clearmode", "__name__", "é", "a.b", "1"];
const VALUES: &[&str] = &["", "x", "\"\n\\", "replace", "family", "mean5m", "é", "=,\","];
const FAMILIES: &[&str] =
    &["x", "y_total", "push_time_seconds", "push_failure_time_seconds", "process_threads"];

fn labels(most: usize) -> impl Strategy<Value = Vec<Label>> {
    let name = prop::sample::subsequence(NAMES, 0..=most.min(NAMES.len())).prop_shuffle();
    (name, prop::collection::vec(prop::sample::select(VALUES), NAMES.len()))
        .prop_map(|(names, values)| names.into_iter().zip(values).collect())
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY])
    ]
}

/// A family's samples: labels, numbers, whether there is a timestamp.
type Samples = Vec<(Vec<Label>, Vec<f64>, bool)>;

fn families() -> impl Strategy<Value = Vec<(&'static str, MetricType, Samples)>> {
    let sample = (labels(4), prop::collection::vec(number(), 0..4), prop::bool::weighted(0.1));
    let samples = prop::collection::vec(sample, 0..5);
    let family = (prop::sample::select(MetricType::ALL.to_vec()), samples);
    (prop::sample::subsequence(FAMILIES, 0..FAMILIES.len()), prop::collection::vec(family, 5))
        .prop_map(|(names, families)| {
            let named = names.into_iter().zip(families);
            named.map(|(name, (metric_type, samples))| (name, metric_type, samples)).collect()
        })
}

fn body(families: &[(&str, MetricType, Samples)]) -> Body {
    let mut body = Body::default();
    for (name, metric_type, samples) in families {
        body = body.family(*metric_type, name);
        for (labels, numbers, has_timestamp) in samples {
            let sum = numbers.first().copied().unwrap_or(1.0);
            body = match metric_type {
                MetricType::Histogram => {
                    let buckets: Vec<_> = numbers.iter().map(|bound| (*bound, 3)).collect();
                    body.histogram("", &buckets, sum)
                }
                MetricType::Summary => {
                    let quantiles: Vec<_> = numbers.iter().map(|value| (0.5, *value)).collect();
                    body.summary("", &quantiles, 2, sum)
                }
                MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {
                    body.scalar("", sum)
                }
            };
            let pairs: Vec<ExposedLabel> = labels
                .iter()
                .map(|(name, value)| ExposedLabel {
                    name: body.text(name),
                    value: body.text(value),
                })
                .collect();
            let start = body.0.pairs.len() as u32;
            body.0.pairs.extend(pairs);
            let metric = body.0.metrics.last_mut().expect("a metric");
            metric.labels = start..body.0.pairs.len() as u32;
            metric.has_timestamp = *has_timestamp;
        }
    }
    body
}

proptest! {
    #[test]
    fn a_push_is_sound_or_refused_with_a_reason(
        families in families(),
        dialect in prop::sample::select(vec![Dialect::Aggregate, Dialect::Sum, Dialect::Replace]),
        method in prop::sample::select(vec![Method::Post, Method::Put, Method::Failed]),
        job in prop::bool::weighted(0.8),
        path in labels(3),
        sort_labels in any::<bool>(),
        utf8_names in any::<bool>(),
    ) {
        let options = DecodeOptions { sort_labels, utf8_names, ..options() };
        let mut pairs = if job { vec![("job", "x")] } else { Vec::new() };
        pairs.extend(path);
        let body = body(&families);
        match write_with(&request(dialect, method, &pairs), &body, &options) {
            Ok(write) => {
                assert_sound(&write, &options);
                prop_assert_eq!(write.group.is_some(), dialect == Dialect::Replace);
                let times = write.families.iter().filter(|family| {
                    is_group_time(write.text(family.name))
                });
                prop_assert!(dialect != Dialect::Replace || times.count() == 2);
            }
            Err(refusal) => prop_assert!(refusal.detail.contains("expected"), "{}", refusal),
        }
    }
}
