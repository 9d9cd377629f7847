//! Samples as lines of text, for both text formats.
//!
//! A family is written row by row, each row part by part: a histogram's buckets,
//! then its sum, then its count. `le` and `quantile` follow the producer's
//! labels. Bucket counts become cumulative here, so `_count` is the `+Inf` bucket
//! by construction.

use std::hash::Hash;
use std::ops::Range;

use super::View;
use super::exemplar::push_exemplar;
use super::head::Head;
use super::label_names::LabelNames;
use super::layout::Entry;
use super::number::{push_label_float, push_label_number, push_number, push_seconds, push_whole};
use super::row::{count, created, estimates, exemplar, own_counts};
use crate::store::{Family, Values};

/// What the two text formats write differently.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Style {
    /// `le="1.0"` instead of `le="1"`.
    pub(super) float_labels: bool,
    pub(super) exemplars: bool,
}

/// What of a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// A counter's, gauge's or untyped series' one sample.
    Value,
    Buckets,
    Quantiles,
    Sum,
    Count,
    /// When the row began to count, where that is known; OpenMetrics only.
    Created,
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
    view: View,
    style: Style,
    label_names: LabelNames,
    value: Head,
    bucket: Head,
    sum: Head,
    count: Head,
    created: Head,
    /// `le="0.5"` of each bucket, `quantile="0.5"` of each objective.
    extra: Vec<Vec<u8>>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(entry: &Entry<'a>, view: View, style: Style) -> Self {
        let family = entry.family;
        let extra = match &family.values {
            Values::Scalars(_) => Vec::new(),
            Values::Histograms { bounds, .. } => {
                let with_infinity = bounds.iter().copied().chain([f64::INFINITY]);
                with_infinity.map(|bound| style.extra_label("le", bound)).collect()
            }
            Values::Summaries { objectives, .. } => objectives
                .iter()
                .map(|objective| style.extra_label("quantile", objective.quantile))
                .collect(),
        };
        let head = |suffix| Head::new(&format!("{}{suffix}", entry.name));
        Self {
            family,
            view,
            style,
            label_names: entry.label_names(view.escaping),
            value: head(""),
            bucket: head("_bucket"),
            sum: head("_sum"),
            count: head("_count"),
            created: Head::new(&format!("{}_created", entry.stem())),
            extra,
        }
    }

    pub(super) fn family(&self) -> &'a Family {
        self.family
    }

    /// How many rows there are, removed ones included.
    pub(super) fn rows(&self) -> usize {
        self.family.labels.len()
    }

    /// What the text of a row depends on besides the row, and besides what never changes as long as
    /// there is the family.
    pub(super) fn guise(&self) -> impl Hash {
        (&self.value, self.style, &self.label_names)
    }

    /// Writes these parts of the rows that were not removed.
    pub(super) fn write(&self, out: &mut Vec<u8>, parts: &[Part], rows: Range<usize>) {
        for row in rows.filter(|row| !self.family.removed.contains(*row)) {
            let labels = self.label_names.apply(self.family.labels.get(row));
            for part in parts {
                self.part(out, *part, row, &labels);
            }
        }
    }

    fn part(&self, out: &mut Vec<u8>, part: Part, row: usize, labels: &str) {
        match (part, &self.family.values) {
            (Part::Value, Values::Scalars(_)) => {
                self.value.push(out, labels);
                push_number(out, self.family.scalar(row, self.view.now));
                self.exemplar(out, row, 0);
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
            (Part::Created, _) => {
                if let Some(created) = created(self.family, row) {
                    self.created.push(out, labels);
                    push_seconds(out, created);
                    out.push(b'\n');
                }
            }
            _ => unreachable!("{part:?} is no part of a {}", self.family.metric_type),
        }
    }

    fn buckets(&self, out: &mut Vec<u8>, row: usize, labels: &str) {
        let mut cumulative = 0;
        let own_counts = own_counts(&self.family.values, row);
        for (bucket, (own, le)) in own_counts.iter().zip(&self.extra).enumerate() {
            cumulative += own;
            self.bucket.push_with(out, labels, le);
            push_whole(out, cumulative);
            self.exemplar(out, row, bucket);
            out.push(b'\n');
        }
    }

    fn quantiles(&self, out: &mut Vec<u8>, row: usize, labels: &str) {
        if let Some(pushed) = self.family.quantiles.get(row) {
            for (quantile, value) in pushed.iter() {
                let label = self.style.extra_label("quantile", *quantile);
                self.quantile(out, labels, &label, *value);
            }
            return;
        }
        let estimates = estimates(&self.family.values, row, self.view.now);
        for (label, estimate) in self.extra.iter().zip(estimates) {
            self.quantile(out, labels, label, estimate);
        }
    }

    fn quantile(&self, out: &mut Vec<u8>, labels: &str, label: &[u8], value: f64) {
        self.value.push_with(out, labels, label);
        push_number(out, value);
        out.push(b'\n');
    }

    fn exemplar(&self, out: &mut Vec<u8>, row: usize, bucket: usize) {
        if self.style.exemplars
            && let Some(exemplar) = exemplar(self.family, row, bucket)
        {
            push_exemplar(out, exemplar, self.view.escaping);
        }
    }
}

impl Style {
    /// `le="0.5"`: the label that a sample has besides its series' labels.
    fn extra_label(self, name: &str, value: f64) -> Vec<u8> {
        let mut label = format!("{name}=\"").into_bytes();
        let push = if self.float_labels { push_label_float } else { push_label_number };
        push(&mut label, value);
        label.push(b'"');
        label
    }
}
