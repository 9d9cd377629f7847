//! Messages as a decoder that knows only `metrics.proto` reads them back.

use prost::Message;

use super::*;
use crate::expose::test_cut::{self, NOW};
use crate::expose::{Escaping, Format, PageFormat, bytes};
use crate::model::Timestamp;
use crate::store::Cut;

mod messages;

use messages::{
    Bucket, BucketSpan, Counter, Exemplar, Gauge, Histogram, LabelPair, Metric, MetricFamily,
    Quantile, Summary, Untyped,
};

fn decoded(cut: &Cut, escaping: Escaping) -> Vec<MetricFamily> {
    let form = PageFormat { format: Format::Protobuf, escaping, created_samples: false };
    let page = bytes(cut, &[], NOW, form);
    let mut rest = page.as_slice();
    let mut families = Vec::new();
    while !rest.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut rest).expect("a whole family");
        families.push(family);
    }
    families
}

fn family(name: &str, r#type: i32, metric: Vec<Metric>) -> MetricFamily {
    MetricFamily { name: Some(name.into()), r#type: Some(r#type), metric, ..Default::default() }
}

fn label(name: &str, value: &str) -> LabelPair {
    LabelPair { name: Some(name.into()), value: Some(value.into()) }
}

fn at(milliseconds: u64) -> Option<messages::Timestamp> {
    Some(messages::Timestamp {
        seconds: (milliseconds / 1000).cast_signed(),
        nanos: (milliseconds % 1000 * 1_000_000) as i32,
    })
}

const CREATED: u64 = 1_700_000_000_120;

fn counter(label: Vec<LabelPair>, counter: Counter) -> Metric {
    Metric { label, counter: Some(counter), ..Default::default() }
}

fn value(value: f64) -> Counter {
    Counter { value: Some(value), ..Default::default() }
}

fn bucket(cumulative_count: u64, upper_bound: f64) -> Bucket {
    Bucket {
        cumulative_count: Some(cumulative_count),
        upper_bound: Some(upper_bound),
        exemplar: None,
    }
}

#[test]
fn scalars_are_decoded_as_they_are() {
    let families = decoded(&test_cut::cut(), Escaping::Underscores);
    let names: Vec<_> = families.iter().map(|family| family.name.as_deref().unwrap()).collect();
    let expected = [
        "bytes",
        "jobs_total",
        "load_ratio",
        "my__name__total",
        "native",
        "size",
        "thing",
        "wait_seconds",
    ];
    assert_eq!(names, expected);
    let bytes = Counter { created_timestamp: at(CREATED), ..value(1e21) };
    assert_eq!(families[0], family("bytes", 0, vec![counter(vec![], bytes)]));

    let exemplar =
        |labels, value, timestamp| Some(Exemplar { label: labels, value: Some(value), timestamp });
    let short = exemplar(vec![label("trace_id", "4b\"f9")], 0.5, at(1_700_000_000_007));
    let long = exemplar(vec![label("trace_id", &"é".repeat(121))], 1.0, None);
    let jobs = vec![
        counter(
            vec![label("job", "a")],
            Counter { exemplar: short, created_timestamp: at(CREATED), ..value(3.0) },
        ),
        counter(
            vec![label("job", ""), label("instance", "")],
            Counter { exemplar: long, ..value(0.5) },
        ),
    ];
    let help = Some("Jobs \"done\".\nAll of them: C:\\".into());
    assert_eq!(families[1], MetricFamily { help, ..family("jobs_total", 0, jobs) });

    let gauge = |label, value| Metric {
        label,
        gauge: Some(Gauge { value: Some(value) }),
        ..Default::default()
    };
    let load = vec![gauge(vec![], -1.5), gauge(vec![label("w", "1")], 2.5)];
    let unit = Some("ratio".into());
    assert_eq!(families[2], MetricFamily { unit, ..family("load_ratio", 1, load) });
    let thing = &families[6].metric[0];
    assert!(thing.untyped.as_ref().and_then(|untyped| untyped.value).unwrap().is_nan());
    assert_eq!(families[6].r#type, Some(3));
    assert!(matches!(thing.untyped, Some(Untyped { .. })));
}

#[test]
fn names_are_as_they_are_or_spelled() {
    for (escaping, name, labels) in [
        (Escaping::Underscores, "my__name__total", ["U__l_2e_a", "U__l_20_a", "b"]),
        (Escaping::Values, "U__my_2e__22_name_22___total", ["U__l_2e_a", "U__l_20_a", "b"]),
        (Escaping::Dots, "my_dot__name___total", ["l_dot_a", "U__l_20_a", "b"]),
        (Escaping::AllowUtf8, "my.\"name\"_total", ["l.a", "l a", "b"]),
    ] {
        let families = decoded(&test_cut::cut(), escaping);
        let family = families.iter().find(|family| family.name.as_deref() == Some(name));
        let family = family.unwrap_or_else(|| panic!("no {name} with {escaping:?}"));
        let labels: Vec<_> = labels
            .into_iter()
            .zip(["\"", "2", "="])
            .map(|(name, value)| label(name, value))
            .collect();
        assert_eq!(family.metric[1], counter(labels, value(2.0)));
        assert_eq!(family.metric[2], counter(vec![label("l_a", "4")], value(3.0)));
    }
}

#[test]
fn classic_histograms_have_buckets_with_exemplars() {
    let families = decoded(&test_cut::cut(), Escaping::Underscores);
    let first = Exemplar { label: vec![label("id", "1")], value: Some(0.2), timestamp: None };
    let last = Exemplar { label: vec![], value: Some(20.0), timestamp: at(1_700_000_001_000) };
    let histogram = Histogram {
        sample_count: Some(4),
        sample_sum: Some(30.5),
        bucket: vec![
            Bucket { exemplar: Some(first), ..bucket(1, 0.25) },
            bucket(1, 1.0),
            bucket(3, 10.0),
            Bucket { exemplar: Some(last), ..bucket(4, f64::INFINITY) },
        ],
        created_timestamp: at(CREATED),
        ..Default::default()
    };
    assert_eq!(families[7].metric[0].label, [label("path", "/")]);
    assert_eq!(families[7].metric[0].histogram, Some(histogram));
    assert_eq!((families[7].r#type, families[7].unit.as_deref()), (Some(4), Some("seconds")));
}

#[test]
fn native_histograms_have_spans_and_deltas() {
    let families = decoded(&test_cut::cut(), Escaping::Underscores);
    let span = |offset, length| BucketSpan { offset: Some(offset), length: Some(length) };
    let full = Histogram {
        sample_count: Some(11),
        sample_sum: Some(7.5),
        schema: Some(3),
        zero_threshold: Some(0.001),
        zero_count: Some(2),
        negative_span: vec![span(5, 1)],
        negative_delta: vec![2],
        positive_span: vec![span(-2, 3), span(3, 1)],
        positive_delta: vec![1, 2, -2, 1],
        ..Default::default()
    };
    let empty = Histogram {
        sample_count: Some(0),
        sample_sum: Some(0.0),
        schema: Some(0),
        zero_threshold: Some(0.0),
        zero_count: Some(0),
        positive_span: vec![span(0, 0)],
        ..Default::default()
    };
    let histograms: Vec<_> =
        families[4].metric.iter().filter_map(|metric| metric.histogram.clone()).collect();
    assert_eq!(histograms, [full, empty]);
}

#[test]
fn summaries_have_estimates_or_what_was_pushed() {
    let families = decoded(&test_cut::cut(), Escaping::Underscores);
    let quantile = |quantile, value| Quantile { quantile: Some(quantile), value: Some(value) };
    let estimated = Summary {
        sample_count: Some(1),
        sample_sum: Some(4.0),
        quantile: vec![quantile(0.5, 4.0)],
        created_timestamp: at(CREATED),
    };
    assert_eq!(families[5].metric[0].summary, Some(estimated));
    let pushed = families[5].metric[1].summary.as_ref().expect("a summary");
    assert_eq!((pushed.sample_count, pushed.sample_sum), (Some(7), Some(70.0)));
    assert_eq!(pushed.quantile[0], quantile(0.9, 2.5));
    assert_eq!(pushed.quantile[1].quantile, Some(1.0));
    assert!(pushed.quantile[1].value.expect("a value").is_nan());
    assert_eq!(pushed.quantile.len(), 2);
}

#[test]
fn a_family_longer_than_a_chunk_is_one_message() {
    let labels: Vec<String> = (0..30_000).map(|n| format!("n=\"{n:0>30}\"")).collect();
    let rows: Vec<_> = labels.iter().map(|labels| (labels.as_str(), 1.0)).collect();
    let families = vec![test_cut::scalars("many", MetricType::Gauge, &rows)];
    let cut = Cut { families, taken_at: Timestamp(1), ..Cut::default() };
    let families = decoded(&cut, Escaping::Underscores);
    assert_eq!(families.len(), 1);
    assert_eq!(families[0].metric.len(), 30_000);
    assert_eq!(families[0].metric[29_999].label[0].value.as_deref(), Some(&labels[29_999][3..33]));
}
