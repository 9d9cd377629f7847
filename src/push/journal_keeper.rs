//! Keeps pushes: in the local journal, many with one sync, or for as long as the process lives.
//!
//! It runs on a thread of its own, because it does little but wait for the disk. While one sync is
//! under way the next pushes gather; the more there are, the fewer syncs each costs. What is kept
//! goes to the [`Feed`], from which the source applies it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::{Counted, Pending, PushError, Waiting};
use crate::journal::{Journal, JournalSize};
use crate::lease::Lease;
use crate::model::{Body, PushApplied};

/// Pushes kept with one sync at most.
const MOST_AT_ONCE: usize = 1024;

/// Kept with one sync at most, but for a single push that is larger.
const ABOUT_BYTES_AT_ONCE: usize = 16 << 20;

/// Pushes beyond this are read back from the journal: a replay that is before them may be long.
const MOST_WAITING_BYTES: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };

/// What was pushed and not applied yet, and the journal that keeps it; clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    id: String,
    /// `None`: what is applied need not be kept, and a crash may lose the rest.
    journal: Option<Mutex<Journal>>,
    kept: Mutex<Kept>,
    grown: Notify,
}

/// What this process kept.
#[derive(Default)]
struct Kept {
    /// The number that the next push will have.
    next: u64,
    /// Those that are not applied.
    waiting: VecDeque<Waiter>,
    size_bytes: usize,
}

/// What waits to be applied.
struct Waiter {
    number: u64,
    /// Of its record.
    size_bytes: usize,
    /// A push as it was interpreted, a delivery as its record.
    body: Body,
    /// Of a delivery; counted as long as it waits.
    _backlog: Option<Counted>,
}

impl Kept {
    fn forget_below(&mut self, applied: u64) {
        while let Some(first) = self.waiting.front()
            && first.number < applied
        {
            self.size_bytes -= first.size_bytes;
            self.waiting.pop_front();
        }
    }
}

impl Feed {
    pub fn new(journal: Journal) -> Self {
        let kept = Kept { next: journal.next(), ..Kept::default() };
        Self::of(journal.id(), Some(Mutex::new(journal)), kept)
    }

    /// One that forgets everything at the end of the process. All such have one id, so that restarts
    /// leave no sources behind; they go on after the state's position.
    pub fn in_memory() -> Self {
        Self::of("memory".into(), None, Kept::default())
    }

    fn of(id: String, journal: Option<Mutex<Journal>>, kept: Kept) -> Self {
        let (kept, grown) = (Mutex::new(kept), Notify::new());
        Self(Arc::new(Shared { id, journal, kept, grown }))
    }

    /// The journal's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The number of the first push that is not there yet.
    pub fn next(&self) -> u64 {
        self.0.kept.lock().next
    }

    /// The oldest that is there, or `next` when there is none.
    pub fn first(&self) -> u64 {
        match &self.0.journal {
            Some(journal) => journal.lock().first(),
            None => {
                let kept = self.0.kept.lock();
                kept.waiting.front().map_or(kept.next, |first| first.number)
            }
        }
    }

    /// Records of the journal, see [`Journal::read`]; blocks while it writes.
    pub fn read(&self, from: u64, about_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let journal = self.0.journal.as_ref();
        journal.map_or(Ok(Vec::new()), |journal| journal.lock().read(from, about_bytes))
    }

    /// Those below are needed no more; blocks while the journal writes.
    pub fn release(&self, next_needed: u64) -> io::Result<()> {
        let journal = self.0.journal.as_ref();
        journal.map_or(Ok(()), |journal| journal.lock().release(next_needed))
    }

    /// How much is kept; blocks while the journal writes.
    pub fn size(&self) -> JournalSize {
        match &self.0.journal {
            Some(journal) => journal.lock().size(),
            None => {
                let kept = self.0.kept.lock();
                JournalSize {
                    records: kept.waiting.len() as u64,
                    size_bytes: kept.size_bytes as u64,
                    segments: 0,
                }
            }
        }
    }

    /// Goes on at this number, if it is above all that there are: a journal that lost its end must
    /// not give a number a second time.
    pub fn skip_to(&self, next: u64) -> io::Result<()> {
        let Some(journal) = &self.0.journal else {
            let mut kept = self.0.kept.lock();
            kept.next = kept.next.max(next);
            return Ok(());
        };
        // The journal's lock is held until both agree: nothing is appended in between.
        let mut journal = journal.lock();
        if journal.next() >= next {
            return Ok(());
        }
        tracing::error!(
            ends_at = journal.next(),
            goes_on_at = next,
            "the journal of pushes lost its end, which the state has; was it restored from an \
             older copy?"
        );
        journal.skip_to(next)?;
        self.0.kept.lock().next = journal.next();
        Ok(())
    }

    /// Returns when there is one of this number.
    pub async fn wait_for(&self, number: u64) {
        loop {
            let grown = self.0.grown.notified();
            if self.next() > number {
                return;
            }
            grown.await;
        }
    }

    /// Those from `number` on that need not be read from the disk, in order, `most` of them, and of
    /// about so many bytes unless the first is larger. Those below `applied` are forgotten.
    pub fn get(
        &self,
        number: u64,
        most: usize,
        about_bytes: usize,
        applied: u64,
    ) -> Vec<(u64, Body)> {
        let mut kept = self.0.kept.lock();
        kept.forget_below(applied);
        let begin = kept.waiting.partition_point(|one| one.number < number);
        let mut size_bytes = 0;
        let here = kept.waiting.range(begin..).take(most).zip(number..);
        let here = here.take_while(|(one, number)| {
            let fits = size_bytes < about_bytes;
            size_bytes += one.size_bytes;
            one.number == *number && fits
        });
        here.map(|(one, number)| (number, one.body.clone())).collect()
    }

