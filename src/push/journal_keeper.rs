//! Keeps pushes in the local journal: many with one sync.
//!
//! It runs on a thread of its own, because it does little but wait for the disk. While one sync is
//! under way the next pushes gather; the more there are, the fewer syncs each costs. What is durable
//! goes to the [`Feed`], from which the source applies it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::{Pending, PushError, Waiting};
use crate::journal::Journal;
use crate::lease::Lease;
use crate::model::Push;

/// Pushes kept with one sync at most.
const MOST_AT_ONCE: usize = 1024;

/// Kept with one sync at most, but for a single push that is larger.
const ABOUT_BYTES_AT_ONCE: usize = 16 << 20;

/// The journal, and what was appended to it by this process and not applied yet; clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    id: String,
    journal: Mutex<Journal>,
    appended: Mutex<Appended>,
    grown: Notify,
}

/// What is durable.
struct Appended {
    /// The number that the next record will have.
    next: u64,
    /// The newest ones, interpreted already.
    pushes: VecDeque<(u64, Arc<Push>)>,
}

impl Feed {
    pub fn new(journal: Journal) -> Self {
        let appended = Appended { next: journal.next(), pushes: VecDeque::new() };
        Self(Arc::new(Shared {
            id: journal.id().to_owned(),
            journal: Mutex::new(journal),
            appended: Mutex::new(appended),
            grown: Notify::new(),
        }))
    }

    /// The journal's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Blocks while the journal writes.
    pub fn with_journal<T>(&self, work: impl FnOnce(&mut Journal) -> T) -> T {
        work(&mut self.0.journal.lock())
    }

    /// The number of the first record that is not there yet.
    pub fn next(&self) -> u64 {
        self.0.appended.lock().next
    }

    /// Lets the journal go on at this number, if it is above all it has: one that lost its end must
    /// not give a number a second time.
    pub fn skip_to(&self, next: u64) -> io::Result<()> {
        // The journal's lock is held until both agree: nothing is appended in between.
        let mut journal = self.0.journal.lock();
        if journal.next() >= next {
            return Ok(());
        }
        if !journal.is_in_memory() {
            tracing::error!(
                ends_at = journal.next(),
                goes_on_at = next,
                "the journal of pushes lost its end, which the state has; was it restored from an \
                 older copy?"
            );
        }
        journal.skip_to(next)?;
        self.0.appended.lock().next = journal.next();
        Ok(())
    }

    /// Returns when there is a record of this number.
    pub async fn wait_for(&self, number: u64) {
        loop {
            let grown = self.0.grown.notified();
            if self.next() > number {
                return;
            }
            grown.await;
        }
    }

    /// The pushes from `number` on that need not be read from the disk, in order, `most` of them.
    pub fn take(&self, number: u64, most: usize) -> Vec<(u64, Arc<Push>)> {
        let mut appended = self.0.appended.lock();
        while appended.pushes.front().is_some_and(|(first, _)| *first < number) {
            appended.pushes.pop_front();
        }
        match appended.pushes.front() {
            Some((first, _)) if *first == number => {
                let count = appended.pushes.len().min(most);
                appended.pushes.drain(..count).collect()
            }
            _ => Vec::new(),
        }
    }

    fn push(&self, first: u64, pushes: impl Iterator<Item = Arc<Push>>) {
        let mut appended = self.0.appended.lock();
        for (number, push) in (first..).zip(pushes) {
            appended.pushes.push_back((number, push));
            appended.next = number + 1;
        }
        drop(appended);
        self.0.grown.notify_waiters();
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
    let (pushes, records): (Vec<_>, Vec<_>) =
        together.into_iter().map(|Pending { push, record }| (push, record)).unzip();
    let refuse = |error: PushError| {
        for push in &pushes {
            waiting.complete(push.ticket, Err(error.clone()));
        }
    };
    if !lease.is_valid() {
        let why = "standby: the ownership of this identity is not confirmed".into();
        return refuse(PushError::Unavailable { why });
    }
    let appended = feed.with_journal(|journal| {
        journal.append(&records).map_err(|error| (error, journal.is_in_doubt()))
    });
    match appended {
        Ok(first) => feed.push(first, pushes.into_iter()),
        Err((error, in_doubt)) => {
            tracing::error!(
                %error,
                pushes = pushes.len(),
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

    #[test]
    fn a_journal_that_is_ahead_already_stays_where_it_is() {
        let feed = Feed::new(Journal::in_memory());
        feed.skip_to(10).expect("memory");
        assert_eq!((feed.next(), feed.with_journal(|journal| journal.next())), (10, 10));
        feed.skip_to(7).expect("memory");
        assert_eq!((feed.next(), feed.with_journal(|journal| journal.next())), (10, 10));
    }
}
