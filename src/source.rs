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

use std::sync::Arc;

use parking_lot::Mutex;

use crate::checkpoint::Durable;
use crate::model::{Advance, RawEntry, SourceKey, tagged};
use crate::store::{ApplyError, Store};

pub mod group;
pub mod journal;
pub mod list;
pub mod mode_change;
pub mod page_size;
pub mod pipeline;
pub mod read_ahead;
pub mod reader;
pub mod unread;

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

    /// Connects if need be, and aligns with the store's position.
    /// The caller guarantees that everything read before is applied.
    fn resume(&mut self, store: &Store) -> impl Future<Output = Result<(), SourceError>> + Send;

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

/// The entries known to wait in a stream, shared by the halves of a source: seen when the lag is
/// looked at, less what was read since. When Redis turns out to have lost them, they are metered.
/// A look that was not taken wholly before or after the reading half settles does not count.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<Mutex<Look>>);

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// About as many as there were: entries may be read while the lag is looked at.
    waiting: u64,
    /// Entries ever added to the stream, and of these consumed: exactly. `None` where Redis does
    /// not count, or others consume too.
    added: Option<u64>,
    consumed: Option<u64>,
    settlements: u64,
    settling: bool,
}

/// Permission to report a look, from before it was taken.
#[derive(Clone, Copy, Debug)]
struct LookTicket(u64);

impl Backlog {
    fn begin_look(&self) -> LookTicket {
        LookTicket(self.0.lock().settlements)
    }

    fn set(&self, ticket: LookTicket, waiting: u64, added: Option<u64>) {
        let mut look = self.0.lock();
        let overtaken = look.settling || look.settlements != ticket.0;
        // It never falls, but when Redis lost something: the reading half is about to find out.
        if !overtaken && added >= look.added {
            *look = Look { waiting, added, ..*look };
        }
    }

    fn read(&self, entries: u64) {
        let mut look = self.0.lock();
        look.waiting = look.waiting.saturating_sub(entries);
        look.consumed = look.consumed.map(|consumed| consumed + entries);
    }

    /// To be called before the stream is looked at.
    fn begin_settling(&self) {
        let mut look = self.0.lock();
        look.settling = true;
        look.settlements += 1;
    }

    /// How many of the waiting entries are lost, in a stream that has `added` now: those added
    /// last are the first that an older state lacks. `gone`: none of them can be left.
    fn settle(&self, added: Option<u64>, gone: bool) -> u64 {
        let mut look = self.0.lock();
        let lost = match (look.added, added, look.consumed) {
            (Some(before), Some(now), Some(consumed)) => before.saturating_sub(now.max(consumed)),
            (Some(before), Some(now), None) => look.waiting.min(before.saturating_sub(now)),
            _ if gone => look.waiting,
            _ => 0,
        };
        let waiting = look.waiting.saturating_sub(lost);
        let settlements = look.settlements + 1;
        *look = Look { waiting, added, consumed: None, settlements, settling: false };
        lost
    }

    /// How many of the entries ever added are consumed, before anything else is read.
    fn set_consumed(&self, consumed: Option<u64>) {
        self.0.lock().consumed = consumed;
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
         another Redis.MetricQueueKey"
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
    #[error("{0}")]
    ModeChange(String),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_is_lost_as_far_as_the_stream_lacks_it() {
        let cases = [
            ("nothing is missing", Some(100), false, 0),
            ("it grew", Some(120), false, 0),
            ("what waited is gone in part", Some(95), false, 5),
            ("and all of it", Some(60), false, 10),
            ("made anew", Some(0), true, 10),
            ("not counted, and gone", None, true, 10),
            ("not counted, and there", None, false, 0),
        ];
        for (name, added, gone, lost) in cases {
            let backlog = Backlog::default();
            backlog.set(backlog.begin_look(), 13, Some(100));
            backlog.read(3);
            backlog.begin_settling();
            assert_eq!(backlog.settle(added, gone), lost, "{name}");
        }
    }

    #[test]
    fn with_a_count_of_what_was_consumed_it_is_exact() {
        for (consumed, added, lost) in [(80, 0, 17), (80, 90, 10), (80, 100, 0), (97, 90, 0)] {
            let backlog = Backlog::default();
            backlog.set_consumed(Some(consumed));
            backlog.read(3);
            backlog.set(backlog.begin_look(), 12, Some(100));
            backlog.begin_settling();
            assert_eq!(backlog.settle(Some(added), false), lost, "{consumed}, {added}");
        }
    }

    #[test]
    fn a_look_that_is_overtaken_does_not_count() {
        let backlog = Backlog::default();
        let early = backlog.begin_look();
        backlog.begin_settling();
        let late = backlog.begin_look();
        backlog.set(early, 10, Some(110));
        backlog.set(late, 10, Some(110));
        assert_eq!(backlog.settle(Some(100), false), 0);
        backlog.set(late, 10, Some(110));
        backlog.begin_settling();
        assert_eq!(backlog.settle(Some(100), false), 0);
    }
}
