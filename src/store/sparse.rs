//! A column that most families do not need: one optional value for each row.
//!
//! It stays empty until a row has a value, and a copy shares the values.

use std::sync::Arc;

/// Row to value; absent rows have none.
#[derive(Debug, PartialEq)]
pub struct SparseColumn<T: ?Sized> {
    rows: Vec<Option<Arc<T>>>,
}

impl<T: ?Sized> Default for SparseColumn<T> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<T: ?Sized> Clone for SparseColumn<T> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone() }
    }
}

impl<T: ?Sized> SparseColumn<T> {
    pub fn get(&self, row: usize) -> Option<&Arc<T>> {
        self.rows.get(row)?.as_ref()
    }

    pub fn set(&mut self, row: usize, value: Option<Arc<T>>) {
        if row >= self.rows.len() {
            if value.is_none() {
                return;
            }
            self.rows.resize_with(row + 1, || None);
        }
        self.rows[row] = value;
    }

    /// Changes the values there are; the rows that are left with another one.
    pub(super) fn change(
        &mut self,
        mut change: impl FnMut(&Arc<T>) -> Option<Arc<T>>,
    ) -> Vec<usize> {
        let mut changed = Vec::new();
        for (row, value) in self.rows.iter_mut().enumerate() {
            if let Some(after) = value.as_ref().and_then(&mut change) {
                *value = Some(after);
                changed.push(row);
            }
        }
        changed
    }

    /// Takes away what the row has.
    pub(super) fn clear(&mut self, row: usize) {
        if let Some(value) = self.rows.get_mut(row) {
            *value = None;
        }
    }

    /// These rows, in this order, counted anew.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::default();
        if !self.is_empty() {
            for (at, row) in rows.iter().enumerate() {
                selected.set(at, self.get(*row).cloned());
            }
        }
        selected
    }

    /// No row has a value, as far as can be told at a glance.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that have a value, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Arc<T>)> {
        self.rows.iter().enumerate().filter_map(|(row, value)| Some((row, value.as_ref()?)))
    }
}
