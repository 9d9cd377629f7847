//! Applies what the journal keeps: after a start what a crash left, then what is pushed.
//!
//! Records are applied in the order of their numbers, each once: the position is the number of the
//! next. What this process kept comes interpreted already from the [`Feed`], which has it until the
//! state does; everything else is read from the disk.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Cover, Lag, Reading, Source, SourceError, Upkeep};
use crate::checkpoint::Durable;
use crate::model::{
    Advance, Body, Locator, Position, PushPosition, RawEntry, SourceKey, SourceKind,
};
use crate::push::journal_keeper::Feed;
use crate::store::Store;

/// Records applied together at most.
const MOST_AT_ONCE: usize = 256;

/// Applied together, about: what a core's cache holds until then.
const ABOUT_BYTES_APPLIED: usize = 256 << 10;

/// Read from the disk at once, about.
const ABOUT_BYTES_AT_ONCE: usize = 4 << 20;

/// How long a read waits when there is nothing.
const IDLE: Duration = Duration::from_secs(1);

/// The number of the first record that is not part of the state.
pub fn applied(store: &Store, key: &SourceKey) -> u64 {
    match store.position(key) {
        Some(Position::Push(PushPosition { next })) => next,
        _ => 0,
    }
}

/// The name of a journal as a source.
pub fn source_key(feed: &Feed) -> SourceKey {
    SourceKey { kind: SourceKind::Push, key: feed.id().to_owned() }
}

/// The reading half.
pub struct PushJournalSource {
    key: SourceKey,
    feed: Feed,
    store: Store,
    /// The record to be read next.
    next: u64,
    /// The first record that this process appended, or will: those before may have been applied by
    /// an earlier one.
    tail: u64,
    /// Records before this one are missing, and to be metered.
    resumes_at: Option<u64>,
    /// It has been said that there is nothing to replay any more.
    caught_up: bool,
}

impl PushJournalSource {
    pub fn new(feed: Feed, store: Store) -> Self {
        let (key, tail) = (source_key(&feed), feed.next());
        Self { key, feed, store, next: 0, tail, resumes_at: None, caught_up: false }
    }

