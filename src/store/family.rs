//! One family: name, type, help, its series' label texts, and their values apart, densely.
//!
//! A row is a label set. Rows are appended; one that goes is marked as removed and
//! swept away later, with others, so a row number found stays right until then.
//! The laws by which an event's value meets what is there are in `record`; what
//! else a push can do to a row is in `change`, sweeping in `sweep`.

use std::ops::Range;
use std::sync::Arc;

use super::decaying_window::DecayingWindow;
use super::summary::{Objective, Window};
use super::{Changes, RowSet, SparseColumn, TextColumn, histogram, limits};
use crate::model::{Exemplar, MetricType, NativeHistogram, Timestamp};

mod age;
mod change;
mod record;
mod sweep;

/// A metric family. Cloning it copies numbers and shares texts: that is what a cut does.
#[derive(Clone, Debug)]
pub struct Family {
    pub name: Arc<str>,
    pub metric_type: MetricType,
    /// Unescaped; empty until an event brought one.
    pub help: Arc<str>,
    /// Row i: the label text of series i.
    pub labels: TextColumn,
    /// Row i: the value of series i.
    pub values: Values,
    /// OpenMetrics' unit; empty for none.
    pub unit: Arc<str>,
    /// Row i: when series i began to count; zero where nobody knows. Counters, histograms and
    /// summaries only, else empty.
    pub created: Vec<Timestamp>,
    /// Of scalar rows whose value is a sliding window's.
    pub windows: SparseColumn<DecayingWindow>,
    /// Of counters: index 0; of histograms: the bucket's index; ascending.
    pub exemplars: SparseColumn<[(u32, Arc<Exemplar>)]>,
    /// Of summaries that were pushed whole: quantile and value, ascending, instead of estimates.
    pub quantiles: SparseColumn<[(f64, f64)]>,
    /// Of histograms: the native buckets, beside sum and classic buckets.
    pub natives: SparseColumn<NativeHistogram>,
    /// Row i: one more than the index of its group in `Cut::groups`, 0 for none. Empty when no row
    /// belongs to a group, and shorter than the rows when the last ones do not.
    pub groups: Vec<u32>,
    /// Rows that are no more, and not swept yet: to be passed over.
    pub removed: RowSet,
    pub changes: Changes,
}

/// The values of a family's series, by row.
#[derive(Clone, Debug)]
pub enum Values {
    /// Counters and gauges.
    Scalars(Vec<f64>),
    Histograms {
        /// Upper bounds, ascending, without +Inf.
        bounds: Arc<[f64]>,
        /// `bounds.len() + 1` per row: each bucket's own count (not cumulative), +Inf last.
        counts: Vec<u64>,
        sums: Vec<f64>,
    },
    Summaries {
        /// Ordered by quantile; empty for count and sum only.
        objectives: Arc<[Objective]>,
        counts: Vec<u64>,
        sums: Vec<f64>,
        /// One per row; empty vector when there are no objectives. Copied on write after a cut.
        windows: Vec<Arc<Window>>,
    },
}

impl Family {
    /// A family without series, shaped by its first event: the buckets and
    /// objectives in `numbers` (see [`crate::model::Event::numbers`]) are final.
    pub(super) fn new(name: &str, metric_type: MetricType, numbers: &[f64]) -> Self {
        let values = match metric_type {
            MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {
                Values::Scalars(Vec::new())
            }
            MetricType::Histogram => {
                Values::Histograms { bounds: numbers.into(), counts: Vec::new(), sums: Vec::new() }
            }
            MetricType::Summary => Values::Summaries {
                objectives: objectives(numbers).into(),
                counts: Vec::new(),
                sums: Vec::new(),
                windows: Vec::new(),
            },
        };
        Self { values, ..Self::empty(name, metric_type) }
    }

    /// A family of scalars that holds nothing yet, to be filled in.
    pub fn empty(name: &str, metric_type: MetricType) -> Self {
        Self {
            name: name.into(),
            metric_type,
            help: Arc::default(),
            labels: TextColumn::default(),
            values: Values::Scalars(Vec::new()),
            unit: Arc::default(),
            created: Vec::new(),
            windows: SparseColumn::default(),
            exemplars: SparseColumn::default(),
            quantiles: SparseColumn::default(),
            natives: SparseColumn::default(),
            groups: Vec::new(),
            removed: RowSet::default(),
            changes: Changes::default(),
        }
    }

