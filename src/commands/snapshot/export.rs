//! A snapshot's metrics for other programs: the text that Prometheus reads, or JSON.
//!
//! Both show the state as it was when the snapshot was taken: the windows of
//! summaries do not move on.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use crate::checkpoint::codec::Snapshot;
use crate::expose::{self, Form};
use crate::model::{Timestamp, labels};
use crate::store::{Family, Values};

/// What a scrape would have served then, without the gateway's own metrics.
pub(super) fn prometheus(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let mut result = Ok(());
    let taken_at = snapshot.cut.taken_at;
    let _ended_early = expose::render(&snapshot.cut, &[], taken_at, Form::TEXT, |chunk| {
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
        serde_json::to_writer(&mut *out, &self::family(family, snapshot.cut.taken_at))?;
    }
    out.write_all(b"\n]}\n")
}

fn family(family: &Family, now: Timestamp) -> Value {
    let series: Vec<Value> = family
        .labels
        .iter()
        .enumerate()
        .map(|(row, text)| {
            let mut series = values(&family.values, row, now);
            series.insert("labels".into(), label_set(text));
            Value::Object(series)
        })
        .collect();
    json!({
        "name": &*family.name,
        "type": family.metric_type.as_str(),
        "help": &*family.help,
        "series": series,
    })
}

fn values(values: &Values, row: usize, now: Timestamp) -> Map<String, Value> {
    let members = match values {
        Values::Scalars(values) => vec![("value", number(values[row]))],
        Values::Histograms { bounds, counts, sums } => {
            let own = &counts[row * (bounds.len() + 1)..][..=bounds.len()];
            let mut count = 0;
            let mut buckets = Vec::with_capacity(own.len());
            for (bound, own) in bounds.iter().chain(&[f64::INFINITY]).zip(own) {
                count += own;
                buckets.push(json!({ "le": number(*bound), "count": count }));
            }
            vec![("count", count.into()), ("sum", number(sums[row])), ("buckets", buckets.into())]
        }
        Values::Summaries { objectives, counts, sums, windows } => {
            let estimates = windows.get(row).map(|window| window.quantiles(objectives, now));
            let quantiles: Vec<Value> = objectives
                .iter()
                .zip(estimates.into_iter().flatten())
                .map(|(objective, value)| {
                    json!({ "quantile": objective.quantile, "value": number(value) })
                })
                .collect();
            let count = counts[row].into();
            vec![("count", count), ("sum", number(sums[row])), ("quantiles", quantiles.into())]
        }
    };
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
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
    let pairs = labels::pairs(text).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        Some((name.to_owned(), unescaped(value).into()))
    });
    Value::Object(pairs.collect())
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}
