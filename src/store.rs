//! The aggregate state, and the positions it covers, under one lock.
//!
//! [`Store::apply`] moves a source forward and applies the events of that step
//! in one critical section; [`Store::cut`] copies state and positions in
//! another. So every cut is consistent by construction: it holds exactly the
//! events up to its positions, and a checkpoint needs no further coordination.
//!
//! The lock is held for a batch or for a copy of numbers, never while sorting,
//! formatting or waiting. Label texts are shared with a cut, not copied.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::fault_point::kill_point;
use crate::model::push::IdempotencyKey;
use crate::model::{
    Advance, BadEvent, Batch, ClockStep, ClockWatch, Position, PositionMismatch, Push, PushApplied,
    PushRefusal, SeriesHasher, SourceKey, Tally, Timestamp,
};

mod aggregates;
mod applied_keys;
mod changes;
pub mod decaying_window;
mod dry_run;
pub mod family;
mod groups;
mod histogram;
mod limits;
mod refusal;
mod row_set;
mod row_view;
mod sources;
mod sparse;
mod step;
pub mod summary;
#[cfg(test)]
pub(crate) mod test_batch;
#[cfg(test)]
pub(crate) mod test_push;
pub mod text_column;

use aggregates::{Aggregates, Remains};
pub use changes::{BLOCK_ROWS, Changes};
pub use family::{Family, Values};
pub use row_set::RowSet;
pub use row_view::RowView;
use sources::Sources;
pub use sparse::SparseColumn;
pub use text_column::TextColumn;

/// What one source has done so far: part of every checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceState {
    pub key: SourceKey,
    pub position: Position,
    pub tally: Tally,
}

/// A consistent copy of the state together with the positions it covers.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    pub taken_at: Timestamp,
    /// Grows with every change; equal versions mean equal state.
    pub version: u64,
    /// The version at which something was last decided that depends on what other sources brought
    /// before: which families and series there are, with their types, buckets and texts, what was
    /// refused because of them, and what was found lost. A replay, which may read the sources in
    /// another order, may decide it otherwise. 0: nothing since the restore.
    pub decided_at: u64,
    /// Served time series.
    pub series: u64,
    /// In the order first seen.
    pub families: Vec<Family>,
    /// Of each group its labels (see [`crate::model::push::Group`]); families refer to them by
    /// index. Empty where no series refers to it.
    pub groups: Vec<Arc<str>>,
    /// Of pushes: applied not long ago, in the order applied.
    pub idempotency_keys: Vec<AppliedKey>,
    /// How many keys were forgotten before the first of them.
    pub keys_forgotten: u64,
    pub sources: Vec<SourceState>,
    pub link: CutLink,
}

/// Which cut for a checkpoint this is, and which was before it: what [`Changes::rows`] tells is
/// all that changed only for who has seen the one before. No two cuts of a process have a number;
/// 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutLink {
    pub number: u64,
    pub previous: u64,
}

static CUTS: AtomicU64 = AtomicU64::new(1);

/// An idempotency key that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedKey {
    pub key: IdempotencyKey,
    pub at: Timestamp,
}

/// What applying a batch did.
#[derive(Debug, Default)]
pub struct Applied {
    pub processed: u64,
    /// Events of the batch the store refused (conflicts, limits); `Batch::bad` not included.
    pub refused: Vec<BadEvent>,
    /// Entries of which all events came before, ascending; nothing was done with them now.
    pub repeated: Vec<u32>,
    /// Of each of the batch's pushes, in order.
    pub pushes: Vec<Result<PushApplied, PushRefusal>>,
}

impl Applied {
    /// Every event that was refused, but for those that came again.
    pub fn bad_of<'b>(&'b self, batch: &'b Batch) -> impl Iterator<Item = &'b BadEvent> {
        let is_new = |bad: &&BadEvent| self.repeated.binary_search(&bad.entry).is_err();
        batch.bad.iter().filter(is_new).chain(&self.refused)
    }
}

/// Why a batch was not applied; the store is unchanged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ApplyError {
    #[error("source {0} has no position yet: it must be set at first contact, before any batch")]
    UnknownSource(SourceKey),
    #[error("source {source_key}")]
    Mismatch {
        source_key: SourceKey,
        #[source]
        mismatch: PositionMismatch,
    },
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSize {
    pub series: u64,
    pub families: u64,
}

