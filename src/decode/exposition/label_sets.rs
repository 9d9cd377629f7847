//! Label sets as they were sent: when two are the same, and whether one names a label twice.
//!
//! Sets of a few labels are compared pair by pair. Larger ones are sorted first, so that nobody
//! can make us compare thousands of labels with each other.

use std::hash::BuildHasher;

use crate::model::exposition::ExposedLabel;

/// Up to so many labels, comparing all with all is quicker than sorting.
const FEW: usize = 8;

/// The index of a label whose name stands before it too.
pub(super) fn repeated_name(text: &str, labels: &[ExposedLabel]) -> Option<usize> {
    let name = |at: &usize| &text[labels[*at].name.range()];
    if labels.len() <= FEW {
        return (1..labels.len()).find(|at| (0..*at).any(|before| name(&before) == name(at)));
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    // Equal names keep their order.
    order.sort_by_key(name);
    order.windows(2).find(|pair| name(&pair[0]) == name(&pair[1])).map(|pair| pair[1])
}

/// Whether both hold the same pairs, in whatever order; neither names a label twice.
pub(super) fn same(text: &str, a: &[ExposedLabel], b: &[ExposedLabel]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.iter().zip(b).all(|(a, b)| pair(text, a) == pair(text, b)) {
        return true;
    }
    if a.len() <= FEW {
        return a.iter().all(|a| b.iter().any(|b| pair(text, a) == pair(text, b)));
    }
    sorted(text, a) == sorted(text, b)
}

/// Equal for equal sets, whatever their order.
pub(super) fn hash(text: &str, labels: &[ExposedLabel], hasher: &impl BuildHasher) -> u64 {
    labels.iter().fold(0, |sum, label| hasher.hash_one(pair(text, label)).wrapping_add(sum))
}

fn sorted<'t>(text: &'t str, labels: &[ExposedLabel]) -> Vec<(&'t str, &'t str)> {
    let mut pairs: Vec<_> = labels.iter().map(|label| pair(text, label)).collect();
    pairs.sort_unstable();
    pairs
}

fn pair<'t>(text: &'t str, label: &ExposedLabel) -> (&'t str, &'t str) {
    (&text[label.name.range()], &text[label.value.range()])
}
