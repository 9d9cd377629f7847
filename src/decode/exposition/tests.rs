//! Bodies, and what becomes of them: a table for every rule.

use super::*;
use crate::model::exposition::{ExposedMetric, ExposedValue};

mod bad_text;
mod good_text;
mod openmetrics;
mod protobuf;
mod random;
mod speed;

fn parse_text(body: &str) -> Result<Exposition, ParseError> {
    parse(body.as_bytes(), BodyFormat::Text, ParseOptions { utf8_names: false })
}

#[test]
fn more_samples_than_memory_is_given_to_are_refused() {
    let body = "a 1\n".repeat(MAX_SAMPLES + 1);
    let error = parse_text(&body).expect_err("a line too many");
    assert_eq!(error.to_string(), "line 1, column 1: 2000001 lines; expected at most 2000000");
}

/// A line for every family and every metric: `counter a # help`, `{b="c"} 1`.
fn render(exposition: &Exposition) -> Vec<String> {
    let mut lines = Vec::new();
    for family in &exposition.families {
        let mut line = format!("{} {}", family.metric_type, exposition.text(family.name));
        for (mark, span) in [('#', family.help), ('/', family.unit)] {
            if !span.is_empty() {
                line += &format!(" {mark} {}", exposition.text(span));
            }
        }
        lines.push(line);
        lines.extend(exposition.metrics(family).iter().map(|m| render_metric(exposition, m)));
    }
    lines
}

fn render_metric(exposition: &Exposition, metric: &ExposedMetric) -> String {
    let labels: Vec<_> = exposition
        .labels(metric)
        .iter()
        .map(|label| format!("{}={:?}", exposition.text(label.name), exposition.text(label.value)))
        .collect();
    let exemplar = |exemplar: &Option<std::sync::Arc<crate::model::Exemplar>>| match exemplar {
        None => String::new(),
        Some(exemplar) => {
            let time = exemplar.timestamp.map(|time| format!("@{}", time.0)).unwrap_or_default();
            format!("!{{{}}}{}{time}", exemplar.labels, exemplar.value)
        }
    };
    let mut line = format!("{{{}}} ", labels.join(","));
    line += &match &metric.value {
        ExposedValue::Scalar { value, exemplar: e } => format!("{value}{}", exemplar(e)),
        ExposedValue::Histogram { buckets, sum, native } => {
            let buckets = exposition.buckets(buckets).iter();
            let buckets: Vec<_> = buckets
                .map(|b| format!("{}:{}{}", b.upper_bound, b.count, exemplar(&b.exemplar)))
                .collect();
            let native = native.as_ref().map(|native| format!(" {native:?}")).unwrap_or_default();
            format!("[{}] sum {sum}{native}", buckets.join(" "))
        }
        ExposedValue::Summary { quantiles, count, sum } => {
            let quantiles = exposition.quantiles(quantiles).iter();
            let quantiles: Vec<_> =
                quantiles.map(|q| format!("{}:{}", q.quantile, q.value)).collect();
            format!("({}) count {count} sum {sum}", quantiles.join(" "))
        }
    };
    if metric.has_timestamp {
        line += " timestamp";
    }
    if let Some(created) = metric.created {
        line += &format!(" created {}", created.0);
    }
    line
}
