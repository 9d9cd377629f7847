//! What a row says, for whoever shows it: the text formats, protobuf, the Pushgateway's API, exports.
//!
//! Columns are how the store keeps rows; what stands in several of them, or in none, is put
//! together here and nowhere else.

use std::sync::Arc;

use super::decaying_window::DecayingWindow;
use super::{Family, Values};
use crate::model::{Exemplar, NativeHistogram, Timestamp};

/// One series; costs nothing to make.
#[derive(Clone, Copy)]
pub struct RowView<'a> {
    family: &'a Family,
    row: usize,
}

impl Family {
    /// A row that was not removed.
    pub fn row(&self, row: usize) -> RowView<'_> {
        RowView { family: self, row }
    }
}

impl<'a> RowView<'a> {
    /// As rendered, without braces.
    pub fn labels(self) -> &'a str {
        self.family.labels.get(self.row)
    }

    /// Since when it counts, where that is known.
    pub fn created(self) -> Option<Timestamp> {
        let created = self.family.created.get(self.row).copied();
        created.filter(|created| *created != Timestamp::default())
    }

    /// An index into `Cut::groups`.
    pub fn group(self) -> Option<usize> {
        self.family.group(self.row)
    }

    /// What a counter, gauge or untyped series shows at `now`.
    pub fn scalar(self, now: Timestamp) -> f64 {
        self.family.scalar(self.row, now)
    }

    /// What it shows comes from a window.
    pub fn window(self) -> Option<&'a Arc<DecayingWindow>> {
        self.family.windows.get(self.row)
    }

    /// The sum of all observations.
    pub fn sum(self) -> f64 {
        match &self.family.values {
            Values::Histograms { sums, .. } | Values::Summaries { sums, .. } => sums[self.row],
            Values::Scalars(_) => f64::NAN,
        }
    }

    /// How many observations a histogram or a summary has seen.
    pub fn count(self) -> u64 {
        match &self.family.values {
            Values::Summaries { counts, .. } => counts[self.row],
            Values::Histograms { .. } | Values::Scalars(_) => self.own_counts().iter().sum(),
        }
    }

    /// Each bucket's own count, +Inf last; nothing where there are none.
    pub fn own_counts(self) -> &'a [u64] {
        match &self.family.values {
            Values::Histograms { bounds, counts, .. } => {
                &counts[self.row * (bounds.len() + 1)..][..=bounds.len()]
            }
            Values::Summaries { .. } | Values::Scalars(_) => &[],
        }
    }

    /// Upper bounds, +Inf last, with how many observations are not above each.
    pub fn buckets(self) -> impl Iterator<Item = (f64, u64)> + 'a {
        let bounds = match &self.family.values {
            Values::Histograms { bounds, .. } => &bounds[..],
            Values::Summaries { .. } | Values::Scalars(_) => &[],
        };
        let cumulative = self.own_counts().iter().scan(0, |total, own| {
            *total += own;
            Some(*total)
        });
        bounds.iter().copied().chain([f64::INFINITY]).zip(cumulative)
    }

    /// The quantiles that a client pushed; `None` where there are estimates.
    pub fn pushed_quantiles(self) -> Option<&'a [(f64, f64)]> {
        self.family.quantiles.get(self.row).map(|pushed| &pushed[..])
    }

    /// How many quantiles it shows.
    pub fn quantile_count(self) -> usize {
        match (self.pushed_quantiles(), &self.family.values) {
            (Some(pushed), _) => pushed.len(),
            (None, Values::Summaries { objectives, windows, .. }) => {
                windows.get(self.row).map_or(0, |_| objectives.len())
            }
            (None, Values::Histograms { .. } | Values::Scalars(_)) => 0,
        }
    }

    /// The quantiles of a summary with their values at `now`: as pushed, or else estimates, which
    /// cost much.
    pub fn quantiles(self, now: Timestamp) -> Vec<(f64, f64)> {
        if let Some(pushed) = self.pushed_quantiles() {
            return pushed.to_vec();
        }
        let Values::Summaries { objectives, windows, .. } = &self.family.values else {
            return Vec::new();
        };
        let estimates = windows.get(self.row).map(|window| window.quantiles(objectives, now));
        let quantiles = objectives.iter().map(|objective| objective.quantile);
        quantiles.zip(estimates.into_iter().flatten()).collect()
    }

    /// Each with the index of its bucket; a counter's has 0.
    pub fn exemplars(self) -> impl Iterator<Item = (usize, &'a Exemplar)> {
        let exemplars = self.family.exemplars.get(self.row);
        let all = exemplars.into_iter().flat_map(|exemplars| exemplars.iter());
        all.map(|(bucket, exemplar)| (*bucket as usize, &**exemplar))
    }

    /// The exemplar of a bucket, or of a counter: bucket 0.
    pub fn exemplar(self, bucket: usize) -> Option<&'a Exemplar> {
        self.exemplars().find(|(of, _)| *of == bucket).map(|(_, exemplar)| exemplar)
    }

    pub fn native(self) -> Option<&'a NativeHistogram> {
        self.family.natives.get(self.row).map(|native| &**native)
    }
}
