//! Version 1, introduced with 0.1.0. Frozen: see the crate's README.
//!
//! Everything that exists once per series stands in columns, one per family:
//! texts are concatenated in one blob with their lengths beside it, numbers are
//! plain arrays. A million series are then a few large reads instead of
//! millions of small ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One snapshot: the state, and the positions that it covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose state this is.
    pub identity: String,
    /// Which ownership wrote it; grows with every start.
    pub epoch: u64,
    /// Grows with every snapshot of one epoch.
    pub sequence: u64,
    pub created_at_milliseconds: u64,
    /// The program's version.
    pub writer_version: String,
    /// Written as the last act of an orderly stop.
    pub clean_shutdown: bool,
    /// Served time series.
    pub series: u64,
    pub sources: Vec<Source>,
    /// In the order first seen.
    pub families: Vec<Family>,
}

/// One source: where it stands and what became of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `list`, `group` or `reader`.
    pub kind: String,
    /// The Redis key.
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
    /// `counter`, `gauge`, `histogram` or `summary`.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Unescaped.
    pub help: String,
    /// The label texts of all rows, one after the other.
    pub label_texts: String,
    /// Row i: how many bytes of `label_texts` are its.
    pub label_lengths: Vec<u32>,
    pub values: Values,
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
