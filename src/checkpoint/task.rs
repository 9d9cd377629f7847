//! Writing checkpoints: regularly, and never more than there is to say.
//!
//! A checkpoint is due when the state has changed since the newest one, and
//! also while an older retained snapshot does not cover the present state yet:
//! what Redis may forget is what the oldest of them covers, so after a burst
//! `Snapshot.Keep` checkpoints are written before it is quiet.
//!
//! A checkpoint that fails changes nothing: the retained ones stay, nothing is
//! acknowledged, ingestion goes on, and the next interval tries again under the
//! next sequence number. The one failure that ends the process is to find
//! another owner in `head`.
//!
//! In a bucket `head` is also the lease; see `renewal`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use super::chains::{Chains, Draft, Extended};
use super::codec::{CodecError, Meta};
use super::head::{Generation, Head, HeadEntry};
use super::out_of_turn::{OutOfTurn, Progress};
use super::restore::{Terms, chain};
use super::storage::{HeadVersion, Storage, StorageError};
use super::{Durable, Positions, positions};
use crate::fault_point::{kill_point, kill_soon};
use crate::lease::Lease;
use crate::model::Timestamp;
use crate::status::Status;
use crate::store::{Cut, Store};

mod clean_up;
mod renewal;

use renewal::renewal_interval;

/// Owns the storage of one identity and writes its snapshots.
pub struct Checkpointer {
    storage: Arc<Storage>,
    lease: Lease,
    terms: Terms,
    /// What `head` holds, as far as we know.
    head: Head,
    version: HeadVersion,
    /// Of the last attempt to replace `head`, also of a failed one.
    revision: u64,
    /// When `head` is to be replaced even if there is nothing to write.
    renew_at: Instant,
    /// The last sequence used, also by a failed attempt: no name is used twice.
    sequence: u64,
    /// As in `head`, newest first.
    retained: Vec<Retained>,
    chains: Chains,
    /// To be deleted after the next success: until then `head` may still name them.
    garbage: BTreeSet<Generation>,
    /// Snapshots that could not be read at start stay for this process' life, to be looked into.
    evidence: Vec<Generation>,
    /// What earlier owners left behind has been looked for.
    swept: bool,
    durable: watch::Sender<Option<Durable>>,
    progress: watch::Sender<Progress>,
    /// Somebody cannot wait for the next interval.
    wanted: Arc<Notify>,
}

/// A retained snapshot, and what is known of it.
pub(super) struct Retained {
    entry: HeadEntry,
    /// `None`: written by an earlier process and not read by this one.
    contents: Option<(Positions, u64)>,
}

impl Retained {
    pub(super) fn new(entry: HeadEntry, positions: Positions, version: u64) -> Self {
        Self { entry, contents: Some((positions, version)) }
    }

    pub(super) fn unread(entry: &HeadEntry) -> Self {
        Self { entry: entry.clone(), contents: None }
    }

    fn covers(&self, version: u64) -> bool {
        self.contents.as_ref().is_some_and(|(_, covered)| *covered == version)
    }
}

/// What one checkpoint wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub generation: Generation,
    pub size_bytes: u64,
    /// All of the state, not only what changed.
    pub is_whole: bool,
}

