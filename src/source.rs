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
//! | [`redis_list`] | `RENAMENX` of the whole queue to a segment, then `LRANGE` | segment and items remaining | `UNLINK`, `LTRIM` |
//! | [`redis_stream_group`] | `XREADGROUP` | exact ids applied and not acknowledged | `XACK`, `XTRIM` |
//! | [`redis_stream_reader`] | `XREAD` | last id | `XTRIM` (and `XGROUP SETID` for lag) |

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::checkpoint::Durable;
use crate::model::{Advance, RawEntry, SourceKey};
use crate::store::{ApplyError, Store};

pub mod mode_change;
pub mod page_size;
pub mod pipeline;
pub mod redis_connection;
pub mod redis_dead_letters;
pub mod redis_list;
pub mod redis_reply;
pub mod redis_stream_group;
pub mod redis_stream_info;
pub mod redis_stream_reader;

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
#[async_trait]
pub trait Source: Send {
    fn key(&self) -> &SourceKey;

    /// Connects if need be, and aligns with the store's position.
    /// The caller guarantees that everything read before is applied.
    async fn resume(&mut self, store: &Store) -> Result<(), SourceError>;

    /// Reads the next entries in order; returns within about a second when there are none.
    async fn read(&mut self) -> Result<Reading, SourceError>;

    /// Drops the connection, so that the next `resume` makes a new one.
    fn disconnect(&mut self);
}

/// The housekeeping half of a source.
#[async_trait]
pub trait Upkeep: Send {
    fn key(&self) -> &SourceKey;

    /// Lets Redis forget what every retained snapshot covers.
    async fn acknowledge(&mut self, store: &Store, durable: &Durable) -> Result<(), SourceError>;

    /// Looks at how far behind the store is.
    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError>;

    fn disconnect(&mut self);
}

/// The entries known to wait in Redis, shared by the halves of a source: set when the lag is
/// looked at, less what was read since. When Redis turns out to be wiped, that many are lost.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<AtomicU64>);

impl Backlog {
    fn set(&self, entries: u64) {
        self.0.store(entries, Ordering::Relaxed);
    }

    fn read(&self, entries: u64) {
        let less = |backlog: u64| Some(backlog.saturating_sub(entries));
        // `less` never refuses.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok();
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
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
        matches!(self, Self::Redis { error, .. } if error.is_timeout())
    }
}

/// Why a source cannot go on for the moment. Every one of these is retried.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{command} on `{key}`: {error}{}", redis_connection::hint(error))]
    Redis { command: &'static str, key: String, error: redis::RedisError },
    #[error(transparent)]
    Connect(#[from] redis_connection::ConnectError),
    #[error("{command} on `{key}` answered {found}, expected {expected}")]
    Reply { command: &'static str, key: String, found: String, expected: &'static str },
    #[error(
        "the right to take `{key}` went to another connection, or was deleted; claiming it again"
    )]
    Fenced { key: String },
    #[error("segment `{key}` returned {found} of the {expected} items asked for")]
    SegmentShrank { key: String, found: usize, expected: u64 },
    #[error("`{key}` is a {found}, expected a {expected}; delete or rename that key")]
    WrongType { key: String, found: String, expected: &'static str },
    #[error("the ownership of this identity is not confirmed; see the checkpoint's last error")]
    NotOwner,
    #[error("not connected")]
    Disconnected,
    #[error("{0}")]
    ModeChange(String),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}
