//! OpenMetrics 1.0.
//!
//! It is stricter than the text format, and the producers' names and values
//! were not chosen for it. A counter `x_total` is the family `x`, to which also
//! `x_created` belongs, so no other family may use these names; counters, sums
//! and counts never fall, and are never negative. A family that does not fit
//! comes apart: each of its sample names is a family of type `unknown`. So every
//! series is served, under the name that it has in every other format.
//!
//! Two of its types have no counterpart elsewhere, and are gauges in the state. They are told by
//! what the format says of them: `x_info` that is 1 in all series is the info `x`, and one whose
//! series all carry its name as a label, and are 0 or 1, is a stateset. So what was pushed as one of
//! them is served as that, and so is a build information that was sent as a gauge.

use std::collections::HashSet;

use super::View;
use super::head::written;
use super::layout::Entry;
use super::samples::{Part, Samples, Style, parts};
use super::units::Section;
use crate::model::{MetricType, Timestamp, labels};
use crate::store::{Family, Values};

/// What stands at the end of a page.
pub(super) const END: &[u8] = b"# EOF\n";

/// `created_samples`: with `_created` where it is known.
pub(super) fn sections<'a>(
    entries: &'a [Entry<'a>],
    view: View,
    created_samples: bool,
) -> impl Iterator<Item = Section<'a>> {
    let types = types(entries, view.now);
    entries.iter().zip(types).flat_map(move |(entry, fitting)| match fitting {
        Some(fitting) => vec![whole(entry, view, fitting, created_samples)],
        None => apart(entry, view),
    })
}

/// The type that a family is, and what it is called as such.
struct Fitting<'a> {
    word: &'static str,
    name: &'a str,
}

/// A family that is one of its type.
fn whole<'a>(
    entry: &Entry<'a>,
    view: View,
    fitting: Fitting<'_>,
    created_samples: bool,
) -> Section<'a> {
    let head = head(fitting.name, entry.unit(), entry.family, fitting.word);
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

/// The type of each family that can be one of its type: its values are such that the format allows,
/// and the names that it has here besides those it has everywhere are nobody else's.
fn types<'a>(entries: &'a [Entry<'_>], now: Timestamp) -> Vec<Option<Fitting<'a>>> {
    let mut taken: HashSet<Box<str>> = entries.iter().flat_map(Entry::sample_names).collect();
    let mut type_of = |entry: &'a Entry<'_>| {
        let (name, created) = (entry.stem(), || format!("{}_created", entry.stem()).into());
        let (word, more): (_, Vec<Box<str>>) = match entry.family.metric_type {
            MetricType::Untyped => ("unknown", Vec::new()),
            MetricType::Gauge if is_stateset(entry, now) => ("stateset", Vec::new()),
            MetricType::Gauge => ("gauge", Vec::new()),
            MetricType::Counter if name.is_empty() || name == entry.name => return None,
            MetricType::Counter => ("counter", vec![name.into(), created()]),
            typed @ (MetricType::Histogram | MetricType::Summary) => {
                (typed.as_str(), vec![created()])
            }
        };
        let fits = more.iter().all(|name| !taken.contains(name)) && only_grows(entry.family, now);
        fits.then(|| {
            taken.extend(more);
            Fitting { word, name }
        })
    };
    let mut types: Vec<_> = entries.iter().map(&mut type_of).collect();
    // What an info is called is a counter's before it.
    for (entry, fitting) in entries.iter().zip(&mut types) {
        if let Some(name) = info_name(entry, now).filter(|name| !taken.contains(*name)) {
            taken.insert(name.into());
            *fitting = Some(Fitting { word: "info", name });
        }
    }
    types
}

/// What a gauge is called as an info, if it is one.
fn info_name<'a>(entry: &'a Entry<'_>, now: Timestamp) -> Option<&'a str> {
    let family = entry.family;
    let info = entry.name.strip_suffix("_info").filter(|info| !info.is_empty())?;
    let is_gauge = family.metric_type == MetricType::Gauge && entry.unit().is_none();
    let is_info = is_gauge && family.rows().all(|row| family.scalar(row, now) == 1.0);
    is_info.then_some(info)
}

fn is_stateset(entry: &Entry<'_>, now: Timestamp) -> bool {
    let family = entry.family;
    let is_state = |row| {
        let mut labels = labels::names_and_values(family.labels.get(row));
        labels.any(|(name, _)| name == entry.name) && [0.0, 1.0].contains(&family.scalar(row, now))
    };
    entry.unit().is_none() && family.rows().all(is_state)
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