    async fn read_from_disk(&mut self) -> Result<Reading, SourceError> {
        let (feed, from) = (self.feed.clone(), self.next);
        // Asked before reading: what is appended meanwhile is not to be passed over.
        let end = feed.next();
        let read = spawn_blocking(move || feed.read(from, ABOUT_BYTES_AT_ONCE));
        let records = match read.await {
            Ok(records) => records.map_err(|error| SourceError::Journal { what: "read", error })?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let expected = (from..).zip(&records).take_while(|(number, (found, _))| number == found);
        let whole = expected.count();
        if whole == 0 {
            // Damaged in the middle: what can be read goes on at a later record.
            self.resumes_at = Some(records.first().map_or(end, |(found, _)| *found));
            return Ok(Reading { resume: true, ..Reading::default() });
        }
        let entries = records.into_iter().take(whole).map(|(number, record)| RawEntry {
            locator: Locator::Record(number),
            body: Body::JournalRecord(record.into()),
        });
        Ok(self.reading(entries.collect()))
    }

    fn reading(&mut self, entries: Vec<RawEntry>) -> Reading {
        let (from, to) = (self.next, self.next + entries.len() as u64);
        self.next = to;
        Reading {
            entries,
            advance: Some(Advance::Push { from, to }),
            tail_reached: to >= self.tail,
            replay: from < self.tail,
            resume: false,
        }
    }
}

impl Source for PushJournalSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store, cover: &mut Cover) -> Result<(), SourceError> {
        let first = self.feed.first();
        let begins_at = self.resumes_at.take().unwrap_or(0).max(first);
        let mut next = 0;
        let mut lost = 0;
        store.reposition(&self.key, |position| {
            let before = match position {
                Some(Position::Push(PushPosition { next })) => *next,
                // Never seen: everything in it is new.
                _ => first,
            };
            lost = begins_at.saturating_sub(before);
            next = before.max(begins_at);
            *position = Some(Position::Push(PushPosition { next }));
            lost
        });
        store.use_journal(&self.key);
        if lost > 0 {
            cover.demand(store);
            tracing::error!(
                lost,
                goes_on_at = next,
                "records of the journal of pushes are missing; find out who damaged its files"
            );
        }
        self.next = next;
        if self.feed.next() < next {
            let feed = self.feed.clone();
            match spawn_blocking(move || feed.skip_to(next)).await {
                Ok(skipped) => {
                    skipped.map_err(|error| SourceError::Journal { what: "go on with", error })?;
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        loop {
            let applied = applied(&self.store, &self.key);
            // Asked first: what is kept from here on is not missing because it was not there yet.
            let end = self.feed.next();
            let kept = self.feed.get(self.next, MOST_AT_ONCE, ABOUT_BYTES_APPLIED, applied);
            if !kept.is_empty() {
                let entries = kept
                    .into_iter()
                    .map(|(number, body)| RawEntry { locator: Locator::Record(number), body });
                return Ok(self.reading(entries.collect()));
            }
            if self.next < end {
                return self.read_from_disk().await;
            }
            if !self.caught_up || timeout(IDLE, self.feed.wait_for(self.next)).await.is_err() {
                self.caught_up = true;
                return Ok(Reading { tail_reached: true, ..Reading::default() });
            }
        }
    }

    fn disconnect(&mut self) {}
}

/// The housekeeping half.
pub struct PushJournalUpkeep {
    key: SourceKey,
    feed: Feed,
}

impl PushJournalUpkeep {
    pub fn new(feed: Feed) -> Self {
        Self { key: source_key(&feed), feed }
    }
}

impl Upkeep for PushJournalUpkeep {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn acknowledge(&mut self, _store: &Store, durable: &Durable) -> Result<(), SourceError> {
        let Some(Position::Push(PushPosition { next })) = durable.position(&self.key) else {
            return Ok(());
        };
        let (feed, next) = (self.feed.clone(), *next);
        match spawn_blocking(move || feed.release(next)).await {
            Ok(released) => released
                .map_err(|error| SourceError::Journal { what: "remove old segments of", error }),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn observe(&mut self, store: &Store) -> Result<Lag, SourceError> {
        let applied = applied(store, &self.key);
        let feed = self.feed.clone();
        let size = match spawn_blocking(move || feed.size()).await {
            Ok(size) => size,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        Ok(Lag {
            entries: self.feed.next().saturating_sub(applied),
            oldest_milliseconds: None,
            pending: size.records,
        })
    }

    fn disconnect(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::push::Pending;

    /// A push that is kept while the source looks for it was passed over, as if it were missing.
    #[tokio::test]
    async fn what_is_kept_between_two_looks_is_not_missing() {
        const COUNT: u64 = 300_000;
        let (feed, store) = (Feed::in_memory(), Store::new(10));
        let mut source = PushJournalSource::new(feed.clone(), store);
        let keeper = std::thread::spawn(move || {
            for ticket in 0..COUNT {
                let record = vec![0].into();
                let pending = Pending { ticket, push: None, record, backlog: None };
                feed.keep(vec![pending]).expect("memory");
            }
        });
        let mut read = 0;
        while read < COUNT {
            let reading = source.read().await.expect("memory");
            assert!(!reading.resume, "missing from {read} on");
            read += reading.entries.len() as u64;
        }
        keeper.join().expect("kept");
    }

    #[tokio::test]
    async fn what_a_retained_snapshot_may_need_stays_in_the_journal() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(directory.path()).expect("a journal");
        let append = |journal: &mut Journal| {
            journal.append(&[b"0".to_vec(), b"1".to_vec(), b"2".to_vec()]).expect("appended");
        };
        append(&mut journal);
        // As after a restart.
        journal.skip_to(4).expect("a new segment");
        append(&mut journal);
        let mut upkeep = PushJournalUpkeep::new(Feed::new(journal));
        let at = |next| Position::Push(PushPosition { next });
        let store = Store::new(10);
        store.reposition(&upkeep.key, |position| {
            *position = Some(at(7));
            0
        });
        // The oldest retained snapshot is from before the first push, or from before the others.
        for (durable, first) in [(None, 0), (Some(3), 0), (Some(4), 4), (Some(6), 4), (Some(7), 7)]
        {
            let positions = durable.map(|next| (upkeep.key.clone(), at(next)));
            let durable = Durable::for_tests(positions.into_iter().collect());
            upkeep.acknowledge(&store, &durable).await.expect("released");
            assert_eq!(upkeep.feed.first(), first, "{durable:?}");
        }
        assert_eq!(upkeep.feed.size().records, 0);
    }
}
