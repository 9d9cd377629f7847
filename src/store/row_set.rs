//! A set of row numbers, one bit each: those of a family that were removed and are not swept yet,
//! or those that changed.

/// Row numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet {
    words: Vec<u64>,
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
        if self.words.len() <= row / 64 {
            self.words.resize(row / 64 + 1, 0);
        }
        let (word, bit) = (&mut self.words[row / 64], 1 << (row % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(is_new);
        is_new
    }

    /// Takes in the rows of another set.
    pub(crate) fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
        self.len = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

impl FromIterator<usize> for RowSet {
    fn from_iter<I: IntoIterator<Item = usize>>(rows: I) -> Self {
        let mut set = Self::default();
        for row in rows {
            set.insert(row);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_set_once_and_in_order() {
        let mut rows = RowSet::default();
        assert!(rows.insert(70) && rows.insert(3) && !rows.insert(70));
        let copy = rows.clone();
        assert!(rows.insert(0) && rows.insert(63) && rows.insert(64));
        assert_eq!((rows.len(), copy.len()), (5, 2));
        assert!(rows.contains(0) && !copy.contains(0) && copy.contains(70) && !copy.contains(71));
        assert!(rows.iter().eq([0, 3, 63, 64, 70]) && copy.iter().eq([3, 70]));
    }

    #[test]
    fn a_set_that_takes_in_another_has_the_rows_of_both_once() {
        let set = |rows: &[usize]| rows.iter().copied().collect::<RowSet>();
        for (one, other) in [(&[1, 200][..], &[1, 2][..]), (&[1, 2], &[1, 200]), (&[], &[0, 64])] {
            let mut both = set(one);
            both.extend(&set(other));
            assert_eq!(both, set(&[one, other].concat()));
        }
    }
}
