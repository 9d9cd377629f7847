//! Samples into families.
//!
//! Metrics are kept in the order they come in, as runs of one family; families are put together
//! at the end. A body that doesn't mix its families, as most, has nothing to be moved.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::composite::Composites;
use super::label_sets;
use super::names::Names;
use super::problem::{Problem, Shown};
use crate::model::exposition::{
    ExposedFamily, ExposedLabel, ExposedMetric, ExposedValue, Exposition,
};
use crate::model::{Exemplar, MetricType, Span, Timestamp};

/// A family as far as it is known.
pub(super) struct Draft {
    /// As its samples are served in the text format.
    pub(super) name: Span,
    /// `None` before a TYPE line or a sample.
    pub(super) metric_type: Option<MetricType>,
    /// The type as it was declared, which may be one that only OpenMetrics has.
    pub(super) declared: Option<&'static str>,
    pub(super) help: Span,
    pub(super) unit: Span,
}

/// Metrics of one family, one after the other.
struct Run {
    family: usize,
    metrics: Range<usize>,
}

/// A time of creation that came apart from its counter.
struct Created {
    family: usize,
    labels: Range<u32>,
    at: usize,
    time: Timestamp,
}

/// Takes samples, and gives an exposition.
#[derive(Default)]
pub(super) struct Builder<'a> {
    pub(super) out: Exposition,
    pub(super) families: Vec<Draft>,
    pub(super) names: Names<'a>,
    pub(super) composites: Composites,
    runs: Vec<Run>,
    created: Vec<Created>,
}

impl<'a> Builder<'a> {
    /// `text`: what spans refer to so far, to which more is appended.
    pub(super) fn new(text: String) -> Self {
        Self { out: Exposition { text, ..Exposition::default() }, ..Self::default() }
    }

    /// The family of that name in metadata; `span` is where it stands in the text.
    pub(super) fn family(&mut self, name: Cow<'a, str>, span: Span) -> usize {
        let family = self.names.family(name, self.families.len());
        if family == self.families.len() {
            self.families.push(Draft {
                name: span,
                metric_type: None,
                declared: None,
                help: Span::default(),
                unit: Span::default(),
            });
        }
        family
    }

    pub(super) fn family_name(&self, family: usize) -> Shown<'_> {
        Shown(self.out.text(self.families[family].name))
    }

    /// The labels from `first` on, which no metric has taken yet.
    pub(super) fn loose_labels(&self, first: usize) -> &[ExposedLabel] {
        &self.out.pairs[first..]
    }

    /// Adds a metric with the labels from `first_label` on; returns its index.
    pub(super) fn push(
        &mut self,
        family: usize,
        first_label: usize,
        value: ExposedValue,
        has_timestamp: bool,
    ) -> usize {
        let index = self.out.metrics.len();
        let labels = narrow(first_label)..narrow(self.out.pairs.len());
        self.out.metrics.push(ExposedMetric { labels, value, has_timestamp, created: None });
        match self.runs.last_mut() {
            Some(run) if run.family == family => run.metrics.end = index + 1,
            _ => self.runs.push(Run { family, metrics: index..index + 1 }),
        }
        index
    }

    pub(super) fn push_scalar(
        &mut self,
        family: usize,
        first_label: usize,
        value: f64,
        exemplar: Option<Arc<Exemplar>>,
        has_timestamp: bool,
    ) {
        let value = ExposedValue::Scalar { value, exemplar };
        self.push(family, first_label, value, has_timestamp);
    }

    /// When a counter with the labels from `first_label` on was made: most often the one before.
    pub(super) fn created(
        &mut self,
        family: usize,
        first_label: usize,
        at: usize,
        time: Timestamp,
    ) {
        let Exposition { metrics, pairs, text, .. } = &mut self.out;
        if let Some(last) = metrics.last_mut()
            && self.runs.last().is_some_and(|run| run.family == family)
            && last.created.is_none()
            && label_sets::same(
                text,
                &pairs[last.labels.start as usize..last.labels.end as usize],
                &pairs[first_label..],
            )
        {
            last.created = Some(time);
            pairs.truncate(first_label);
            return;
        }
        let labels = narrow(first_label)..narrow(pairs.len());
        self.created.push(Created { family, labels, at, time });
    }

    pub(super) fn finish(mut self) -> Result<Exposition, Problem> {
        self.settle_created()?;
        self.composites.settle(&self.families, &mut self.out)?;
        let Self { mut out, mut runs, families, .. } = self;
        // Stable: within a family, metrics stay in their order.
        if !runs.is_sorted_by_key(|run| run.family) {
            runs.sort_by_key(|run| run.family);
            let mut sorted = Vec::with_capacity(out.metrics.len());
            for run in &mut runs {
                let start = sorted.len();
                sorted.extend_from_slice(&out.metrics[run.metrics.clone()]);
                run.metrics = start..sorted.len();
            }
            out.metrics = sorted;
        }
        for run in runs.chunk_by(|a, b| a.family == b.family) {
            let Draft { name, metric_type, help, unit, .. } = families[run[0].family];
            let metric_type = metric_type.expect("a family with samples has a type");
            let metrics = narrow(run[0].metrics.start)..narrow(run[run.len() - 1].metrics.end);
            out.families.push(ExposedFamily { name, metric_type, help, unit, metrics });
        }
        Ok(out)
    }

    /// Finds the counters of those times that didn't stand behind them.
    fn settle_created(&mut self) -> Result<(), Problem> {
        if self.created.is_empty() {
            return Ok(());
        }
        let hasher = foldhash::fast::RandomState::default();
        let Exposition { metrics, pairs, text, .. } = &mut self.out;
        let labels = |range: &Range<u32>| &pairs[range.start as usize..range.end as usize];
        let key = |family: usize, range: &Range<u32>| {
            label_sets::hash(text, labels(range), &hasher) ^ family as u64
        };
        let mut table = hashbrown::HashTable::with_capacity(self.created.len());
        for (index, created) in self.created.iter().enumerate() {
            let hash = key(created.family, &created.labels);
            table.insert_unique(hash, (index, hash), |(_, hash)| *hash);
        }
        let mut has_counter = vec![false; self.created.len()];
        for run in &self.runs {
            for metric in &mut metrics[run.metrics.clone()] {
                let found = table.find(key(run.family, &metric.labels), |(index, _)| {
                    let created = &self.created[*index];
                    created.family == run.family
                        && label_sets::same(text, labels(&created.labels), labels(&metric.labels))
                });
                if let Some((index, _)) = found
                    && metric.created.is_none()
                {
                    metric.created = Some(self.created[*index].time);
                    has_counter[*index] = true;
                }
            }
        }
        let Some(lost) = has_counter.iter().position(|has_counter| !has_counter) else {
            return Ok(());
        };
        let Created { family, at, .. } = self.created[lost];
        let name = self.family_name(family);
        Err(Problem::new(at, format!("found a _created, once more or without a sample of {name}")))
    }
}

pub(super) fn narrow(index: usize) -> u32 {
    u32::try_from(index).expect("a body below 2 GiB has fewer than 2^32 of anything")
}
