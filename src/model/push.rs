//! A push that has been given its meaning: what is to be done to the state, all of it or nothing.
//!
//! Dialects, paths and bodies are behind it ([`crate::decode::push`] interprets them); the store
//! knows only what stands here. As in a [`Batch`], texts and numbers are shared by all series.

use std::ops::Range;
use std::sync::Arc;

use super::{
    Batch, Combine, Exemplar, MetricType, NativeHistogram, Reason, Span, Timestamp, WindowedValue,
};

/// What a group says of its last pushes, in the dialect `replace`: when one succeeded, and when one
/// failed.
pub const PUSH_TIME: &str = "push_time_seconds";
pub const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";

/// Whether a family is one of these: pushed ones give way.
pub fn is_group_time(name: &str) -> bool {
    name == PUSH_TIME || name == PUSH_FAILURE_TIME
}

/// One push.
#[derive(Clone, Debug)]
pub struct Push {
    /// Who waits for it to be applied; random, so that two processes never share one.
    pub ticket: u64,
    /// When it was received: series that it makes begin then, also when it is replayed.
    pub at: Timestamp,
    pub idempotency: Option<IdempotencyKey>,
    pub operation: Operation,
}

/// The client's promise that pushes of equal key are one and the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// A strong hash of the header's value.
    pub key: [u8; 16],
    /// A hash of the request: the same key with another request is a mistake.
    pub fingerprint: u64,
}

#[derive(Clone, Debug)]
pub enum Operation {
    /// Series to add to, replace or make.
    Write(Write),
    /// Events, all of them valid.
    Events(Box<Batch>),
    /// Removes the group of exactly these labels, if there is one.
    DeleteGroup(Group),
    /// Removes the series of these labels, whatever others they have.
    DeleteMatching(Matching),
    /// Removes every series and group.
    Wipe,
}

/// A set of series that are replaced and deleted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The grouping key: rendered labels, sorted by name. Labels of empty value stand in it.
    pub labels: Box<str>,
}

/// Labels that a series must have and must not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// `name="value"`, as rendered.
    pub pairs: Vec<String>,
    /// Names as rendered: a series that has one of them has it with an empty value.
    pub absent: Vec<String>,
}

/// What belongs to a group in a push.
#[derive(Clone, Debug)]
pub struct GroupWrite {
    pub group: Group,
    /// Every other series of the group goes; else only those of the families that are pushed.
    pub whole: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Write {
    /// `None`: the series belong to no group.
    pub group: Option<GroupWrite>,
    /// Each name once.
    pub families: Vec<PushedFamily>,
    pub series: Vec<PushedSeries>,
    pub text: String,
    pub numbers: Vec<f64>,
    /// Bucket counts.
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug)]
pub struct PushedFamily {
    pub name: Span,
    pub metric_type: MetricType,
    /// Unescaped; empty for none.
    pub help: Span,
    pub unit: Span,
    /// The family's series that are not pushed go.
    pub clears: bool,
    /// Series of that name which belong to no group go.
    pub prevails: bool,
    /// Into `Write::series`.
    pub series: Range<u32>,
}

#[derive(Clone, Debug)]
pub struct PushedSeries {
    /// Rendered, without braces; `Write::text`.
    pub labels: Span,
    /// [`super::SeriesHasher::hash`] of name and sorted labels.
    pub hash: u64,
    pub change: Change,
    /// When the producer says that the series began.
    pub created: Option<Timestamp>,
}

/// What happens to a series.
#[derive(Clone, Debug)]
pub enum Change {
    Scalar {
        combine: Combine,
        value: f64,
        exemplar: Option<Arc<Exemplar>>,
    },
    /// Of what came in the last so many seconds; gauges, counters, untyped.
    Windowed {
        shows: WindowedValue,
        window_seconds: u32,
        value: f64,
    },
    Histogram {
        combine: Combine,
        /// Upper bounds without +Inf, into `Write::numbers`.
        bounds: Span,
        /// Each bucket's own count, +Inf last, into `Write::counts`.
        counts: Span,
        sum: f64,
        native: Option<Arc<NativeHistogram>>,
        /// Index of the bucket, and its exemplar.
        exemplars: Vec<(u32, Arc<Exemplar>)>,
    },
    Summary {
        combine: Combine,
        count: u64,
        sum: f64,
        /// Each quantile, then each value, into `Write::numbers`; empty where they are not kept.
        quantiles: Span,
    },
}

impl Write {
    pub fn text(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    pub fn numbers(&self, span: Span) -> &[f64] {
        &self.numbers[span.range()]
    }

    pub fn counts(&self, span: Span) -> &[u64] {
        &self.counts[span.range()]
    }

    pub fn series(&self, family: &PushedFamily) -> &[PushedSeries] {
        &self.series[family.series.start as usize..family.series.end as usize]
    }
}

/// Why a push was refused as a whole; nothing of it is in the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct PushRefusal {
    pub reason: Reason,
    /// Names the thing, the value and what was expected.
    pub detail: String,
}

/// What applying a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushApplied {
    /// Series written.
    pub series: u64,
    /// Its idempotency key was applied before: nothing was done now.
    pub repeated: bool,
}
