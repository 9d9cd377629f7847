//! Native histograms: pushed as protobuf, added up bucket by bucket, served as protobuf.

use prom_stream_gateway::decode::exposition::protobuf::messages::{
    BucketSpan, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prost::Message as _;

use super::{DEADLINE, OPENMETRICS, PROTOBUF, bytes, lines, push, push_only, restart};
use crate::harness::{Gateway, turn, wait_for};
use crate::prometheus::Prometheus;

/// What `times` pushes of it add up to: 11 observations each.
fn native(times: u32) -> Histogram {
    let span = |offset, length| BucketSpan { offset: Some(offset), length: Some(length) };
    let (count, signed) = (u64::from(times), i64::from(times));
    Histogram {
        sample_count: Some(11 * count),
        sample_sum: Some(7.5 * f64::from(times)),
        schema: Some(3),
        zero_threshold: Some(0.001),
        zero_count: Some(2 * count),
        negative_span: vec![span(5, 1)],
        negative_delta: vec![2 * signed],
        positive_span: vec![span(-2, 3), span(3, 1)],
        positive_delta: [1, 2, -2, 1].map(|delta| delta * signed).to_vec(),
        ..Histogram::default()
    }
}

fn family(name: &str) -> MetricFamily {
    let label = LabelPair { name: Some("path".into()), value: Some("/\"".into()) };
    let histogram = Some(Box::new(native(1)));
    MetricFamily {
        name: Some(name.into()),
        r#type: Some(MetricType::Histogram.into()),
        metric: vec![Metric { label: vec![label], histogram, ..Metric::default() }],
        ..MetricFamily::default()
    }
}

/// What is served of the family, but for the time at which it began.
#[track_caller]
fn served(gateway: &Gateway, name: &str) -> Histogram {
    let page = bytes(gateway, PROTOBUF);
    let mut rest = page.as_slice();
    while !rest.is_empty() {
        let mut family = MetricFamily::decode_length_delimited(&mut rest).expect("a whole family");
        if family.name.as_deref() == Some(name) {
            assert_eq!(family.metric.len(), 1);
            assert_eq!(family.metric[0].label[0].value.as_deref(), Some("/\""));
            let histogram = family.metric[0].histogram.take().expect("a histogram");
            return Histogram { created_timestamp: None, ..*histogram };
        }
    }
    panic!("no {name}");
}

#[test]
fn two_pushes_add_up_and_prometheus_reads_them() {
    const TYPE: &str = "application/vnd.google.protobuf; \
                        proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let _turn = turn::shared();
    let mut gateway = push_only().start();
    let body =
        [family("other"), family("size")].map(|family| family.encode_length_delimited_to_vec());
    for times in [1, 2] {
        assert_eq!(push(&gateway, TYPE, &body.concat()), 200);
        assert_eq!(served(&gateway, "size"), native(times));
    }
    restart(&mut gateway);
    assert_eq!(served(&gateway, "size"), native(2));
    assert_eq!(served(&gateway, "other"), native(2));
    // Other formats have the sum and the count alone.
    for accept in ["Accept: text/plain", OPENMETRICS] {
        let lines = lines(&gateway, accept, "size_");
        for line in [
            r#"size_bucket{path="/\"",le="+Inf"} 22"#,
            r#"size_sum{path="/\""} 15"#,
            r#"size_count{path="/\""} 22"#,
        ] {
            assert!(lines.iter().any(|served| served == line), "no {line} in {lines:?}");
        }
    }
    let prometheus = Prometheus::of(&gateway, &["--enable-feature=native-histograms"]);
    for (function, expected) in [("histogram_count", "22"), ("histogram_sum", "15")] {
        wait_for(function, DEADLINE, || {
            let answer = prometheus.api(&format!("query?query={function}(size)"))?;
            match answer["data"]["result"][0]["value"][1].as_str() {
                Some(value) if value == expected => Ok(()),
                _ => Err(answer.to_string()),
            }
        });
    }
}
