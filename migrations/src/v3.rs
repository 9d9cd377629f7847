//! Version 3, introduced with 0.3.0: snapshots of what changed. Frozen once that is released: see
//! the crate's README.
//!
//! A snapshot is whole, or says what changed since another one, its parent. For that, rows and
//! groups keep their numbers from one to the next: rows that were removed stay in their family,
//! without labels, until it is swept and written anew; groups that are no more leave a gap.
//!
//! Everything that exists once per series stands in columns, one per family:
//! texts are concatenated in large pieces with their lengths beside them, numbers are
//! plain arrays. A million series are then a few large reads instead of
//! millions of small ones. What only some rows have stands in sparse columns: they list the rows
//! that have a value, each by how many were passed over before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Text;

mod from_v2;

/// One snapshot: the state, and the positions that it covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose state this is.
    pub identity: String,
    /// Which ownership wrote it; grows with every start.
    pub epoch: u64,
    /// Grows with every snapshot of one epoch.
    pub sequence: u64,
    /// Since which snapshot this one says the changes; none: it is whole.
    pub parent: Option<Parent>,
    pub created_at_milliseconds: u64,
    /// The program's version.
    pub writer_version: String,
    /// Written as the last act of an orderly stop.
    pub clean_shutdown: bool,
    /// Served time series.
    pub series: u64,
    pub sources: Vec<Source>,
    pub groups: Groups,
    pub idempotency_keys: IdempotencyKeys,
    /// In the order first seen; none without series. Of a snapshot with a parent: those that the
    /// parent has not, or has as others.
    pub families: Vec<Family>,
    /// Of a snapshot with a parent: the names of the parent's families that are no more, and of
    /// those that are others now.
    pub families_gone: Vec<String>,
    /// Of a snapshot with a parent: what changed in the parent's families.
    pub families_changed: Vec<FamilyChange>,
}

/// A snapshot of the same identity and epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    pub sequence: u64,
    /// Hexadecimal, of the whole file.
    pub sha256: String,
}

/// The labels of groups of series; the families refer to them by index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Per group listed: indexes since the one before that no group has, or, in a snapshot with a
    /// parent, that are as in the parent.
    pub indexes_skipped: Vec<u32>,
    /// Per group listed; empty when the index is no group's any more.
    pub labels: Vec<String>,
}

/// Of pushes that were applied not long ago, in the order applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdempotencyKeys {
    /// So many of the parent's first ones are forgotten; what stands here follows its others.
    pub forgotten: u64,
    /// The 16 bytes of each, as two big-endian numbers.
    pub keys: Vec<[u64; 2]>,
    pub fingerprints: Vec<u64>,
    /// Each as the difference to the one before it (to 0), modulo 2^64.
    pub applied_at_milliseconds: Vec<i64>,
}

