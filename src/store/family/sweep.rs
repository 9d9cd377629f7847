//! Taking rows out of every column: those that were removed, by sweeping, or all but some.
//!
//! Each removed row pays for the sweep of one that stays, as nothing is swept before half of the
//! rows are gone.

use std::sync::Arc;

use super::{Changes, Family, RowSet, TextColumn, Values};

/// Fewer removed rows than this are not worth a sweep; tests sweep often.
const FEWEST_ROWS: usize = if cfg!(test) { 2 } else { 1024 };

impl Family {
    /// Whether so many rows were removed that the rest should move together.
    pub(in crate::store) fn needs_sweeping(&self) -> bool {
        self.removed.len() > FEWEST_ROWS && self.removed.len() > self.live()
    }

    /// Takes out the removed rows; returns the former numbers of those that stay, ascending.
    pub(crate) fn sweep(&mut self) -> Vec<usize> {
        let rows: Vec<usize> = self.rows().collect();
        *self = self.select(&rows);
        rows
    }

    /// A family of these rows alone, ascending.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let values = match &self.values {
            Values::Scalars(values) => Values::Scalars(select(values, rows, 1)),
            Values::Histograms { bounds, counts, sums } => Values::Histograms {
                bounds: Arc::clone(bounds),
                counts: select(counts, rows, bounds.len() + 1),
                sums: select(sums, rows, 1),
            },
            Values::Summaries { objectives, counts, sums, windows } => Values::Summaries {
                objectives: Arc::clone(objectives),
                counts: select(counts, rows, 1),
                sums: select(sums, rows, 1),
                windows: select(windows, rows, 1),
            },
        };
        let removed = rows.iter().enumerate().filter(|(_, row)| self.removed.contains(**row));
        let removed: RowSet = removed.map(|(at, _)| at).collect();
        Self {
            name: Arc::clone(&self.name),
            metric_type: self.metric_type,
            help: Arc::clone(&self.help),
            labels: rows.iter().map(|row| self.labels.get(*row)).collect::<TextColumn>(),
            values,
            unit: Arc::clone(&self.unit),
            created: select(&self.created, rows, 1),
            windows: self.windows.select(rows),
            exemplars: self.exemplars.select(rows),
            quantiles: self.quantiles.select(rows),
            natives: self.natives.select(rows),
            groups: select(&self.groups, rows, 1),
            removed,
            changes: Changes::default(),
        }
    }
}

/// These rows of a column with so many values in each; a column may end early.
fn select<T: Clone>(column: &[T], rows: &[usize], width: usize) -> Vec<T> {
    let selected = rows.iter().flat_map(|row| column.get(row * width..(row + 1) * width));
    selected.flatten().cloned().collect()
}
