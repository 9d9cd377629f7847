//! Sources: where events come from, and how each is read exactly once.
//!
//! Every source has two halves, each with a Redis connection of its own, so
//! that housekeeping never queues behind a blocking read:
//!
//! - [`Source`] reads. It runs ahead of what is applied, and whenever anything
//!   about its connection is in doubt it is told to [`Source::resume`]: nothing
//!   it read before is still in flight then, so the store's position says
//!   exactly what was applied, and reading continues from there.
//! - [`Upkeep`] tells Redis what it may forget: only what every retained
//!   snapshot covers, which a [`Durable`] proves. Acknowledging is
//!   housekeeping: losing one, or sending it twice, changes no count.
//!
//! [`pipeline`] drives both, the same way for every kind:
//!
//! | kind | entries are taken by | position | acknowledged by |
//! |---|---|---|---|
//! | [`list`] | `RENAMENX` of the whole queue to a segment, then `LRANGE` | segment and items remaining | `UNLINK`, `LTRIM` |
//! | [`group`] | `XREADGROUP` | exact ids applied and not acknowledged | `XACK`, `XTRIM` |
//! | [`reader`] | `XREAD` | last id | `XTRIM` (and `XGROUP SETID` for lag) |
//! | [`journal`] | nobody: they were pushed, and kept in the local journal | next record | removing old segments |

use crate::checkpoint::Durable;
use crate::model::{Advance, RawEntry, SourceKey};
use crate::store::{ApplyError, Store};

pub mod backlog;
pub mod cover;
pub mod decoding;
pub mod group;
pub mod journal;
pub mod list;
pub mod mode_change;
pub mod page_size;
pub mod permissions;
pub mod pipeline;
pub mod read_ahead;
pub mod reader;
pub mod unread;

pub use backlog::Backlog;
pub use cover::Cover;

/// What one read brought.
#[derive(Debug, Default)]
pub struct Reading {
    pub entries: Vec<RawEntry>,
    /// The step that applying the entries makes; `None` when nothing was read.
    pub advance: Option<Advance>,
    /// The tail that the source had at start is reached once this is applied.
    pub tail_reached: bool,
    /// An earlier process may have applied these without a checkpoint.
    pub replay: bool,
    /// The source wants to be resumed: everything read is to be applied first.
    pub resume: bool,
}

/// The reading half of a source.
pub trait Source: Send {
    fn key(&self) -> &SourceKey;

    /// Connects if need be, and aligns with the store's position. When Redis is not what it was,
    /// the state is to be covered before anything is read.
    /// The caller guarantees that everything read before is applied.
    fn resume(
        &mut self,
        store: &Store,
        cover: &mut Cover,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Reads the next entries in order; returns within about a second when there are none.
    fn read(&mut self) -> impl Future<Output = Result<Reading, SourceError>> + Send;

    /// Asks for nothing more from here on; whether something that was asked for is still to be
    /// read, because Redis counts it as delivered.
    fn wind_down(&mut self) -> bool {
        false
    }

    /// A reply did not arrive in time: ask for less at a time, or wait for longer.
    fn late(&mut self) {}

    /// The connection ended, perhaps over a reply that the server would not keep for us: ask for
    /// less at a time.
    fn cut_off(&mut self) {}

    /// Drops the connection, so that the next `resume` makes a new one.
    fn disconnect(&mut self);
}

/// The housekeeping half of a source.
pub trait Upkeep: Send {
    fn key(&self) -> &SourceKey;

    /// Lets Redis forget what every retained snapshot covers.
    fn acknowledge(
        &mut self,
        store: &Store,
        durable: &Durable,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Looks at how far behind the store is.
    fn observe(&mut self, store: &Store) -> impl Future<Output = Result<Lag, SourceError>> + Send;

    fn disconnect(&mut self);
}

/// How far the store is behind a source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Entries not yet applied.
    pub entries: u64,
    /// When the oldest of them was added, in milliseconds since the epoch, where Redis knows.
    pub oldest_milliseconds: Option<u64>,
    /// Entries applied and not yet acknowledged.
    pub pending: u64,
}

impl SourceError {
    /// Redis did not answer in time.
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_timeout())
    }

    /// The connection ended before Redis had answered.
    fn is_cut_off(&self) -> bool {
        matches!(self, Self::Redis(error) if error.is_cut_off())
    }
}

/// Why a source cannot go on for the moment. Every one of these is retried.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Redis(#[from] crate::redis::Error),
    #[error(
        "the right to take `{key}` went to another connection, or was deleted; claiming it again"
    )]
    Fenced { key: String },
    #[error("segment `{key}` returned {found} of the {expected} items asked for")]
    SegmentShrank { key: String, found: usize, expected: u64 },
    #[error(
        "the state says that segment {segment} of `{key}` was read, which no gateway made; take \
         another key for the list"
    )]
    ImpossibleSegment { key: String, segment: u64 },
    #[error("the ownership of this identity is not confirmed; see the checkpoint's last error")]
    NotOwner,
    #[error("cannot {what} the journal of pushes: {error}")]
    Journal { what: &'static str, error: std::io::Error },
    #[error(
        "entries are applied and not acknowledged ({entries}, in {runs} runs of ids), because \
         checkpoints fail; see the checkpoint's last error. Reading goes on when they succeed"
    )]
    Unacknowledged { entries: u64, runs: u64 },
    #[error(
        "Redis is not what it was, so the state must be in a snapshot before reading goes on; see \
         the checkpoint's last error"
    )]
    Uncovered,
    #[error("{0}")]
    ModeChange(String),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}
