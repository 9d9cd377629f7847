//! What is to be said of one row, for every format.

use crate::model::{Exemplar, Timestamp};
use crate::store::{Family, Values};

/// Each bucket's own count, +Inf last; nothing where there are none.
pub(super) fn own_counts(values: &Values, row: usize) -> &[u64] {
    match values {
        Values::Histograms { bounds, counts, .. } => {
            &counts[row * (bounds.len() + 1)..][..=bounds.len()]
        }
        _ => &[],
    }
}

/// How many observations a histogram or a summary has seen.
pub(super) fn count(values: &Values, row: usize) -> u64 {
    match values {
        Values::Summaries { counts, .. } => counts[row],
        _ => own_counts(values, row).iter().sum(),
    }
}

/// What a summary estimates for its objectives.
pub(super) fn estimates(values: &Values, row: usize, now: Timestamp) -> Vec<f64> {
    match values {
        Values::Summaries { objectives, windows, .. } => {
            windows.get(row).map(|window| window.quantiles(objectives, now)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// When the row began to count, where that is known.
pub(super) fn created(family: &Family, row: usize) -> Option<Timestamp> {
    family.created.get(row).copied().filter(|created| *created != Timestamp::default())
}

/// The exemplar of a bucket, or of a counter: bucket 0.
pub(super) fn exemplar(family: &Family, row: usize, bucket: usize) -> Option<&Exemplar> {
    let exemplars = family.exemplars.get(row)?;
    exemplars.iter().find(|(of, _)| *of as usize == bucket).map(|(_, exemplar)| &**exemplar)
}
