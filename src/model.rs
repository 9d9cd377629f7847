//! The words everything else speaks in: events, series identity, positions.
//!
//! Nothing here does I/O or knows of tokio, Redis or HTTP.

pub mod clock;
pub mod combine;
pub mod event;
pub mod exemplar;
pub mod exposition;
pub mod hash_tag;
pub mod id_set;
pub mod labels;
pub mod metric_type;
pub mod mode;
pub mod name;
pub mod native_histogram;
pub mod position;
pub mod push;
pub mod reason;
pub mod stream_id;
pub mod tally;
pub mod timestamp;

pub use clock::{ClockStep, ClockWatch};
pub use combine::{Combine, Effect, Unfit, WindowedValue};
pub use event::{
    BadEvent, Batch, BatchOnce, BatchPush, Body, Event, Locator, OnceBody, RawEntry, Span,
};
pub use exemplar::Exemplar;
pub use hash_tag::{can_be_tagged, tagged};
pub use id_set::IdSet;
pub use labels::SeriesHasher;
pub use metric_type::MetricType;
pub use mode::Mode;
pub use native_histogram::NativeHistogram;
pub use position::{
    Advance, GroupPosition, ListPosition, Position, PositionMismatch, PushPosition, ReaderPosition,
    SourceKey, SourceKind,
};
pub use push::{Push, PushApplied, PushRefusal};
pub use reason::Reason;
pub use stream_id::StreamId;
pub use tally::Tally;
pub use timestamp::Timestamp;
