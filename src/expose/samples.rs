//! Samples as lines of text, for both text formats.
//!
//! A family is written row by row, each row part by part: a histogram's buckets,
//! then its sum, then its count. `le` and `quantile` follow the producer's
//! labels. Bucket counts become cumulative here, so `_count` is the `+Inf` bucket
//! by construction.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::chunks::Chunks;
use super::escaping::{Escaping, NameOf};
use super::label_names::LabelNames;
use super::number::{push_number, push_whole};
use crate::model::Timestamp;
use crate::model::labels::push_escaped;
use crate::store::{Family, Values};

/// What of a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A counter's, gauge's or untyped series' one sample.
    Value,
    Buckets,
    Quantiles,
    Sum,
    Count,
}

/// The parts that make up a family.
pub(super) fn parts(values: &Values) -> &'static [Part] {
    match values {
        Values::Scalars(_) => &[Part::Value],
        Values::Histograms { .. } => &[Part::Buckets, Part::Sum, Part::Count],
        Values::Summaries { .. } => &[Part::Quantiles, Part::Sum, Part::Count],
    }
}

/// The samples of one family.
pub(super) struct Samples<'a> {
    family: &'a Family,
    now: Timestamp,
    label_names: LabelNames,
    value: Head,
    bucket: Head,
    sum: Head,
    count: Head,
    /// `le="0.5"` of each bucket, `quantile="0.5"` of each objective.
    extra: Vec<Vec<u8>>,
}

impl<'a> Samples<'a> {
    /// Of the family, served as `name`.
    pub(super) fn new(family: &'a Family, name: &str, now: Timestamp, escaping: Escaping) -> Self {
        let extra = match &family.values {
            Values::Scalars(_) => Vec::new(),
            Values::Histograms { bounds, .. } => {
                let with_infinity = bounds.iter().copied().chain([f64::INFINITY]);
                with_infinity.map(|bound| extra_label("le", bound)).collect()
            }
            Values::Summaries { objectives, .. } => objectives
                .iter()
                .map(|objective| extra_label("quantile", objective.quantile))
                .collect(),
        };
        let texts = (0..family.labels.len()).map(|row| family.labels.get(row));
        let head = |suffix| Head::new(&format!("{name}{suffix}"));
        Self {
            family,
            now,
            label_names: LabelNames::of(texts, escaping),
            value: head(""),
            bucket: head("_bucket"),
            sum: head("_sum"),
            count: head("_count"),
            extra,
        }
    }

    /// Writes these parts of every row.
    pub(super) fn write<E: FnMut(Vec<u8>) -> ControlFlow<()>>(
        &self,
        chunks: &mut Chunks<E>,
        parts: &[Part],
    ) -> ControlFlow<()> {
        for row in self.family.rows() {
            let labels = self.label_names.apply(self.family.labels.get(row));
            for part in parts {
                self.part(&mut chunks.out, *part, row, &labels);
            }
            chunks.hand_out_if_full()?;
        }
        ControlFlow::Continue(())
    }

    fn part(&self, out: &mut Vec<u8>, part: Part, row: usize, labels: &str) {
        match (part, &self.family.values) {
            (Part::Value, Values::Scalars(values)) => {
                self.value.push(out, labels);
                push_number(out, self.scalar(values, row));
                out.push(b'\n');
            }
            (Part::Buckets, Values::Histograms { .. }) => self.buckets(out, row, labels),
            (Part::Quantiles, Values::Summaries { .. }) => self.quantiles(out, row, labels),
            (Part::Sum, Values::Histograms { sums, .. } | Values::Summaries { sums, .. }) => {
                self.sum.push(out, labels);
                push_number(out, sums[row]);
                out.push(b'\n');
            }
            (Part::Count, Values::Histograms { .. } | Values::Summaries { .. }) => {
                self.count.push(out, labels);
                push_whole(out, count(&self.family.values, row));
                out.push(b'\n');
            }
            _ => unreachable!("{part:?} is no part of a {}", self.family.metric_type),
        }
    }

