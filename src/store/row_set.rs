//! A set of row numbers: those of a family that were removed and are not swept yet.

use std::sync::Arc;

/// Row numbers, one bit each; copies share the bits.
#[derive(Clone, Debug, Default)]
pub struct RowSet {
    words: Arc<Vec<u64>>,
    len: usize,
}

impl RowSet {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Whether it was not in there before.
    pub(crate) fn insert(&mut self, row: usize) -> bool {
        if self.contains(row) {
            return false;
        }
        let words = Arc::make_mut(&mut self.words);
        if words.len() <= row / 64 {
            words.resize(row / 64 + 1, 0);
        }
        words[row / 64] |= 1 << (row % 64);
        self.len += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_set_once_and_copies_do_not_see_later_ones() {
        let mut rows = RowSet::default();
        assert!(rows.insert(70) && rows.insert(3) && !rows.insert(70));
        let copy = rows.clone();
        assert!(rows.insert(0));
        assert_eq!((rows.len(), copy.len()), (3, 2));
        assert!(rows.contains(0) && !copy.contains(0) && copy.contains(70) && !copy.contains(71));
    }
}
