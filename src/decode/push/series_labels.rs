//! The label text of a series: the body's labels and the path's, in order, written once.
//!
//! Nothing is allocated for a series: pairs are put in order in scratch space, and the text is
//! written to the end of the one that all series share.

use super::Dialect;
use super::effect::CLEAR_MODE;
use super::path_labels::PathLabels;
use crate::decode::DecodeOptions;
use crate::model::exposition::{ExposedLabel, Exposition};
use crate::model::{SeriesHasher, labels};

/// What labels are written with.
pub(super) struct SeriesLabels<'a> {
    path: &'a PathLabels<'a>,
    dialect: Dialect,
    sort_labels: bool,
    hasher: &'a SeriesHasher,
    pairs: Vec<Pair<'a>>,
    /// The pairs sorted by name, where they are not written so.
    canonical: String,
}

struct Pair<'a> {
    name: &'a str,
    text: PairText<'a>,
}

enum PairText<'a> {
    /// A value as it is, not escaped yet.
    Value(&'a str),
    /// `name="value"`
    Rendered(&'a str),
}

/// What is known of a series once its labels are written.
pub(super) struct Written<'a> {
    pub(super) hash: u64,
    /// The mode that it chose.
    pub(super) clear_mode: Option<&'a str>,
}

/// A label that is in the path as well as in the body, where only one may be.
pub(super) struct DuplicateLabel<'a>(pub(super) &'a str);

impl<'a> SeriesLabels<'a> {
    pub(super) fn new(
        path: &'a PathLabels<'a>,
        dialect: Dialect,
        options: &'a DecodeOptions,
    ) -> Self {
        Self {
            path,
            dialect,
            sort_labels: options.sort_labels,
            hasher: &options.hasher,
            pairs: Vec::new(),
            canonical: String::new(),
        }
    }

    /// Appends the labels of a series of the family `name` to `text`.
    pub(super) fn append(
        &mut self,
        name: &str,
        body: &'a Exposition,
        labels: &[ExposedLabel],
        text: &mut String,
    ) -> Result<Written<'a>, DuplicateLabel<'a>> {
        let clear_mode = self.gather(body, labels)?;
        let start = text.len();
        let is_sorted = self.pairs.is_sorted_by(|a, b| a.name <= b.name);
        let hash = if is_sorted || self.sort_labels {
            if !is_sorted {
                self.pairs.sort_unstable_by(|a, b| a.name.cmp(b.name));
            }
            render(&self.pairs, text);
            self.hasher.hash(name, &text[start..])
        } else {
            render(&self.pairs, text);
            self.pairs.sort_unstable_by(|a, b| a.name.cmp(b.name));
            self.canonical.clear();
            render(&self.pairs, &mut self.canonical);
            self.hasher.hash(name, &self.canonical)
        };
        Ok(Written { hash, clear_mode })
    }

    /// Collects the pairs that the series will carry, in the order that they came: the body's, then
    /// the path's. Returns the mode that was chosen.
    fn gather(
        &mut self,
        body: &'a Exposition,
        labels: &[ExposedLabel],
    ) -> Result<Option<&'a str>, DuplicateLabel<'a>> {
        self.pairs.clear();
        let mut clear_mode = None;
        for label in labels {
            let (name, value) = (body.text(label.name), body.text(label.value));
            if value.is_empty() && self.dialect != Dialect::Replace {
                continue;
            }
            if name == CLEAR_MODE && self.dialect == Dialect::Aggregate {
                clear_mode = Some(value);
            } else if !self.path.contains(name) {
                self.pairs.push(Pair { name, text: PairText::Value(value) });
            } else if self.dialect == Dialect::Sum {
                return Err(DuplicateLabel(name));
            }
        }
        self.pairs.extend(
            self.path
                .labels
                .iter()
                .map(|label| Pair { name: label.name, text: PairText::Rendered(&label.rendered) }),
        );
        // So Prometheus does not take the gateway's own address for the instance.
        let is_instance = |pair: &Pair<'_>| pair.name == "instance";
        if self.dialect == Dialect::Replace && !self.pairs.iter().any(is_instance) {
            self.pairs.push(Pair { name: "instance", text: PairText::Value("") });
        }
        Ok(self.path.clear_mode.or(clear_mode))
    }
}

fn render(pairs: &[Pair<'_>], text: &mut String) {
    let start = text.len();
    for pair in pairs {
        if text.len() > start {
            text.push(',');
        }
        match pair.text {
            PairText::Value(value) => labels::push_pair(text, pair.name, value),
            PairText::Rendered(rendered) => text.push_str(rendered),
        }
    }
}
