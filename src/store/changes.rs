//! What changed in a family, at two grains, for two who would rather not look at everything.
//!
//! A snapshot of what changed since the one before needs each row: a bit that is set by a change
//! and cleared by a cut for a checkpoint. A page is put together from blocks of rows that were
//! rendered before, as long as nothing in them changed: each block has a stamp, and a change
//! gives it one that no earlier cut has seen. A row keeps its number until it is swept; then,
//! as for a new family, everything known of its rows is void, which the number of the
//! `incarnation` says.

use std::sync::atomic::{AtomicU64, Ordering};

use super::RowSet;

/// Rows to a block; few in tests, which have few rows.
pub const BLOCK_ROWS: usize = if cfg!(all(test, debug_assertions)) { 4 } else { 32 };

static INCARNATIONS: AtomicU64 = AtomicU64::new(1);

/// Which rows of a family changed, and when.
#[derive(Clone, Debug)]
pub struct Changes {
    incarnation: u64,
    rows: RowSet,
    /// By block.
    stamps: Vec<u32>,
    /// What a block that changes now is stamped with.
    stamp: u32,
}

impl Default for Changes {
    fn default() -> Self {
        let incarnation = INCARNATIONS.fetch_add(1, Ordering::Relaxed);
        Self { incarnation, rows: RowSet::default(), stamps: Vec::new(), stamp: 1 }
    }
}

impl Changes {
    /// Never the same for two families of a process, nor before and after a sweep.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Rows that changed, were added or removed between the cut for a checkpoint before this one
    /// and this one.
    pub fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// Two cuts of one incarnation that have the same stamp for a block have the same rows in it,
    /// but for values that time changes (windows).
    pub fn stamp(&self, block: usize) -> u32 {
        self.stamps.get(block).copied().unwrap_or(0)
    }

    pub(super) fn note(&mut self, row: usize) {
        self.rows.insert(row);
        let block = row / BLOCK_ROWS;
        if self.stamps.len() <= block {
            self.stamps.resize(block + 1, 0);
        }
        self.stamps[block] = self.stamp;
    }

    /// A copy was made: what changes from here on changed after it.
    pub(super) fn was_copied(&mut self) {
        self.stamp += 1;
    }

    /// The rows are in a cut for a checkpoint.
    pub(super) fn was_cut(&mut self) {
        self.rows = RowSet::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_changes_after_a_copy_gets_another_stamp() {
        let mut changes = Changes::default();
        changes.note(BLOCK_ROWS + 1);
        let copy = changes.clone();
        changes.was_copied();
        assert_eq!([0, 1, 2].map(|block| changes.stamp(block)), [0, 1, 0]);
        changes.note(BLOCK_ROWS);
        changes.note(3 * BLOCK_ROWS);
        assert_ne!(changes.stamp(1), copy.stamp(1));
        assert_eq!(changes.stamp(0), copy.stamp(0));
        assert!(changes.rows().iter().eq([BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS]));
        changes.was_cut();
        assert!(changes.rows().is_empty());
        assert_ne!(Changes::default().incarnation(), changes.incarnation());
    }
}
