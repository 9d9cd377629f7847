//! Groups as clients of the Pushgateway's API read them.

use serde_json::{Value, json};

use super::*;
use crate::model::MetricType;
use crate::store::TextColumn;

/// 2023-11-14T22:13:20Z.
const PUSHED_AT: f64 = 1_700_000_000.5;

fn family(name: &str, metric_type: MetricType, rows: &[(&str, u32)], values: Values) -> Family {
    Family {
        labels: rows.iter().map(|(labels, _)| *labels).collect::<TextColumn>(),
        groups: rows.iter().map(|(_, group)| *group).collect(),
        values,
        ..Family::empty(name, metric_type)
    }
}

fn gauge(name: &str, rows: &[(&str, u32)], values: &[f64]) -> Family {
    family(name, MetricType::Gauge, rows, Values::Scalars(values.to_vec()))
}

fn data(groups: &[&str], families: Vec<Family>) -> Value {
    let groups = groups.iter().map(|labels| (*labels).into()).collect();
    let cut = Cut { groups, families, ..Cut::default() };
    serde_json::to_value(Groups(&cut)).expect("JSON")
}

#[test]
fn every_type_is_shown_in_text_and_series_without_a_group_are_left_out() {
    let in_first = [("instance=\"\",job=\"a\\\"b\"", 1), ("job=\"none\"", 0)];
    let labels = json!({ "instance": "", "job": "a\"b" });
    let time_stamp = "2023-11-14T22:13:20Z";
    let mut temperature = gauge("temperature", &in_first, &[0.5, 7.0]);
    temperature.help = "In \"degrees\".".into();
    let mut latency = family(
        "latency",
        MetricType::Summary,
        &in_first,
        Values::Summaries {
            objectives: [].into(),
            counts: vec![3, 1],
            sums: vec![4.5, 1.0],
            windows: Vec::new(),
        },
    );
    latency.quantiles.set(0, Some([(0.5, 1.25), (0.99, f64::NAN)].into()));
    let sizes = Values::Histograms {
        bounds: [0.5, 10.0].into(),
        counts: vec![1, 2, 3, 9, 9, 9],
        sums: vec![100.0, 1.0],
    };
    let families = vec![
        gauge("push_time_seconds", &in_first[..1], &[PUSHED_AT]),
        family("sizes", MetricType::Histogram, &in_first, sizes),
        temperature,
        latency,
        gauge("push_failure_time_seconds", &in_first[..1], &[0.0]),
        gauge("alone", &in_first[1..], &[1.0]),
    ];
    let gauge = |value: &str| {
        json!({
            "time_stamp": time_stamp, "type": "GAUGE",
            "metrics": [{ "labels": labels, "value": value }],
        })
    };
    let mut temperature = gauge("0.5");
    temperature["help"] = "In \"degrees\".".into();
    let expected = json!([{
        "labels": labels,
        "last_push_successful": true,
        "push_time_seconds": gauge("1.7000000005e+09"),
        "push_failure_time_seconds": gauge("0"),
        "temperature": temperature,
        "latency": {
            "time_stamp": time_stamp, "type": "SUMMARY",
            "metrics": [{
                "labels": labels, "count": "3", "sum": "4.5",
                "quantiles": { "0.5": "1.25", "0.99": "NaN" },
            }],
        },
        "sizes": {
            "time_stamp": time_stamp, "type": "HISTOGRAM",
            "metrics": [{
                "labels": labels, "count": "6", "sum": "100",
                "buckets": { "0.5": "1", "10": "3", "+Inf": "6" },
            }],
        },
    }]);
    assert_eq!(data(&["instance=\"\",job=\"a\\\"b\"", "job=\"deleted\""], families), expected);
}

#[test]
fn the_later_of_the_two_times_tells_whether_the_last_push_succeeded() {
    let successful = |pushed: Option<f64>, failed: Option<f64>| {
        let times = [("push_time_seconds", pushed), ("push_failure_time_seconds", failed)];
        let families = times
            .into_iter()
            .filter_map(|(name, at)| Some(gauge(name, &[("job=\"x\"", 1)], &[at?])))
            .chain([gauge("g", &[("job=\"x\"", 1)], &[1.0])]);
        let data = data(&["job=\"x\""], families.collect());
        (data[0]["last_push_successful"].clone(), data[0]["g"]["time_stamp"].clone())
    };
    let (pushed, failed) = (json!("1970-01-01T00:00:20Z"), json!("1970-01-01T00:00:30Z"));
    assert_eq!(successful(Some(20.0), Some(0.0)), (json!(true), pushed.clone()));
    assert_eq!(successful(Some(20.0), Some(10.0)), (json!(true), pushed.clone()));
    assert_eq!(successful(Some(20.0), Some(30.0)), (json!(false), pushed.clone()));
    assert_eq!(successful(Some(0.0), Some(30.0)), (json!(false), failed.clone()));
    assert_eq!(successful(None, Some(30.0)), (json!(false), failed));
    assert_eq!(successful(Some(20.0), None), (json!(true), pushed));
}

#[test]
fn groups_and_their_rows_are_told_apart() {
    let rows = [("job=\"a\",n=\"1\"", 2), ("job=\"b\"", 1), ("job=\"a\",n=\"2\"", 2)];
    let families =
        vec![gauge("labels", &[("job=\"b\"", 1)], &[1.0]), gauge("g", &rows, &[1.0, 2.0, 3.0])];
    let data = data(&["job=\"b\"", "job=\"a\""], families);
    assert_eq!(
        data[0]["labels"],
        json!({ "job": "b" }),
        "a family of that name does not hide them"
    );
    assert_eq!(data[0]["g"]["metrics"], json!([{ "labels": { "job": "b" }, "value": "2" }]));
    assert_eq!(
        data[1]["g"]["metrics"],
        json!([
            { "labels": { "job": "a", "n": "1" }, "value": "1" },
            { "labels": { "job": "a", "n": "2" }, "value": "3" },
        ])
    );
}
