//! OpenMetrics 1.0.
//!
//! It is stricter than the text format, and the producers' names and values
//! were not chosen for it. A counter `x_total` is the family `x`, to which also
//! `x_created` belongs, so no other family may use these names; counters, sums
//! and counts never fall, and are never negative. A family that does not fit
//! comes apart: each of its sample names is a family of type `unknown`. So every
//! series is served, under the name that it has in every other format.

use std::collections::HashSet;

use super::View;
use super::head::written;
use super::layout::Entry;
use super::samples::{Part, Samples, Style, parts};
use super::units::Section;
use crate::model::{MetricType, Timestamp};
use crate::store::{Family, Values};

/// What stands at the end of a page.
pub(super) const END: &[u8] = b"# EOF\n";

/// `created_samples`: with `_created` where it is known.
pub(super) fn sections<'a>(
    entries: &'a [Entry<'a>],
    view: View,
    created_samples: bool,
) -> impl Iterator<Item = Section<'a>> {
    let fitting = fitting(entries, view.now);
    entries.iter().zip(fitting).flat_map(move |(entry, fits)| {
        if fits { vec![whole(entry, view, created_samples)] } else { apart(entry, view) }
    })
}

/// A family that is one of its type.
fn whole<'a>(entry: &Entry<'a>, view: View, created_samples: bool) -> Section<'a> {
    let metric_type = match entry.family.metric_type {
        MetricType::Untyped => "unknown",
        typed => typed.as_str(),
    };
    let head = head(entry.stem(), entry.unit(), entry.family, metric_type);
    let samples = Samples::new(entry, view, Style { float_labels: true, exemplars: true });
    let created: &[Part] = if created_samples { &[Part::Created] } else { &[] };
    Section::new(head, samples, [parts(&entry.family.values), created].concat())
}

/// A family that does not fit its type.
fn apart<'a>(entry: &Entry<'a>, view: View) -> Vec<Section<'a>> {
    let section = |part: &Part| {
        let name = format!("{}{}", entry.name, suffix(*part));
        let samples = Samples::new(entry, view, Style { float_labels: true, exemplars: false });
        let unit = entry.unit().filter(|_| name == entry.stem());
        Section::new(head(&name, unit, entry.family, "unknown"), samples, vec![*part])
    };
    parts(&entry.family.values).iter().map(section).collect()
}

fn head(name: &str, unit: Option<&str>, family: &Family, metric_type: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let name = written(name);
    out.extend_from_slice(format!("# TYPE {name} {metric_type}\n").as_bytes());
    if let Some(unit) = unit {
        out.extend_from_slice(format!("# UNIT {name} {unit}\n").as_bytes());
    }
    if !family.help.is_empty() {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        out.extend_from_slice(format!("# HELP {name} {help}\n").as_bytes());
    }
    out
}

fn suffix(part: Part) -> &'static str {
    match part {
        Part::Value | Part::Quantiles => "",
        Part::Buckets => "_bucket",
        Part::Sum => "_sum",
        Part::Count => "_count",
        Part::Created => "_created",
    }
}

/// Whether each family can be one of its type: its values are such that the format allows, and the
/// names that it has here besides those it has everywhere are nobody else's.
fn fitting(entries: &[Entry<'_>], now: Timestamp) -> Vec<bool> {
    let mut taken: HashSet<Box<str>> = entries.iter().flat_map(Entry::sample_names).collect();
    entries
        .iter()
        .map(|entry| {
            let created = || format!("{}_created", entry.stem()).into();
            let more: Vec<Box<str>> = match entry.family.metric_type {
                MetricType::Gauge | MetricType::Untyped => Vec::new(),
                MetricType::Counter if entry.stem().is_empty() => return false,
                MetricType::Counter if entry.stem() == entry.name => return false,
                MetricType::Counter => vec![entry.stem().into(), created()],
                MetricType::Histogram | MetricType::Summary => vec![created()],
            };
            let fits =
                more.iter().all(|name| !taken.contains(name)) && only_grows(entry.family, now);
            if fits {
                taken.extend(more);
            }
            fits
        })
        .collect()
}

/// Whether all that must only grow could have grown from zero, and so could what was summed up.
fn only_grows(family: &Family, now: Timestamp) -> bool {
    // False for NaN.
    let grown = |value: f64| value >= 0.0;
    match &family.values {
        Values::Scalars(_) if family.metric_type != MetricType::Counter => true,
        Values::Scalars(_) => family.rows().all(|row| grown(family.scalar(row, now))),
        Values::Histograms { bounds, sums, .. } => {
            bounds.first().is_none_or(|bound| grown(*bound))
                && family.rows().all(|row| grown(sums[row]))
        }
        Values::Summaries { sums, windows, .. } => {
            let fits = |(quantile, value): &(f64, f64)| {
                (0.0..=1.0).contains(quantile) && (grown(*value) || value.is_nan())
            };
            family.rows().all(|row| match family.quantiles.get(row) {
                Some(pushed) => grown(sums[row]) && pushed.iter().all(fits),
                None => grown(sums[row]) && windows.get(row).is_none_or(|w| grown(w.lowest())),
            })
        }
    }
}

#[cfg(test)]
mod tests;