/// Why a checkpoint was not made.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error(
        "identity `{identity}` in {place} is owned by another gateway now ({found}); \
         this one, of epoch {epoch}, must stop"
    )]
    Fenced { identity: String, place: String, epoch: u64, found: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("`head` could not be replaced within {patience:?}: no answer")]
    HeadHangs { patience: Duration },
    #[error("the state cannot be encoded")]
    Encode(#[from] CodecError),
    #[error("a task of the checkpoint died")]
    Died(#[from] tokio::task::JoinError),
}

impl Checkpointer {
    pub(super) fn new(
        storage: Arc<Storage>,
        lease: Lease,
        terms: Terms,
        head: Head,
        version: HeadVersion,
        retained: Vec<Retained>,
        evidence: Vec<Generation>,
    ) -> Self {
        let known = retained.iter().filter_map(|one| one.contents.as_ref());
        let covered = known.map(|(_, version)| *version).max().unwrap_or(0);
        let checkpointer = Self {
            storage,
            lease,
            terms: Terms { keep: terms.keep.max(1), ..terms },
            sequence: head.sequence,
            revision: head.revision,
            renew_at: Instant::now() + renewal_interval(terms.lease_ttl),
            head,
            version,
            retained,
            chains: Chains::new(terms.keep),
            garbage: BTreeSet::new(),
            evidence,
            swept: false,
            durable: watch::Sender::new(None),
            progress: watch::Sender::new(Progress { covered, ..Progress::default() }),
            wanted: Arc::default(),
        };
        checkpointer.publish();
        checkpointer
    }

    /// The permission to acknowledge, as it grows. `None`: not yet.
    pub fn durable(&self) -> watch::Receiver<Option<Durable>> {
        self.durable.subscribe()
    }

    /// To ask for a checkpoint before the interval is over.
    pub fn out_of_turn(&self) -> OutOfTurn {
        OutOfTurn::new(Arc::clone(&self.wanted), self.progress.subscribe())
    }

    /// Whether a lock, not a lease, makes this process the owner.
    pub fn has_lock(&self) -> bool {
        self.storage.has_lock()
    }

    /// Writes a checkpoint whenever one is due, until `shutdown` (which returns the checkpointer,
    /// for the last one) or until another gateway took over.
    pub async fn run(
        mut self,
        store: Store,
        status: Status,
        interval: Duration,
        shutdown: CancellationToken,
    ) -> Result<Self, CheckpointError> {
        let (lease, wanted) = (self.lease.clone(), Arc::clone(&self.wanted));
        let mut checkpoint_at = Instant::now() + interval;
        status.checkpoint(|report| report.expect_every(interval));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(self),
                () = lease.confirmation_wanted() => {
                    self.renew().await?;
                    continue;
                }
                () = tokio::time::sleep_until(self.renew_at), if !self.storage.has_lock() => {
                    self.renew().await?;
                    continue;
                }
                () = wanted.notified() => {}
                () = tokio::time::sleep_until(checkpoint_at) => {}
            }
            checkpoint_at = Instant::now() + interval;
            if !self.is_due(store.version()) {
                continue;
            }
            match self.checkpoint(&store, &status, false).await {
                Ok(_) => {}
                Err(error @ CheckpointError::Fenced { .. }) => return Err(error),
                Err(error) => tracing::error!(
                    error = chain(&error),
                    place = self.storage.place(),
                    retry_in_seconds = interval.as_secs_f64(),
                    "checkpoint failed; ingestion continues and nothing is acknowledged; \
                     check that the place can be reached and written, and has room",
                ),
            }
        }
    }

    /// Whether a checkpoint of this version of the state would say anything new.
    pub fn is_due(&self, version: u64) -> bool {
        self.retained.is_empty() || !self.retained.iter().all(|one| one.covers(version))
    }

    /// Whether every retained snapshot has at least this version of the state.
    pub fn all_cover(&self, version: u64) -> bool {
        let covers = |one: &Retained| one.contents.as_ref().is_some_and(|(_, has)| *has >= version);
        self.retained.iter().all(covers)
    }

    /// Makes the present state durable and reports how it went.
    pub async fn checkpoint(
        &mut self,
        store: &Store,
        status: &Status,
        clean_shutdown: bool,
    ) -> Result<Written, CheckpointError> {
        let started = Instant::now();
        status.checkpoint(|report| _ = report.behind_since.get_or_insert(started));
        self.progress.send_modify(|progress| progress.begun += 1);
        let result = self.cut_and_write(store, status, clean_shutdown).await;
        self.progress.send_modify(|progress| progress.ended += 1);
        let duration_seconds = started.elapsed().as_secs_f64();
        match &result {
            Ok(written) => {
                tracing::debug!(
                    generation = %written.generation,
                    size_bytes = written.size_bytes,
                    is_whole = written.is_whole,
                    duration_seconds,
                    "checkpoint",
                );
                status.checkpoint(|report| {
                    report.generation = Some(written.generation.to_string());
                    report.last_success_timestamp_seconds = Some(Timestamp::now().as_seconds());
                    report.duration_seconds = duration_seconds;
                    report.size_bytes = written.size_bytes;
                    report.successes += 1;
                    report.whole_snapshots += u64::from(written.is_whole);
                    report.last_error = None;
                    report.behind_since = None;
                });
            }
            Err(error) => {
                status.checkpoint(|report| {
                    report.failures += 1;
                    report.last_error = Some(chain(error));
                });
            }
        }
        result
    }

    async fn cut_and_write(
        &mut self,
        store: &Store,
        status: &Status,
        clean_shutdown: bool,
    ) -> Result<Written, CheckpointError> {
        let store = store.clone();
        let (cut, cut_duration) = blocking(move || {
            let started = Instant::now();
            let cut = store.cut(Timestamp::now());
            (cut, started.elapsed())
        })
        .await?;
        status.checkpoint(|report| report.cut_seconds = cut_duration.as_secs_f64());
        self.write(cut, clean_shutdown).await
    }

    /// Makes `cut` durable: snapshot first, then head, then the permission, then the clean-up.
    pub async fn write(
        &mut self,
        cut: Cut,
        clean_shutdown: bool,
    ) -> Result<Written, CheckpointError> {
        self.sequence += 1;
        let generation = Generation { epoch: self.head.epoch, sequence: self.sequence };
        let newest_positions = positions(&cut);
        let version = cut.version;
        // Should anything fail from here on, the file is nobody's; should it succeed, `head`
        // names it and the clean-up passes it over.
        self.garbage.insert(generation);
        self.look_after_chains().await;
        let draft = self.draft(generation, cut, clean_shutdown).await?;
        let entry = draft.entry.clone();
        let snapshot = write_snapshot(Arc::clone(&self.storage), draft);
        let extended = self.while_renewing(snapshot).await??;
        let is_whole = entry.parents.is_empty();
        let written = Written { generation, size_bytes: entry.size_bytes, is_whole };
        let mut head = self.head.clone();
        head.sequence = generation.sequence;
        let older = self.retained.iter().map(|one| one.entry.clone());
        head.retained = std::iter::once(entry.clone()).chain(older).take(self.terms.keep).collect();
        kill_point("snapshot-written");
        self.replace_head_in_time(head).await?;
        kill_point("head-replaced");
        self.chains.extend(extended);
        self.retained.insert(0, Retained::new(entry, newest_positions, version));
        let displaced = self.retained.drain(self.retained.len().min(self.terms.keep)..);
        self.garbage.extend(displaced.flat_map(|one| one.entry.files().collect::<Vec<_>>()));
        for file in self.retained.iter().flat_map(|one| one.entry.files()) {
            self.garbage.remove(&file);
        }
        self.progress.send_modify(|progress| progress.covered = version);
        self.publish();
        self.clean_up().await?;
        Ok(written)
    }

    /// On disk, files are deleted by hand, or by what tidies up directories: a chain without them
    /// is not extended, so that the next snapshots are sound again.
    async fn look_after_chains(&mut self) {
        if !self.storage.has_lock() {
            return;
        }
        if let Ok(listed) = self.storage.list().await {
            let there: BTreeSet<_> = listed.iter().map(|listed| listed.generation).collect();
            self.chains.end_if_incomplete(|generation| there.contains(&generation));
        }
    }

    /// Encodes the cut. Should its task die, the chains are lost with it, and the next snapshots are
    /// whole.
    async fn draft(
        &mut self,
        generation: Generation,
        cut: Cut,
        clean_shutdown: bool,
    ) -> Result<Draft, CheckpointError> {
        let meta = Meta {
            identity: self.storage.identity().to_owned(),
            generation,
            created_at: cut.taken_at,
            writer_version: env!("CARGO_PKG_VERSION").to_owned(),
            clean_shutdown,
            series: cut.series,
        };
        let mut chains = std::mem::replace(&mut self.chains, Chains::new(self.terms.keep));
        let encode = blocking(move || {
            let draft = chains.draft(&meta, &cut);
            kill_point("encode-middle");
            (chains, draft)
        });
        let (chains, draft) = self.while_renewing(encode).await??;
        self.chains = chains;
        Ok(draft?)
    }

    /// Positions only grow, so what the oldest retained snapshot covers, all do. As long as that
    /// one was written by an earlier process and its positions are not known, there is nothing to
    /// publish.
    fn publish(&self) {
        let oldest = self.retained.last().and_then(|one| one.contents.as_ref());
        if let Some((positions, _)) = oldest {
            self.durable.send_replace(Some(Durable { positions: positions.clone() }));
        }
    }
}

/// What is left to do once it is retained.
async fn write_snapshot(storage: Arc<Storage>, draft: Draft) -> Result<Extended, CheckpointError> {
    let generation = draft.entry.generation();
    let (file, extended) = draft.into_parts();
    kill_soon("snapshot-writing");
    storage.write_snapshot(generation, file).await?;
    Ok(extended)
}
