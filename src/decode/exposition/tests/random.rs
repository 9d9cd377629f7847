//! Random expositions, written in each of the formats, are read back as they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{Exemplar, MetricType, NativeHistogram, Timestamp};

mod as_protobuf;
mod as_text;

/// A family of a body. Its series have their index as label `i`, which comes first.
#[derive(Clone, Debug, PartialEq)]
struct Family {
    /// Served.
    name: String,
    metric_type: MetricType,
    help: String,
    series: Vec<Series>,
}

#[derive(Clone, Debug, PartialEq)]
struct Series {
    labels: Vec<(String, String)>,
    value: Value,
    has_timestamp: bool,
    created: Option<Timestamp>,
}

type Bucket = (f64, u64, Option<Arc<Exemplar>>);

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Scalar(f64, Option<Arc<Exemplar>>),
    Histogram { buckets: Vec<Bucket>, sum: f64, native: Option<Arc<NativeHistogram>> },
    Summary { quantiles: Vec<(f64, f64)>, count: u64, sum: f64 },
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0_u32..1000).prop_map(f64::from),
        any::<f64>().prop_filter("NaN equals nothing", |number| !number.is_nan()),
    ]
}

fn exemplar() -> impl Strategy<Value = Option<Arc<Exemplar>>> {
    let labels = prop_oneof![Just(""), Just(r#"trace_id="4b\"f9\\""#), Just(r#"a="",b="é""#)];
    let time = proptest::option::of((0_u64..1 << 40).prop_map(Timestamp));
    proptest::option::of((labels, number(), time).prop_map(|(labels, value, timestamp)| {
        Arc::new(Exemplar { labels: labels.into(), value, timestamp })
    }))
}

fn native() -> impl Strategy<Value = (NativeHistogram, u64)> {
    let buckets = || proptest::collection::btree_map(-40..40_i32, 1..100_u64, 0..6);
    (-4..=8, 0..50_u64, buckets(), buckets()).prop_map(|(schema, zero_count, above, below)| {
        let all = zero_count + above.values().sum::<u64>() + below.values().sum::<u64>();
        let (positive, negative) = (above.into_iter().collect(), below.into_iter().collect());
        // A threshold, for an empty one would look classic without.
        (NativeHistogram { schema, zero_threshold: 0.5, zero_count, positive, negative }, all)
    })
}

fn value(metric_type: MetricType) -> BoxedStrategy<Value> {
    match metric_type {
        MetricType::Counter => {
            (number(), exemplar()).prop_map(|(value, e)| Value::Scalar(value, e)).boxed()
        }
        MetricType::Gauge | MetricType::Untyped => {
            number().prop_map(|value| Value::Scalar(value, None)).boxed()
        }
        MetricType::Histogram => prop_oneof![
            (
                proptest::collection::btree_map(-50..50_i32, (0..u64::MAX >> 8, exemplar()), 0..5),
                0..1000_u64,
                number()
            )
                .prop_map(|(finite, above, sum)| {
                    let finite = finite.into_iter();
                    let mut buckets: Vec<Bucket> = finite
                        .map(|(bound, (count, e))| (f64::from(bound) / 8.0, count, e))
                        .collect();
                    buckets.push((f64::INFINITY, above, None));
                    Value::Histogram { buckets, sum, native: None }
                }),
            (native(), number()).prop_map(|((native, count), sum)| Value::Histogram {
                buckets: vec![(f64::INFINITY, count, None)],
                sum,
                native: Some(Arc::new(native)),
            }),
        ]
        .boxed(),
        MetricType::Summary => {
            (proptest::collection::btree_map(0..=100_u32, number(), 0..4), any::<u64>(), number())
                .prop_map(|(quantiles, count, sum)| {
                    let quantiles = quantiles.into_iter();
                    let quantiles =
                        quantiles.map(|(q, value)| (f64::from(q) / 100.0, value)).collect();
                    Value::Summary { quantiles, count, sum }
                })
                .boxed()
        }
    }
}

fn series(metric_type: MetricType) -> impl Strategy<Value = Series> {
    let name = "[a-hj-kA-Z_][a-zA-Z0-9_]{0,4}".prop_filter("reserved", |n| !n.starts_with("__"));
    let labels = proptest::collection::btree_map(name, "[a\"\\\\\n\r\té,={} #]{0,6}", 0..12);
    let created = proptest::option::of((0_u64..1 << 40).prop_map(Timestamp));
    (labels, value(metric_type), any::<bool>(), created).prop_map(
        move |(labels, value, has_timestamp, created)| {
            let is_plain = matches!(metric_type, MetricType::Gauge | MetricType::Untyped);
            let created = created.filter(|_| !is_plain);
            Series { labels: labels.into_iter().collect(), value, has_timestamp, created }
        },
    )
}

fn families() -> impl Strategy<Value = Vec<Family>> {
    let family = prop::sample::select(MetricType::ALL.to_vec()).prop_flat_map(|metric_type| {
        let help = prop_oneof![Just(String::new()), "h[a\"\\\\\n é#]{0,6}"];
        (help, proptest::collection::vec(series(metric_type), 1..5)).prop_map(
            move |(help, mut series)| {
                for (index, series) in series.iter_mut().enumerate() {
                    series.labels.insert(0, ("i".into(), index.to_string()));
                }
                Family { name: String::new(), metric_type, help, series }
            },
        )
    });
    proptest::collection::vec(family, 0..4).prop_map(|mut families| {
        for (index, family) in families.iter_mut().enumerate() {
            let is_counter = family.metric_type == MetricType::Counter;
            family.name = format!("f{index}{}", if is_counter { "_total" } else { "" });
        }
        families
    })
}

/// What was read, with the series of each family by their index.
fn read(body: &[u8], format: BodyFormat) -> Vec<Family> {
    let parsed = parse(body, format, ParseOptions::default())
        .unwrap_or_else(|error| panic!("{error} in {}", body.escape_ascii()));
    let family = |family: &crate::model::exposition::ExposedFamily| {
        let metrics = parsed.metrics(family).iter().map(|metric| series_of(&parsed, metric));
        let by_index: BTreeMap<_, _> = metrics.map(|s| (s.labels[0].clone(), s)).collect();
        assert_eq!(by_index.len(), parsed.metrics(family).len());
        Family {
            name: parsed.text(family.name).into(),
            metric_type: family.metric_type,
            help: parsed.text(family.help).into(),
            series: by_index.into_values().collect(),
        }
    };
    parsed.families.iter().map(family).collect()
}

fn series_of(parsed: &Exposition, metric: &ExposedMetric) -> Series {
    let text = |span| parsed.text(span).to_owned();
    let labels = parsed.labels(metric).iter().map(|l| (text(l.name), text(l.value))).collect();
    let value = match &metric.value {
        ExposedValue::Scalar { value, exemplar } => Value::Scalar(*value, exemplar.clone()),
        ExposedValue::Histogram { buckets, sum, native } => {
            let buckets = parsed.buckets(buckets).iter();
            let buckets = buckets.map(|b| (b.upper_bound, b.count, b.exemplar.clone())).collect();
            Value::Histogram { buckets, sum: *sum, native: native.clone() }
        }
        ExposedValue::Summary { quantiles, count, sum } => {
            let quantiles = parsed.quantiles(quantiles).iter();
            let quantiles = quantiles.map(|q| (q.quantile, q.value)).collect();
            Value::Summary { quantiles, count: *count, sum: *sum }
        }
    };
    Series { labels, value, has_timestamp: metric.has_timestamp, created: metric.created }
}

/// Without what a format cannot say.
fn without(families: &[Family], native: bool, rest: bool) -> Vec<Family> {
    let mut families = families.to_vec();
    for series in families.iter_mut().flat_map(|family| &mut family.series) {
        series.created = series.created.filter(|_| !rest);
        match &mut series.value {
            Value::Scalar(_, exemplar) if rest => *exemplar = None,
            Value::Histogram { buckets, native: sparse, .. } => {
                *sparse = sparse.take().filter(|_| !native);
                buckets.iter_mut().filter(|_| rest).for_each(|(.., exemplar)| *exemplar = None);
            }
            _ => {}
        }
    }
    families
}

proptest! {
    #[test]
    fn text_is_read_back(families in families(), seed in any::<u64>()) {
        let body = as_text::write(&families, false, seed);
        prop_assert_eq!(read(body.as_bytes(), BodyFormat::Text), without(&families, true, true));
    }

    #[test]
    fn open_metrics_is_read_back(families in families(), seed in any::<u64>()) {
        let body = as_text::write(&families, true, seed);
        let expected = without(&families, true, false);
        prop_assert_eq!(read(body.as_bytes(), BodyFormat::OpenMetrics), expected);
    }

    #[test]
    fn protobuf_is_read_back(families in families()) {
        prop_assert_eq!(read(&as_protobuf::write(&families), BodyFormat::Protobuf), families);
    }

    #[test]
    fn no_text_makes_it_panic(body in "(# (TYPE|HELP) )?[ah]_?[sb]?[ {},\"\\\\\na-c=0-9.#]{0,30}") {
        for format in [BodyFormat::Text, BodyFormat::OpenMetrics] {
            for utf8_names in [false, true] {
                let options = ParseOptions { utf8_names };
                let outcome = parse(body.as_bytes(), format, options);
                if let Err(error) = outcome {
                    prop_assert!(error.to_string().len() > "line 1, column 1: ".len());
                }
            }
        }
    }
}