/// One source: where it stands and what became of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `list`, `group`, `reader` or `push`.
    pub kind: String,
    /// The Redis key, or the journal's id.
    pub key: String,
    pub position: Position,
    pub tally: Tally,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    List {
        segment: u64,
        remaining: Option<u64>,
    },
    Group {
        last: StreamId,
        /// Entries trimmed before the group read them, as far as counted in `lost`.
        trimmed_unread: u64,
        /// Runs of consecutive ids, three numbers each: milliseconds as the difference to the
        /// run before; the first sequence, as the difference to the previous run's last when
        /// the milliseconds are the same; the length less one.
        unacknowledged: Vec<u64>,
    },
    Reader {
        last: StreamId,
        entries_consumed: Option<u64>,
    },
    Push {
        /// The number of the first record that is not part of the state.
        next: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamId {
    pub milliseconds: u64,
    pub sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub processed: u64,
    pub lost: u64,
    /// By reason; reasons that never occurred are absent.
    pub dropped: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary` or `untyped`.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Unescaped.
    pub help: String,
    /// Empty for none.
    pub unit: String,
    /// The label texts of all rows, one after the other, in pieces; none lies across two.
    pub label_texts: Vec<Text>,
    /// Row i: how many bytes of `label_texts` are its.
    pub label_lengths: Vec<u32>,
    pub values: Values,
    /// Row i: since when it counts, 0 where nobody knows; as the difference to row i - 1 (to 0),
    /// modulo 2^64. Empty where the type has no start: gauges and untyped.
    pub created_at_milliseconds: Vec<i64>,
    /// Of rows that show the mean or sum of the last so many seconds.
    pub sliding_windows: Option<SlidingWindows>,
    pub exemplars: Option<Exemplars>,
    /// Of summaries that were pushed with their quantiles.
    pub quantiles: Option<Quantiles>,
    /// Of histograms that have native buckets, too.
    pub native_histograms: Option<NativeHistograms>,
    /// Of rows that belong to a group.
    pub groups: Option<RowGroups>,
    /// Of rows that are no more. They have no labels, and whatever values.
    pub removed: Option<RemovedRows>,
}

/// What changed in a family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyChange {
    /// Per row that changed or is new: rows since the one before that did not.
    pub rows_skipped: Vec<u32>,
    /// These rows, as they are now, under the family's name. Those that the parent has are without
    /// labels. Help and unit are empty when they are as in the parent.
    pub rows: Family,
}

/// Values by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    Scalars(Vec<f64>),
    Histograms {
        /// Without +Inf.
        bounds: Vec<f64>,
        /// Per row: one own count for each bound, then +Inf's.
        counts: Vec<u64>,
        sums: Vec<f64>,
    },
    Summaries {
        objectives: Vec<Objective>,
        counts: Vec<u64>,
        sums: Vec<f64>,
        windows: Windows,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    pub quantile: f64,
    pub epsilon: f64,
}

/// The sliding windows of a family's summaries: none without objectives, else one per row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// Per window.
    pub turns_at_milliseconds: Vec<u64>,
    /// Per window: how many sketches are its.
    pub sketch_counts: Vec<u32>,
    /// Per sketch.
    pub observations: Vec<u64>,
    /// Per sketch: how many samples are its.
    pub sample_counts: Vec<u32>,
    /// Per sample.
    pub values: Vec<f64>,
    pub gaps: Vec<u64>,
    pub deltas: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlidingWindows {
    /// Per window: rows without one since the window before.
    pub rows_skipped: Vec<u32>,
    /// Per window: it shows the mean, else the sum.
    pub shows_mean: Vec<bool>,
    pub window_seconds: Vec<u32>,
    /// Per window: how many slots are its.
    pub slot_counts: Vec<u32>,
    /// Per slot: when it began, in lengths of a slot (a sixtieth of the window, one second at
    /// least); but for a window's first as the difference to the one before.
    pub slot_numbers: Vec<u64>,
    pub sums: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exemplars {
    /// Per row that has any: rows without since the one before.
    pub rows_skipped: Vec<u32>,
    /// Per row that has any.
    pub exemplar_counts: Vec<u32>,
    /// Per exemplar: the index of the bucket that it is in; 0 for counters.
    pub buckets: Vec<u32>,
    pub label_texts: String,
    pub label_lengths: Vec<u32>,
    pub values: Vec<f64>,
    pub at_milliseconds: Vec<Option<u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Per row that was pushed whole: rows that were not since the one before.
    pub rows_skipped: Vec<u32>,
    /// Per row that was pushed whole; may be 0.
    pub quantile_counts: Vec<u32>,
    pub quantiles: Vec<f64>,
    pub values: Vec<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NativeHistograms {
    /// Per histogram: rows without one since the one before.
    pub rows_skipped: Vec<u32>,
    pub schemas: Vec<i32>,
    pub zero_thresholds: Vec<f64>,
    pub zero_counts: Vec<u64>,
    /// Per histogram: how many buckets are its.
    pub positive_bucket_counts: Vec<u32>,
    pub negative_bucket_counts: Vec<u32>,
    /// Per bucket, of each histogram the positive ones first: index and own count.
    pub indexes: Vec<i32>,
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowGroups {
    /// Per row in a group: rows without one since the one before.
    pub rows_skipped: Vec<u32>,
    /// Indexes of groups.
    pub groups: Vec<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RemovedRows {
    /// Per removed row: rows that are not since the one before.
    pub rows_skipped: Vec<u32>,
}