    /// Those below `applied` wait no more.
    pub fn forget_below(&self, applied: u64) {
        self.0.kept.lock().forget_below(applied);
    }

    /// All of them or none; an error also says whether a crash may leave them there all the same.
    pub(crate) fn keep(&self, together: Vec<Pending>) -> Result<(), (io::Error, bool)> {
        let mut journal = self.0.journal.as_ref().map(Mutex::lock);
        if let Some(journal) = &mut journal {
            journal.append(&together).map_err(|error| (error, journal.is_in_doubt()))?;
        }
        let mut kept = self.0.kept.lock();
        for Pending { push, record, backlog, .. } in together {
            let number = kept.next;
            kept.next += 1;
            if journal.is_none() || kept.size_bytes < MOST_WAITING_BYTES {
                let size_bytes = record.len();
                kept.size_bytes += size_bytes;
                let body = push.map_or(Body::JournalRecord(record), Body::Push);
                kept.waiting.push_back(Waiter { number, size_bytes, body, _backlog: backlog });
            }
        }
        drop(kept);
        drop(journal);
        self.0.grown.notify_waiters();
        Ok(())
    }
}

/// Keeps what comes, until nobody can send any more.
pub fn run(mut pending: mpsc::Receiver<Pending>, feed: &Feed, lease: &Lease, waiting: &Waiting) {
    while let Some(first) = pending.blocking_recv() {
        let together = first.gather(&mut pending, MOST_AT_ONCE, ABOUT_BYTES_AT_ONCE);
        keep(together, feed, lease, waiting);
    }
}

fn keep(together: Vec<Pending>, feed: &Feed, lease: &Lease, waiting: &Waiting) {
    let tickets: Vec<_> = together.iter().map(|pending| pending.ticket).collect();
    let deliveries = together.iter().filter(|pending| pending.push.is_none());
    let deliveries: Vec<_> = deliveries.map(|pending| pending.ticket).collect();
    let refuse = |error: PushError| {
        for ticket in &tickets {
            waiting.complete(*ticket, Err(error.clone()));
        }
    };
    if !lease.is_valid() {
        let why = "standby: the ownership of this identity is not confirmed".into();
        return refuse(PushError::Unavailable { why });
    }
    let _keeping = waiting.keeping();
    match feed.keep(together) {
        // A push has its answer when it is applied.
        Ok(()) => {
            for ticket in deliveries {
                waiting.complete(ticket, Ok(PushApplied::default()));
            }
        }
        Err((error, in_doubt)) => {
            tracing::error!(
                %error,
                pushes = tickets.len(),
                "the journal of pushes cannot be written; they are refused until it can; check \
                 that its disk is there and has room"
            );
            let why = format!("the journal of pushes cannot be written: {error}");
            refuse(match in_doubt {
                // What the disk has of it may be found after a crash.
                true => PushError::Unconfirmed { why },
                false => PushError::Unavailable { why },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(feed: &Feed, count: usize) {
        let pending =
            || Pending { ticket: 0, push: None, record: vec![0; 1000].into(), backlog: None };
        feed.keep(std::iter::repeat_with(pending).take(count).collect()).expect("kept");
    }

    fn numbers(feed: &Feed, from: u64, applied: u64) -> Vec<u64> {
        feed.get(from, 3, usize::MAX, applied).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn one_that_is_ahead_already_stays_where_it_is() {
        let feed = Feed::in_memory();
        feed.skip_to(10).expect("memory");
        feed.skip_to(7).expect("memory");
        assert_eq!((feed.first(), feed.next()), (10, 10));
        keep(&feed, 2);
        assert_eq!((feed.first(), feed.next()), (10, 12));
    }

    #[test]
    fn pushes_are_there_until_they_are_applied() {
        let directory = tempfile::tempdir().expect("a directory");
        let on_disk = Feed::new(Journal::open(directory.path()).expect("a journal"));
        for feed in [Feed::in_memory(), on_disk] {
            keep(&feed, 5);
            assert_eq!(numbers(&feed, 0, 0), [0, 1, 2]);
            assert_eq!(numbers(&feed, 3, 0), [3, 4]);
            // The ownership was in doubt: once more from what was applied.
            assert_eq!(numbers(&feed, 1, 1), [1, 2, 3]);
            assert_eq!(numbers(&feed, 0, 1), [0; 0]);
            assert_eq!(numbers(&feed, 5, 5), [0; 0]);
            let kept = feed.0.kept.lock();
            assert_eq!((kept.size_bytes, kept.waiting.len(), kept.next), (0, 0, 5));
        }
    }

    #[test]
    fn what_the_disk_has_need_not_be_in_memory_as_well() {
        let directory = tempfile::tempdir().expect("a directory");
        let feed = Feed::new(Journal::open(directory.path()).expect("a journal"));
        let most = MOST_WAITING_BYTES.div_ceil(1000);
        keep(&feed, most + 10);
        let in_memory = |feed: &Feed| feed.0.kept.lock().waiting.len();
        assert_eq!(in_memory(&feed), most);
        assert_eq!(numbers(&feed, most as u64 - 1, most as u64 - 1), [most as u64 - 1]);
        assert_eq!(numbers(&feed, most as u64, most as u64), [0; 0]);
        keep(&feed, 1);
        assert_eq!(numbers(&feed, most as u64, most as u64), [0; 0], "there is a gap before it");
        let read = feed.read(most as u64, 1 << 20).expect("read");
        assert_eq!(read.len(), 11);
        assert_eq!(numbers(&feed, most as u64 + 10, most as u64 + 10), [most as u64 + 10]);
    }
}
