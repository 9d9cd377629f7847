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
}