/// What is remembered of what its producers may send again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    pub remembered: u64,
    /// Forgotten before their time, for want of room; since the process began.
    pub forgotten_early: u64,
    /// Payloads and entries that came again, and did nothing; since the process began.
    pub repeated: u64,
}

/// Handle to the state; clones share it. The lock is inside and never held across an await.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    hasher: SeriesHasher,
}

struct Inner {
    aggregates: Aggregates,
    sources: Sources,
    version: u64,
    /// As [`Cut::decided_at`].
    decided_at: u64,
    /// The number of the last cut for a checkpoint.
    last_cut: u64,
    clock: ClockWatch,
}

impl Store {
    /// An empty store.
    pub fn new(max_series: u64) -> Self {
        Self::restore(Cut::default(), max_series)
    }

    /// A store that continues from a restored cut. Series beyond the limit stay;
    /// only new ones are refused.
    pub fn restore(cut: Cut, max_series: u64) -> Self {
        let hasher = SeriesHasher::default();
        let Cut { families, groups, idempotency_keys: keys, .. } = cut;
        let aggregates =
            Aggregates::restore(Remains { families, groups, keys }, max_series, &hasher);
        let inner = Inner {
            aggregates,
            sources: Sources::restore(cut.sources),
            version: cut.version,
            decided_at: 0,
            last_cut: 0,
            clock: ClockWatch::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), hasher }
    }

    /// The hasher that decoding must use for this store's events.
    pub fn hasher(&self) -> SeriesHasher {
        self.hasher.clone()
    }

    /// The state is from then, and now is now. A clock that was set back meanwhile makes nothing
    /// younger; one that was set forward cannot be told from time that passed.
    pub fn wake(&self, taken_at: Timestamp, now: Timestamp) {
        let mut inner = self.inner.lock();
        if now < taken_at {
            inner.move_ages(ClockStep::between(taken_at, now));
        }
        inner.aggregates.cap_ages(now);
    }

    /// For how long an idempotency key is remembered.
    pub fn set_idempotency_window(&self, window: Duration) {
        self.inner.lock().aggregates.keys_mut().set_window(window);
    }

    /// Applies the batch's events and pushes, counts its bad events, and moves the source, all
    /// under one lock. On an error nothing is changed. Series that events make count since
    /// `started`: at a replay, that is when the snapshot was taken, so that no start time is later
    /// after a crash than it was before.
    pub fn apply(
        &self,
        source: &SourceKey,
        batch: &Batch,
        advance: &Advance,
        now: Timestamp,
        started: Timestamp,
    ) -> Result<Applied, ApplyError> {
        let mut inner = self.lock();
        let Inner { aggregates, sources, version, decided_at, .. } = &mut *inner;
        let SourceState { position, tally, .. } =
            sources.get_mut(source).ok_or_else(|| ApplyError::UnknownSource(source.clone()))?;
        position
            .advance(advance)
            .map_err(|mismatch| ApplyError::Mismatch { source_key: source.clone(), mismatch })?;
        kill_point("apply-middle");
        let shape = aggregates.shape();
        let applied = aggregates.apply(batch, now, started);
        tally.processed += applied.processed;
        for bad in applied.bad_of(batch) {
            tally.count_dropped(bad.reason);
        }
        *version += 1;
        if aggregates.shape() != shape || !applied.refused.is_empty() {
            *decided_at = *version;
        }
        Ok(applied)
    }

    /// Whether a push would be applied now, and what would be answered; nothing is changed.
    pub fn check(&self, push: &Push) -> Result<PushApplied, PushRefusal> {
        self.lock().aggregates.check_push(push)
    }

    /// Where a source stands; `None` when it was never seen.
    pub fn position(&self, source: &SourceKey) -> Option<Position> {
        self.inner.lock().sources.get(source).map(|source| source.position.clone())
    }

    /// Where every source stands that was ever seen.
    pub fn positions(&self) -> Vec<(SourceKey, Position)> {
        let inner = self.inner.lock();
        inner.sources.iter().map(|one| (one.key.clone(), one.position.clone())).collect()
    }

    /// Sets a source's position by decree (first contact, a lost Redis, an acknowledgement) and
    /// meters what was lost. `change` returns how many events were lost; a source that it leaves
    /// without a position is forgotten.
    pub fn reposition(
        &self,
        source: &SourceKey,
        change: impl FnOnce(&mut Option<Position>) -> u64,
    ) {
        let mut inner = self.inner.lock();
        let before = inner.sources.get(source).map(|source| source.position.clone());
        let mut after = before.clone();
        let lost = change(&mut after);
        // An acknowledgement of nothing is no reason for another checkpoint.
        if after != before || lost > 0 {
            inner.version += 1;
        }
        if lost > 0 {
            inner.decided_at = inner.version;
        }
        match after {
            Some(position) => inner.sources.place(source, position).tally.lost += lost,
            None => drop(inner.sources.remove(source)),
        }
    }

    /// This is the journal that pushes lie in from now on; of those before it only so many are
    /// remembered.
    pub fn use_journal(&self, source: &SourceKey) {
        let mut inner = self.inner.lock();
        if inner.sources.use_journal(source) {
            inner.version += 1;
        }
    }

    /// Continues a source under another key, its tally included.
    pub fn rename_source(
        &self,
        from: &SourceKey,
        to: SourceKey,
        position: impl FnOnce(Position) -> Position,
    ) {
        let mut inner = self.inner.lock();
        if let Some(source) = inner.sources.remove(from) {
            let position = position(source.position);
            inner.sources.insert(SourceState { key: to, position, ..source });
            inner.version += 1;
        }
    }

    /// Copies state and positions, for a checkpoint: the next one tells what changed since.
    pub fn cut(&self, now: Timestamp) -> Cut {
        let mut inner = self.lock();
        let copy = inner.copy(now);
        inner.aggregates.families_mut().for_each(Family::was_cut);
        let sources = inner.sources.copy();
        let copy = Cut { sources, ..copy };
        let keys = inner.aggregates.keys();
        let (idempotency_keys, keys_forgotten) = (keys.copy(), keys.forgotten());
        let number = CUTS.fetch_add(1, Ordering::Relaxed);
        let link = CutLink { number, previous: std::mem::replace(&mut inner.last_cut, number) };
        Cut { idempotency_keys, keys_forgotten, link, ..copy }
    }

    /// Copies what a scrape needs: as `cut`, without positions and idempotency keys.
    pub fn scrape(&self, now: Timestamp) -> Cut {
        self.lock().copy(now)
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.inner.lock().version
    }

    /// Time series that may be served.
    pub fn max_series(&self) -> u64 {
        self.inner.lock().aggregates.max_series()
    }

    /// Served time series and families.
    pub fn size(&self) -> StoreSize {
        let inner = self.inner.lock();
        StoreSize {
            series: inner.aggregates.series(),
            families: inner.aggregates.family_count() as u64,
        }
    }

    pub fn key_counts(&self) -> KeyCounts {
        self.inner.lock().aggregates.keys().counts()
    }

    /// The tally of each source as the world knows them.
    pub fn tallies(&self) -> Vec<(SourceKey, Tally)> {
        let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
        for source in self.inner.lock().sources.iter() {
            tallies.entry(source.key.public()).or_default().add(&source.tally);
        }
        tallies.into_iter().collect()
    }

    /// Before ages are looked at or made: should the clock have been set, they go with it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock();
        if let Some(step) = inner.clock.look() {
            inner.move_ages(step);
        }
        inner
    }
}

impl Inner {
    fn move_ages(&mut self, step: ClockStep) {
        tracing::warn!(
            milliseconds = step.milliseconds,
            "the clock was set; windows and idempotency keys are as old as they were"
        );
        self.aggregates.move_ages(step);
        self.version += 1;
    }

    fn copy(&mut self, now: Timestamp) -> Cut {
        let copy = Cut {
            taken_at: now,
            version: self.version,
            decided_at: self.decided_at,
            series: self.aggregates.series(),
            families: self.aggregates.families().cloned().collect(),
            groups: self.aggregates.groups().to_vec(),
            ..Cut::default()
        };
        self.aggregates.families_mut().for_each(Family::was_copied);
        copy
    }
}

#[cfg(test)]
pub(crate) mod model_tests;
#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod tests;
