//! Families as the text format or OpenMetrics, their samples shuffled.

use super::*;
use crate::model::labels::push_escaped;

pub(super) fn write(families: &[Family], is_open_metrics: bool, seed: u64) -> String {
    let mut metadata = String::new();
    let mut samples = Vec::new();
    for family in families {
        let declared = match is_open_metrics {
            true => family.name.strip_suffix("_total").unwrap_or(&family.name),
            false => &family.name,
        };
        let metric_type = match family.metric_type {
            MetricType::Untyped if is_open_metrics => "unknown",
            other => other.as_str(),
        };
        metadata += &format!("# TYPE {declared} {metric_type}\n");
        if !family.help.is_empty() {
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            metadata += &format!("# HELP {declared} {help}\n");
        }
        for series in &family.series {
            let first = samples.len();
            sample_lines(family, series, &mut samples, is_open_metrics);
            let timestamp = match (series.has_timestamp, is_open_metrics) {
                (false, _) => "",
                (true, false) => " -12",
                (true, true) => " 1625.5",
            };
            for (line, exemplar) in &mut samples[first..] {
                line.push_str(timestamp);
                line.push_str(exemplar);
            }
            if let Some(created) = series.created.filter(|_| is_open_metrics) {
                let labels = labels(&series.labels);
                let line = format!("{declared}_created{labels} {}", created.as_seconds());
                samples.push((line, String::new()));
            }
        }
    }
    shuffle(&mut samples, seed);
    let mut body = metadata;
    samples.iter().for_each(|(line, _)| body += &format!("{line}\n"));
    if is_open_metrics {
        body += "# EOF\n";
    }
    body
}

/// Each line, and the exemplar that may stand behind its timestamp.
fn sample_lines(
    family: &Family,
    series: &Series,
    lines: &mut Vec<(String, String)>,
    has_exemplars: bool,
) {
    let name = &family.name;
    let exemplar = |exemplar: &Option<Arc<Exemplar>>| match exemplar {
        Some(exemplar) if has_exemplars => {
            let time = exemplar.timestamp.map(|time| format!(" {}", time.as_seconds()));
            format!(" # {{{}}} {}{}", exemplar.labels, exemplar.value, time.unwrap_or_default())
        }
        _ => String::new(),
    };
    let own = labels(&series.labels);
    let mut push = |line: String, exemplar: String| lines.push((line, exemplar));
    match &series.value {
        Value::Scalar(value, e) => push(format!("{name}{own} {value}"), exemplar(e)),
        Value::Histogram { buckets, sum, .. } => {
            let mut cumulative = 0;
            for (bound, count, e) in buckets {
                cumulative += count;
                let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".into() };
                let labels = with(&series.labels, "le", bound, cumulative % 2 == 0);
                push(format!("{name}_bucket{labels} {cumulative}"), exemplar(e));
            }
            push(format!("{name}_sum{own} {sum}"), String::new());
            push(format!("{name}_count{own} {cumulative}"), String::new());
        }
        Value::Summary { quantiles, count, sum } => {
            for (quantile, value) in quantiles {
                let labels =
                    with(&series.labels, "quantile", quantile.to_string(), *count % 2 == 0);
                push(format!("{name}{labels} {value}"), String::new());
            }
            push(format!("{name}_sum{own} {sum}"), String::new());
            push(format!("{name}_count{own} {count}"), String::new());
        }
    }
}

fn with(own: &[(String, String)], name: &str, value: String, first: bool) -> String {
    let mut all = own.to_vec();
    all.insert(if first { 0 } else { own.len() }, (name.into(), value));
    labels(&all)
}

fn labels(labels: &[(String, String)]) -> String {
    let mut text = String::from("{");
    for (name, value) in labels {
        text += &format!("{name}=\"");
        push_escaped(&mut text, value);
        text += "\",";
    }
    text + "}"
}

/// Fisher and Yates' shuffle, with a generator that needs to be no better.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(last, (seed >> 33) as usize % (last + 1));
    }
}
