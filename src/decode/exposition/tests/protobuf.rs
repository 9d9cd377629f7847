//! What is accepted of protobuf, and what is refused with which words.

use prost::Message;

use super::super::protobuf::messages::*;
use super::*;

mod native;

fn parse_families(families: &[MetricFamily]) -> Result<Exposition, ParseError> {
    parse_bytes(
        &families.iter().flat_map(Message::encode_length_delimited_to_vec).collect::<Vec<_>>(),
    )
}

fn parse_bytes(body: &[u8]) -> Result<Exposition, ParseError> {
    parse(body, BodyFormat::Protobuf, ParseOptions { utf8_names: false })
}

#[track_caller]
fn assert_families(families: &[MetricFamily], expected: &[&str]) {
    let exposition = parse_families(families).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(render(&exposition), expected);
}

#[track_caller]
fn assert_refused(family: MetricFamily, expected: &str) {
    let error = parse_families(&[family]).map(|parsed| render(&parsed)).expect_err(expected);
    assert_eq!(error.to_string(), expected);
}

fn family(name: &str, metric_type: MetricType, metric: Metric) -> MetricFamily {
    MetricFamily {
        name: Some(name.into()),
        r#type: Some(metric_type.into()),
        metric: vec![metric],
        ..MetricFamily::default()
    }
}

fn label(name: &str, value: &str) -> LabelPair {
    LabelPair { name: Some(name.into()), value: Some(value.into()) }
}

fn of_histogram(histogram: Histogram) -> MetricFamily {
    let metric = Metric { histogram: Some(Box::new(histogram)), ..Metric::default() };
    family("h", MetricType::Histogram, metric)
}

fn bucket(upper_bound: f64, cumulative_count: u64) -> Bucket {
    let (upper_bound, cumulative_count) = (Some(upper_bound), Some(cumulative_count));
    Bucket { upper_bound, cumulative_count, ..Bucket::default() }
}

fn exemplar(value: f64) -> Exemplar {
    let timestamp = Some(Timestamp { seconds: 1, nanos: 500_000_000 });
    Exemplar { label: vec![label("t", "a\"")], value: Some(value), timestamp }
}

#[test]
fn scalars() {
    let counter = Metric {
        label: vec![label("b", "é\n"), label("a", "")],
        counter: Some(Box::new(Counter {
            value: Some(1.5),
            exemplar: Some(exemplar(0.5)),
            created_timestamp: Some(Timestamp { seconds: 3, nanos: 4_999_999 }),
        })),
        timestamp_ms: Some(0),
        ..Metric::default()
    };
    let counters = MetricFamily {
        help: Some("a \\ b".into()),
        unit: Some("jobs".into()),
        ..family("c", MetricType::Counter, counter)
    };
    let gauge = Metric {
        gauge: Some(Box::new(Gauge { value: Some(f64::NEG_INFINITY) })),
        ..Metric::default()
    };
    let gauges = family("g", MetricType::Gauge, gauge);
    let untyped = Metric { untyped: Some(Box::new(Untyped { value: None })), ..Metric::default() };
    let none = MetricFamily { name: Some("n".into()), ..MetricFamily::default() };
    assert_families(
        &[gauges.clone(), counters, none, family("u", MetricType::Untyped, untyped), gauges],
        &[
            "gauge g",
            "{} -inf",
            "{} -inf",
            "counter c # a \\ b / jobs",
            r#"{b="é\n",a=""} 1.5!{t="a\""}0.5@1500 timestamp created 3004"#,
            "untyped u",
            "{} 0",
        ],
    );
    assert_families(&[], &[]);
}

#[test]
fn histograms_and_summaries() {
    let classic = Histogram {
        sample_count: Some(3),
        sample_sum: Some(2.0),
        bucket: vec![
            Bucket { exemplar: Some(Box::new(exemplar(0.5))), ..bucket(2.0, 2) },
            bucket(1.0, 1),
        ],
        created_timestamp: Some(Timestamp { seconds: 1, nanos: 0 }),
        ..Histogram::default()
    };
    let floats = Histogram {
        sample_count_float: Some(4.0),
        bucket: vec![Bucket {
            cumulative_count_float: Some(3.0),
            upper_bound: Some(1.0),
            ..Bucket::default()
        }],
        ..Histogram::default()
    };
    assert_families(
        &[of_histogram(classic), of_histogram(floats)],
        &[
            "histogram h",
            r#"{} [1:1 2:1!{t="a\""}0.5@1500 inf:1] sum 2 created 1000"#,
            "{} [1:3 inf:1] sum 0",
        ],
    );
    let summary = Summary {
        sample_count: Some(3),
        sample_sum: Some(2.0),
        quantile: vec![
            Quantile { quantile: Some(0.9), value: Some(9.0) },
            Quantile { quantile: Some(0.5), value: Some(f64::NAN) },
        ],
        created_timestamp: None,
    };
    let summary = Metric { summary: Some(Box::new(summary)), ..Metric::default() };
    assert_families(
        &[family("s", MetricType::Summary, summary)],
        &["summary s", "{} (0.5:NaN 0.9:9) count 3 sum 2"],
    );
}