    /// The rows that are series, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.labels.len()).filter(|row| !self.removed.contains(*row))
    }

    /// The group of a row: an index into `Cut::groups`.
    pub fn group(&self, row: usize) -> Option<usize> {
        self.groups.get(row).and_then(|group| (*group as usize).checked_sub(1))
    }

    /// Every name that a sample of it may be served under.
    pub fn sample_names(&self) -> impl Iterator<Item = Box<str>> {
        let derived = limits::suffixes(self.metric_type).iter();
        let derived = derived.map(|suffix| format!("{}{suffix}", self.name).into());
        std::iter::once((&*self.name).into()).chain(derived)
    }

    /// Served time series of each row.
    pub fn series_per_row(&self) -> u64 {
        limits::series_per_row(&self.values)
    }

    /// Series there are.
    pub fn live(&self) -> usize {
        self.labels.len() - self.removed.len()
    }

    /// What a counter, gauge or untyped series shows at `now`.
    pub fn scalar(&self, row: usize, now: Timestamp) -> f64 {
        match (self.windows.get(row), &self.values) {
            (Some(window), _) => window.value(now),
            (None, Values::Scalars(values)) => values[row],
            (None, _) => f64::NAN,
        }
    }

    /// Whether one of these rows may show something else later, though nothing comes in.
    pub fn changes_with_time(&self, mut rows: Range<usize>) -> bool {
        match &self.values {
            Values::Summaries { objectives, .. } => !objectives.is_empty(),
            _ if self.windows.is_empty() => false,
            _ => rows.any(|row| self.windows.get(row).is_some()),
        }
    }

    /// Served time series of one row: pushed quantiles stand in for the estimates.
    pub fn row_series(&self, row: usize) -> u64 {
        self.quantiles
            .get(row)
            .map_or_else(|| self.series_per_row(), |quantiles| quantiles.len() as u64 + 2)
    }

    /// Served time series of all rows.
    pub fn series(&self) -> u64 {
        if self.quantiles.is_empty() {
            return self.live() as u64 * self.series_per_row();
        }
        self.rows().map(|row| self.row_series(row)).sum()
    }

    /// Whether its series have a time since when they count.
    pub(crate) fn has_start_times(&self) -> bool {
        !matches!(self.metric_type, MetricType::Gauge | MetricType::Untyped)
    }

    /// Appends a series that has seen nothing; returns its row.
    pub(super) fn push(&mut self, labels: &str, created: Timestamp, now: Timestamp) -> usize {
        let row = self.labels.len();
        self.changes.note(row);
        self.labels.push(labels);
        if self.has_start_times() {
            self.created.push(created);
        }
        match &mut self.values {
            Values::Scalars(values) => values.push(0.0),
            Values::Histograms { bounds, counts, sums } => {
                counts.resize(counts.len() + bounds.len() + 1, 0);
                sums.push(0.0);
            }
            Values::Summaries { objectives, counts, sums, windows } => {
                counts.push(0);
                sums.push(0.0);
                if !objectives.is_empty() {
                    windows.push(Arc::new(Window::new(now)));
                }
            }
        }
        row
    }

    /// Puts a row into a group, by the group's index.
    pub(super) fn set_group(&mut self, row: usize, group: u32) {
        if self.groups.len() <= row {
            self.groups.resize(row + 1, 0);
        }
        self.groups[row] = group + 1;
    }

    /// Marks a row as removed, and gives back what it holds beside the columns.
    pub(super) fn remove(&mut self, row: usize) {
        self.changes.note(row);
        self.removed.insert(row);
        if let Some(group) = self.groups.get_mut(row) {
            *group = 0;
        }
        self.windows.clear(row);
        self.exemplars.clear(row);
        self.quantiles.clear(row);
        self.natives.clear(row);
    }

    /// A copy of it was made.
    pub(super) fn was_copied(&mut self) {
        self.changes.was_copied();
    }

    /// A copy of it goes into a checkpoint.
    pub(super) fn was_cut(&mut self) {
        self.changes.was_cut();
    }

    /// What a histogram or a summary has counted.
    pub(super) fn observations(&self, row: usize) -> u64 {
        match &self.values {
            Values::Scalars(_) => 0,
            Values::Histograms { bounds, counts, .. } => {
                let width = bounds.len() + 1;
                counts[row * width..(row + 1) * width].iter().sum()
            }
            Values::Summaries { counts, .. } => counts[row],
        }
    }

    /// Takes the help text and the unit of a push that replaces: none at all only where the family
    /// is nobody else's. Says whether one of them is new.
    pub(super) fn relearn(&mut self, help: &str, unit: &str, is_alone: bool) -> bool {
        let mut learned = false;
        for (known, new) in [(&mut self.help, help), (&mut self.unit, unit)] {
            if **known != *new && (is_alone || !new.is_empty()) {
                *known = new.into();
                learned = true;
            }
        }
        learned
    }

    /// The first help text and the first unit stay; says whether one of these is it.
    pub(super) fn learn(&mut self, help: &str, unit: &str) -> bool {
        let learns_help = self.help.is_empty() && !help.is_empty();
        let learns_unit = self.unit.is_empty() && !unit.is_empty();
        if learns_help {
            self.help = help.into();
        }
        if learns_unit {
            self.unit = unit.into();
        }
        learns_help || learns_unit
    }
}

/// Reads quantiles and epsilons; of equal quantiles the first is kept, as two
/// would be two samples of one series.
fn objectives(numbers: &[f64]) -> Vec<Objective> {
    let (quantiles, epsilons) = numbers.split_at(numbers.len() / 2);
    let mut objectives: Vec<Objective> = quantiles
        .iter()
        .zip(epsilons)
        .map(|(&quantile, &epsilon)| Objective { quantile, epsilon })
        .collect();
    objectives.dedup_by_key(|objective| objective.quantile);
    objectives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_given_twice_is_one_objective() {
        let read = objectives(&[0.5, 0.5, 0.9, 0.05, 0.01, 0.02]);
        let expected =
            [(0.5, 0.05), (0.9, 0.02)].map(|(quantile, epsilon)| Objective { quantile, epsilon });
        assert_eq!(read, expected);
        assert_eq!(objectives(&[]), []);
    }
}
