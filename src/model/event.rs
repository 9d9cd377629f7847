//! Events, in batches that allocate per batch and not per event.
//!
//! A batch is what one read of a source became: the entries as they were read
//! (kept for dead letters), the valid events, and the bad ones with a reason.
//! Names, label texts and help texts of all its events share one `text`,
//! bucket bounds and quantiles share one `numbers`; an event refers to them by
//! [`Span`]s.

use std::fmt;
use std::ops::Range;

use std::sync::Arc;

use bytes::Bytes;

use super::push::{IdempotencyKey, Push};
use super::{MetricType, Mode, Reason, StreamId, Timestamp};

/// Where an entry stands in Redis; printed in logs and dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locator {
    /// An item of a list segment.
    Item { segment: u64, index: u64 },
    /// An entry of a stream.
    Entry(StreamId),
    /// A record of a journal.
    Record(u64),
    /// An entry of a record that holds a delivery.
    Delivered { record: u64, entry: u32 },
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { segment, index } => write!(f, "{segment}/{index}"),
            Self::Entry(id) => write!(f, "{id}"),
            Self::Record(number) => write!(f, "{number}"),
            Self::Delivered { record, entry } => write!(f, "{record}/{entry}"),
        }
    }
}

/// An entry's content. Of what one read brought, all entries share the bytes.
#[derive(Clone, Debug)]
pub enum Body {
    /// A list's item: one JSON payload.
    Payload(Bytes),
    /// A stream entry with a single field, which allocates nothing.
    Field { name: Bytes, value: Bytes },
    /// Any other stream entry: its fields in the order they were added.
    Fields(Vec<(Bytes, Bytes)>),
    /// A record as it was written to the journal: a push or a delivery.
    JournalRecord(Bytes),
    /// A push that this process received, and interpreted then.
    Push(Arc<Push>),
    /// An entry that may come again, and counts once.
    Once(Box<OnceBody>),
}

impl Body {
    /// What there is to decode, without the key under which it may come again.
    pub fn without_key(&self) -> &Self {
        match self {
            Self::Once(once) => once.body.without_key(),
            body => body,
        }
    }
}

/// An entry with the key under which its producer sends it again.
#[derive(Clone, Debug)]
pub struct OnceBody {
    pub key: IdempotencyKey,
    pub received_at: Timestamp,
    pub body: Body,
}

/// One entry as it was read.
#[derive(Clone, Debug)]
pub struct RawEntry {
    pub locator: Locator,
    pub body: Body,
}

/// A range of a batch's `text`, its `numbers`, or an entry's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// `start..end`; a batch's texts and an entry's payload stay below 4 GiB.
    pub fn new(start: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).expect("spans stay below 4 GiB");
        Self { start: narrow(start), end: narrow(end) }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One valid event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Index into `Batch::entries`.
    pub entry: u32,
    /// The event's bytes within the payload ([`crate::decode::payload`]); empty for the whole
    /// entry: flat fields.
    pub raw: Span,
    pub metric_type: MetricType,
    pub name: Span,
    /// The rendered labels without braces: `a="1",b="2"`, escaped; empty for none.
    pub labels: Span,
    /// Unescaped; empty for none.
    pub help: Span,
    /// Histogram: the upper bounds without +Inf. Summary: each quantile, then each
    /// epsilon, ordered by quantile. Else empty.
    pub numbers: Span,
    pub value: f64,
    pub mode: Mode,
    /// [`super::SeriesHasher::hash`] of name and labels.
    pub hash: u64,
}

/// One refused event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEvent {
    /// Index into `Batch::entries`.
    pub entry: u32,
    /// The event's bytes within the payload; empty for the whole entry.
    pub raw: Span,
    pub reason: Reason,
    /// Names the thing, the value and what was expected.
    pub detail: String,
}

/// A push among the events of a batch.
#[derive(Clone, Debug)]
pub struct BatchPush {
    /// Index into `Batch::entries`.
    pub entry: u32,
    /// How many of `Batch::events` are applied before it.
    pub after_events: u32,
    pub push: Arc<Push>,
}

/// Events of a batch that may come again, and count once.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOnce {
    /// Index into `Batch::entries`.
    pub entry: u32,
    /// Into `Batch::events`.
    pub events: Range<u32>,
    pub key: IdempotencyKey,
    /// When it was received; `None`: when it is applied.
    pub received_at: Option<Timestamp>,
}

/// What one read became.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub entries: Vec<RawEntry>,
    pub events: Vec<Event>,
    pub bad: Vec<BadEvent>,
    /// In the order of their entries.
    pub pushes: Vec<BatchPush>,
    /// In the order of their entries.
    pub once: Vec<BatchOnce>,
    pub text: String,
    pub numbers: Vec<f64>,
}

impl Batch {
    pub fn text(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    pub fn numbers(&self, span: Span) -> &[f64] {
        &self.numbers[span.range()]
    }
}
