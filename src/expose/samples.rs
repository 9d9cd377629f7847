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
use crate::store::{Family, RowView, Values};

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
    pub(super) fn cache_key(&self) -> impl Hash {
        (&self.value, self.style, &self.label_names)
    }

    /// Writes these parts of the rows that were not removed.
    pub(super) fn write(&self, out: &mut Vec<u8>, parts: &[Part], rows: Range<usize>) {
        for row in rows.filter(|row| !self.family.removed.contains(*row)) {
            let row = self.family.row(row);
            let labels = self.label_names.apply(row.labels());
            for part in parts {
                self.part(out, *part, row, &labels);
            }
        }
    }

    fn part(&self, out: &mut Vec<u8>, part: Part, row: RowView<'_>, labels: &str) {
        match part {
            Part::Value => {
                self.value.push(out, labels);
                push_number(out, row.scalar(self.view.now));
                self.exemplar(out, row, 0);
                out.push(b'\n');
            }
            Part::Buckets => self.buckets(out, row, labels),
            Part::Quantiles => self.quantiles(out, row, labels),
            Part::Sum => {
                self.sum.push(out, labels);
                push_number(out, row.sum());
                out.push(b'\n');
            }
            Part::Count => {
                self.count.push(out, labels);
                push_whole(out, row.count());
                out.push(b'\n');
            }
            Part::Created => {
                if let Some(created) = row.created() {
                    self.created.push(out, labels);
                    push_seconds(out, created);
                    out.push(b'\n');
                }
            }
        }
    }

    fn buckets(&self, out: &mut Vec<u8>, row: RowView<'_>, labels: &str) {
        for (bucket, ((_, cumulative), le)) in row.buckets().zip(&self.extra).enumerate() {
            self.bucket.push_with(out, labels, le);
            push_whole(out, cumulative);
            self.exemplar(out, row, bucket);
            out.push(b'\n');
        }
    }

    fn quantiles(&self, out: &mut Vec<u8>, row: RowView<'_>, labels: &str) {
        if let Some(pushed) = row.pushed_quantiles() {
            for (quantile, value) in pushed {
                let label = self.style.extra_label("quantile", *quantile);
                self.quantile(out, labels, &label, *value);
            }
            return;
        }
        for (label, (_, estimate)) in self.extra.iter().zip(row.quantiles(self.view.now)) {
            self.quantile(out, labels, label, estimate);
        }
    }

    fn quantile(&self, out: &mut Vec<u8>, labels: &str, label: &[u8], value: f64) {
        self.value.push_with(out, labels, label);
        push_number(out, value);
        out.push(b'\n');
    }

    fn exemplar(&self, out: &mut Vec<u8>, row: RowView<'_>, bucket: usize) {
        if self.style.exemplars
            && let Some(exemplar) = row.exemplar(bucket)
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