    fn scalar(&self, values: &[f64], row: usize) -> f64 {
        self.family.windows.get(row).map_or(values[row], |window| window.value(self.now))
    }

    fn buckets(&self, out: &mut Vec<u8>, row: usize, labels: &str) {
        let mut cumulative = 0;
        for (own, le) in own_counts(&self.family.values, row).iter().zip(&self.extra) {
            cumulative += own;
            self.bucket.push_with(out, labels, le);
            push_whole(out, cumulative);
            out.push(b'\n');
        }
    }

    fn quantiles(&self, out: &mut Vec<u8>, row: usize, labels: &str) {
        if let Some(pushed) = self.family.quantiles.get(row) {
            for (quantile, value) in pushed.iter() {
                self.value.push_with(out, labels, &extra_label("quantile", *quantile));
                push_number(out, *value);
                out.push(b'\n');
            }
            return;
        }
        for (estimate, name) in
            estimates(&self.family.values, row, self.now).iter().zip(&self.extra)
        {
            self.value.push_with(out, labels, name);
            push_number(out, *estimate);
            out.push(b'\n');
        }
    }
}

/// Each bucket's own count, +Inf last; nothing where there are none.
pub(super) fn own_counts(values: &Values, row: usize) -> &[u64] {
    match values {
        Values::Histograms { bounds, counts, .. } => {
            &counts[row * (bounds.len() + 1)..][..=bounds.len()]
        }
        _ => &[],
    }
}

/// How many observations a histogram or a summary has seen.
pub(super) fn count(values: &Values, row: usize) -> u64 {
    match values {
        Values::Summaries { counts, .. } => counts[row],
        _ => own_counts(values, row).iter().sum(),
    }
}

/// What a summary estimates for its objectives.
pub(super) fn estimates(values: &Values, row: usize, now: Timestamp) -> Vec<f64> {
    match values {
        Values::Summaries { objectives, windows, .. } => {
            windows.get(row).map(|window| window.quantiles(objectives, now)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// `le="0.5"`: the label that a sample has besides its series' labels.
fn extra_label(name: &str, value: f64) -> Vec<u8> {
    let mut label = format!("{name}=\"").into_bytes();
    push_number(&mut label, value);
    label.push(b'"');
    label
}

/// Appends a metric's name as `# TYPE` lines have it: quoted if it must be.
pub(super) fn push_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(written(name).as_bytes());
}

fn written(name: &str) -> Cow<'_, str> {
    if NameOf::Metric.is_classic(name) {
        return Cow::Borrowed(name);
    }
    let mut quoted = String::from("\"");
    push_escaped(&mut quoted, name);
    quoted.push('"');
    Cow::Owned(quoted)
}

/// The samples of one name, up to and including the space before their value.
struct Head {
    /// Where there are no labels.
    bare: Vec<u8>,
    /// Up to where the labels follow.
    open: Vec<u8>,
}

impl Head {
    fn new(name: &str) -> Self {
        let (bare, open) = match written(name) {
            Cow::Borrowed(name) => (format!("{name} "), format!("{name}{{")),
            Cow::Owned(quoted) => (format!("{{{quoted}}} "), format!("{{{quoted},")),
        };
        Self { bare: bare.into_bytes(), open: open.into_bytes() }
    }

    fn push(&self, out: &mut Vec<u8>, labels: &str) {
        if labels.is_empty() {
            out.extend_from_slice(&self.bare);
        } else {
            out.extend_from_slice(&self.open);
            out.extend_from_slice(labels.as_bytes());
            out.extend_from_slice(b"} ");
        }
    }

    fn push_with(&self, out: &mut Vec<u8>, labels: &str, extra: &[u8]) {
        out.extend_from_slice(&self.open);
        if !labels.is_empty() {
            out.extend_from_slice(labels.as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(extra);
        out.extend_from_slice(b"} ");
    }
}
