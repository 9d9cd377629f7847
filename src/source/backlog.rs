//! The entries known to wait in a stream, and how many of them are gone when Redis forgot them.
//!
//! A Redis that was wiped, or came back in an older state, does not say what it
//! lost. What is known of it is what was seen before: how many entries were ever
//! added, and how many of them were consumed. What lies between waited, and as
//! far as the stream has fewer now, it is lost.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

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
    /// Entries ever metered as missing from the middle of the stream; `consumed` has them in it,
    /// for they are no more there to be lost again.
    missing: u64,
    settlements: u64,
    settling: bool,
}

/// Permission to report a look, from before it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookTicket(u64);

impl Backlog {
    pub(super) fn begin_look(&self) -> LookTicket {
        LookTicket(self.0.lock().settlements)
    }

    /// `missing`: what was ever metered as missing, in the middle of the stream.
    pub(super) fn set(&self, ticket: LookTicket, waiting: u64, added: Option<u64>, missing: u64) {
        let mut look = self.0.lock();
        let overtaken = look.settling || look.settlements != ticket.0;
        // It never falls, but when Redis lost something: the reading half is about to find out.
        if !overtaken && added >= look.added {
            let missed = missing.saturating_sub(look.missing);
            let consumed = look.consumed.map(|consumed| consumed + missed);
            *look = Look { waiting, added, consumed, missing, ..*look };
        }
    }

    pub(super) fn read(&self, entries: u64) {
        let mut look = self.0.lock();
        look.waiting = look.waiting.saturating_sub(entries);
        look.consumed = look.consumed.map(|consumed| consumed + entries);
    }

    /// To be called before the stream is looked at.
    pub(super) fn begin_settling(&self) {
        let mut look = self.0.lock();
        look.settling = true;
        look.settlements += 1;
    }

    /// Which of the waiting entries are lost, in a stream that has `added` now: those added last
    /// are the first that an older state lacks. `gone`: none of them can be left. They are numbered
    /// as they were added, or from 0 where that is not known.
    pub(super) fn settle(&self, added: Option<u64>, gone: bool) -> Range<u64> {
        let mut look = self.0.lock();
        let lost = match (look.added, added, look.consumed) {
            (Some(before), Some(now), Some(consumed)) => now.max(consumed).min(before)..before,
            (Some(before), Some(now), None) => {
                let lost = look.waiting.min(before.saturating_sub(now));
                before - lost..before
            }
            _ if gone => 0..look.waiting,
            _ => 0..0,
        };
        let waiting = look.waiting.saturating_sub(lost.end - lost.start);
        let settlements = look.settlements + 1;
        *look = Look { waiting, added, settlements, ..Look::default() };
        lost
    }

    /// How many of the entries ever added are consumed or missing, before anything else is read;
    /// and how many were ever metered as missing by then.
    pub(super) fn set_consumed(&self, consumed: Option<u64>, missing: u64) {
        let mut look = self.0.lock();
        *look = Look { consumed, missing, ..*look };
    }
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
            backlog.set(backlog.begin_look(), 13, Some(100), 0);
            backlog.read(3);
            backlog.begin_settling();
            assert_eq!(backlog.settle(added, gone).count() as u64, lost, "{name}");
        }
    }

    #[test]
    fn with_a_count_of_what_was_consumed_it_is_exact() {
        let cases =
            [(80, 0, 0, 17), (80, 90, 0, 10), (80, 100, 0, 0), (97, 90, 0, 0), (80, 0, 5, 12)];
        for (consumed, added, missing, lost) in cases {
            let backlog = Backlog::default();
            backlog.set_consumed(Some(consumed), 40);
            backlog.read(3);
            backlog.set(backlog.begin_look(), 12, Some(100), 40 + missing);
            backlog.begin_settling();
            let found = backlog.settle(Some(added), false).count();
            assert_eq!(found, lost, "{consumed}, {added}, {missing}");
        }
    }

    #[test]
    fn a_look_that_is_overtaken_does_not_count() {
        let backlog = Backlog::default();
        let early = backlog.begin_look();
        backlog.begin_settling();
        let late = backlog.begin_look();
        backlog.set(early, 10, Some(110), 0);
        backlog.set(late, 10, Some(110), 0);
        assert_eq!(backlog.settle(Some(100), false).count(), 0);
        backlog.set(late, 10, Some(110), 0);
        backlog.begin_settling();
        assert_eq!(backlog.settle(Some(100), false).count(), 0);
    }
}
