//! Sweeping: the rows that were removed are taken out of every column.
//!
//! Each removed row pays for the sweep of one that stays, as nothing is swept before half of the
//! rows are gone.

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
        self.labels = rows.iter().map(|row| self.labels.get(*row)).collect::<TextColumn>();
        match &mut self.values {
            Values::Scalars(values) => keep(values, &rows, 1),
            Values::Histograms { bounds, counts, sums } => {
                keep(counts, &rows, bounds.len() + 1);
                keep(sums, &rows, 1);
            }
            Values::Summaries { counts, sums, windows, .. } => {
                keep(counts, &rows, 1);
                keep(sums, &rows, 1);
                keep(windows, &rows, 1);
            }
        }
        keep(&mut self.created, &rows, 1);
        keep(&mut self.groups, &rows, 1);
        self.windows.keep(&rows);
        self.exemplars.keep(&rows);
        self.quantiles.keep(&rows);
        self.natives.keep(&rows);
        self.removed = RowSet::default();
        self.changes = Changes::default();
        rows
    }
}

/// Keeps these rows of a column with so many values in each; a column may end early.
fn keep<T: Clone>(column: &mut Vec<T>, rows: &[usize], width: usize) {
    let kept = rows.iter().flat_map(|row| column.get(row * width..(row + 1) * width));
    *column = kept.flatten().cloned().collect();
}