#[test]
fn bad_metrics() {
    use MetricType::{Counter as C, Gauge as G, GaugeHistogram, Histogram as H, Summary as S};
    let gauge = || Metric { gauge: Some(Box::default()), ..Metric::default() };
    let labelled = |label| Metric { label, ..gauge() };
    for (family, expected) in [
        (
            family("a-b", G, gauge()),
            "byte 1: found the name \"a-b\"; expected [a-zA-Z_:][a-zA-Z0-9_:]*",
        ),
        (
            family("g", GaugeHistogram, gauge()),
            "byte 1: found the type GAUGE_HISTOGRAM; expected COUNTER, GAUGE, SUMMARY, UNTYPED or HISTOGRAM",
        ),
        (
            MetricFamily { r#type: Some(9), ..family("g", G, gauge()) },
            "byte 1: found a type of number 9; expected COUNTER, GAUGE, SUMMARY, UNTYPED or HISTOGRAM",
        ),
        (family("g", C, gauge()), "byte 8: found no counter, which its family is"),
        (family("g", H, gauge()), "byte 8: found no histogram, which its family is"),
        (family("g", S, gauge()), "byte 8: found no summary, which its family is"),
        (
            family("g", G, labelled(vec![label("__a", "")])),
            "byte 8: found the label \"__a\"; expected [a-zA-Z_][a-zA-Z0-9_]* that __ does not begin",
        ),
        (
            family("g", G, labelled(vec![label("a", "b"), label("a", "c")])),
            "byte 8: found the label \"a\" twice; expected each label once",
        ),
        (
            of_histogram(Histogram { bucket: vec![bucket(f64::NAN, 1)], ..Histogram::default() }),
            "byte 8: found the upper bound NaN; expected a number or +Inf",
        ),
        (
            of_histogram(Histogram { sample_count_float: Some(0.5), ..Histogram::default() }),
            "byte 8: found a count of 0.5; expected a whole number",
        ),
        (
            of_histogram(Histogram { bucket: vec![bucket(1.0, 4)], ..Histogram::default() }),
            "byte 8: the histogram \"h\": found a _count of 0; expected at least the 4 of le=1",
        ),
        (
            of_histogram(Histogram {
                created_timestamp: Some(Timestamp { seconds: -1, nanos: 0 }),
                ..Histogram::default()
            }),
            "byte 8: found a time of -1 seconds; expected one after 1970",
        ),
    ] {
        assert_refused(family, expected);
    }
    let le = Metric { label: vec![label("le", "1")], ..Metric::default() };
    assert_refused(
        family("h", H, le),
        "byte 8: found the label \"le\"; expected a name that its type does not set itself",
    );
    let error = parse_families(&[
        family("g", G, gauge()),
        family("g", C, Metric { counter: Some(Box::default()), ..Metric::default() }),
    ]);
    assert_eq!(
        error.expect_err("two types").to_string(),
        "byte 11: found the counter \"g\"; expected the gauge that it was before"
    );
}

#[test]
fn lengths_are_not_believed() {
    let gauge = Metric { gauge: Some(Box::default()), ..Metric::default() };
    let whole = family("g", MetricType::Gauge, gauge).encode_length_delimited_to_vec();
    assert!(parse_bytes(&whole).is_ok());
    for length in 1..whole.len() {
        let error = parse_bytes(&whole[..length]).expect_err("truncated").to_string();
        let left = length - 1;
        let expected =
            format!("byte 0: found a message of 9 bytes; expected at most the {left} left");
        assert_eq!(error, expected);
    }
    for (body, expected) in [
        (
            &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..],
            "byte 0: found a message of 18446744073709551615 bytes",
        ),
        (
            &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            "byte 0: found no length of a message; expected a varint",
        ),
        (&b"\x80"[..], "byte 0: found no length of a message; expected a varint"),
        (&b"\x02\x0a\x05"[..], "byte 1: found \"failed to decode Protobuf message: "),
        (&b"\x03\x0a\x01\xff"[..], "byte 1: found \"failed to decode Protobuf message: "),
        (&b"\x05\x0a\x01a\x22\x05"[..], "byte 1: found \"failed to decode Protobuf message: "),
        (
            &b"\x07\x0a\x01a\x22\x02\x0a\x05"[..],
            "byte 6: found \"failed to decode Protobuf message: ",
        ),
    ] {
        let error = parse_bytes(body).map(|parsed| render(&parsed));
        let error = error.expect_err(expected).to_string();
        assert!(error.starts_with(expected) && error.len() < 250, "{error} is not {expected}");
    }
}
