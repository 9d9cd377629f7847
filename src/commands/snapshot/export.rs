//! A snapshot's metrics for other programs: the text that Prometheus reads, or JSON.
//!
//! Both show the state as it was when the snapshot was taken: windows do not move
//! on. JSON tells also what no page of text does: when series began, their
//! groups, exemplars, native buckets.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use crate::checkpoint::codec::Snapshot;
use crate::expose::{self, PageFormat};
use crate::model::{Exemplar, NativeHistogram, Timestamp, labels};
use crate::store::{Cut, Family, RowView, Values};

/// What a scrape would have served then, without the gateway's own metrics.
pub(super) fn prometheus(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let mut result = Ok(());
    let taken_at = snapshot.cut.taken_at;
    let _ended_early = expose::render(&snapshot.cut, &[], taken_at, PageFormat::TEXT, |chunk| {
        result = out.write_all(&chunk);
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result
}

/// One object per line for each family, so that a large snapshot never stands in memory twice.
pub(super) fn json(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let meta = &snapshot.meta;
    let header = json!({
        "identity": meta.identity,
        "generation": meta.generation.to_string(),
        "created_at_seconds": meta.created_at.as_seconds(),
        "writer_version": meta.writer_version,
        "clean_shutdown": meta.clean_shutdown,
        "series": meta.series,
    });
    write!(out, "{{\"snapshot\":{header},\n\"families\":[")?;
    for (index, family) in snapshot.cut.families.iter().enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &self::family(family, &snapshot.cut))?;
    }
    out.write_all(b"\n]}\n")
}

fn family(family: &Family, cut: &Cut) -> Value {
    let series: Vec<Value> =
        family.rows().map(|row| Value::Object(series(family, family.row(row), cut))).collect();
    let mut members = Map::new();
    members.insert("name".into(), family.name.as_ref().into());
    members.insert("type".into(), family.metric_type.as_str().into());
    members.insert("help".into(), family.help.as_ref().into());
    if !family.unit.is_empty() {
        members.insert("unit".into(), family.unit.as_ref().into());
    }
    members.insert("series".into(), series.into());
    Value::Object(members)
}

fn series(family: &Family, row: RowView<'_>, cut: &Cut) -> Map<String, Value> {
    let mut members = values(family, row, cut.taken_at);
    members.insert("labels".into(), label_set(row.labels()));
    if let Some(created) = row.created() {
        members.insert("created_at_seconds".into(), created.as_seconds().into());
    }
    if let Some(group) = row.group().and_then(|group| cut.groups.get(group)) {
        members.insert("group".into(), label_set(group));
    }
    if let Some(window) = row.window() {
        let (shows, seconds) = (window.shows.as_str(), window.window_seconds);
        members.insert("window".into(), json!({ "shows": shows, "seconds": seconds }));
    }
    let exemplars: Vec<Value> = row
        .exemplars()
        .map(|(bucket, of)| exemplar(row.buckets().nth(bucket).map(|(bound, _)| bound), of))
        .collect();
    if !exemplars.is_empty() {
        members.insert("exemplars".into(), exemplars.into());
    }
    if let Some(native) = row.native() {
        members.insert("native".into(), self::native(native));
    }
    members
}

fn values(family: &Family, row: RowView<'_>, now: Timestamp) -> Map<String, Value> {
    let mut members = Map::new();
    if let Values::Scalars(_) = &family.values {
        members.insert("value".into(), number(row.scalar(now)));
        return members;
    }
    members.insert("count".into(), row.count().into());
    members.insert("sum".into(), number(row.sum()));
    if let Values::Histograms { .. } = &family.values {
        let bucket = |(bound, count)| json!({ "le": number(bound), "count": count });
        members.insert("buckets".into(), row.buckets().map(bucket).collect());
    } else {
        let quantiles = row.quantiles(now).into_iter();
        let quantile = |(quantile, value)| json!({ "quantile": quantile, "value": number(value) });
        members.insert("quantiles".into(), quantiles.map(quantile).collect());
    }
    members
}

/// `le` tells of which bucket it is.
fn exemplar(upper_bound: Option<f64>, exemplar: &Exemplar) -> Value {
    let mut members = Map::new();
    if let Some(bound) = upper_bound {
        members.insert("le".into(), number(bound));
    }
    members.insert("labels".into(), label_set(&exemplar.labels));
    members.insert("value".into(), number(exemplar.value));
    if let Some(at) = exemplar.timestamp {
        members.insert("timestamp_seconds".into(), at.as_seconds().into());
    }
    Value::Object(members)
}

fn native(native: &NativeHistogram) -> Value {
    json!({
        "schema": native.schema,
        "zero_threshold": number(native.zero_threshold),
        "zero_count": native.zero_count,
        "positive": native.positive,
        "negative": native.negative,
    })
}

/// JSON has no NaN and no infinities: they become the texts that Prometheus uses.
fn number(value: f64) -> Value {
    match value {
        _ if value.is_finite() => value.into(),
        _ if value.is_nan() => "NaN".into(),
        _ if value > 0.0 => "+Inf".into(),
        _ => "-Inf".into(),
    }
}

fn label_set(text: &str) -> Value {
    let pairs = labels::pairs(text).map(|pair| {
        let (name, value) = labels::split(pair);
        (labels::unquoted(name).into_owned(), labels::unescaped(value).into())
    });
    Value::Object(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::test_cut;

    #[test]
    fn what_text_does_not_show_is_in_json() {
        let mut cut = test_cut::cut();
        cut.groups = vec![r#"job="nightly",instance="""#.into()];
        cut.families[2].groups = vec![0, 1];
        let family = |name: &str| {
            let family = cut.families.iter().find(|family| &*family.name == name).unwrap();
            self::family(family, &cut)
        };
        assert_eq!(
            family("jobs_total")["series"],
            json!([
                {
                    "labels": { "job": "a" }, "value": 3.0, "created_at_seconds": 1_700_000_000.12,
                    "exemplars": [{
                        "labels": { "trace_id": "4b\"f9" }, "value": 0.5,
                        "timestamp_seconds": 1_700_000_000.007,
                    }],
                },
                {
                    "labels": { "job": "", "instance": "" }, "value": 0.5,
                    "exemplars": [{ "labels": { "trace_id": "é".repeat(121) }, "value": 1.0 }],
                },
            ]),
            "without the row that was removed"
        );
        let load = family("load_ratio");
        assert_eq!(load["unit"], "ratio");
        let grouped = json!({
            "labels": { "w": "1" }, "value": 2.5, "window": { "shows": "mean", "seconds": 300 },
            "group": { "job": "nightly", "instance": "" },
        });
        assert_eq!(load["series"][1], grouped);
        let native = &family("native")["series"][0]["native"];
        assert_eq!(native["positive"], json!([[-2, 1], [-1, 3], [0, 1], [4, 2]]));
        let quantiles =
            json!([{ "quantile": 0.9, "value": 2.5 }, { "quantile": 1.0, "value": "NaN" }]);
        assert_eq!(family("size")["series"][1]["quantiles"], quantiles);
        let exemplars = &family("wait_seconds")["series"][0]["exemplars"];
        assert_eq!((&exemplars[0]["le"], &exemplars[1]["le"]), (&json!(0.25), &json!("+Inf")));
        let labels = json!({ "l.a": "\"", "l a": "2", "b": "=" });
        assert_eq!(family("my.\"name\"_total")["series"][1]["labels"], labels);
        assert_eq!((&family("thing")["type"]), &json!("untyped"));
    }
}
