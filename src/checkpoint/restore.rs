//! Finding the snapshot to start from, and taking the ownership over.
//!
//! The order matters where several processes start, or where a silent owner
//! comes back: first see that the identity is vacant, then read, then replace
//! `head` on condition that it still is what was looked at. If anybody was
//! faster, the replacement fails; once it succeeded, the former owner can make
//! nothing durable any more.

use std::sync::Arc;
use std::time::Duration;

use super::head::{Generation, Head, HeadEntry};
use super::positions;
use super::reading::{Verified, examine};
use super::resolve::{Decision, Facts, HeadFact, Unusable, next_epoch, resolve};
use super::standby::{Standby, Vacancy};
use super::storage::{HeadVersion, ReadHead, ReplaceHeadError, Storage, StorageError};
use super::task::{Checkpointer, Retained};
use crate::fault_point::kill_point;
use crate::lease::{Lease, Moment};
use crate::store::Cut;

/// Where to continue.
pub struct Restored {
    /// `None`: there was no state, start empty.
    pub cut: Option<Cut>,
    /// The snapshot was the last act of the owner before this one, an orderly stop.
    pub clean_shutdown: bool,
    /// The snapshot that `cut` comes from.
    pub generation: Option<Generation>,
    /// Newer snapshots that could not be used.
    pub skipped: Vec<Unusable>,
    /// The right to act as the owner, with an epoch above every earlier one.
    pub lease: Lease,
    /// Writes the snapshots of this ownership.
    pub checkpointer: Checkpointer,
}

/// Why the gateway must not start.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("another process owns identity `{identity}` in {place}: {why}")]
    Owned { identity: String, place: String, why: String },
    #[error(
        "identity `{identity}` has state in {place}, and none of it can be read:{}\n\
         Starting empty would lose it. Put a readable snapshot back (from a backup, or upgrade \
         the gateway if a newer version wrote it), or move {place}/{identity} away to start empty.",
        list(unusable)
    )]
    Unreadable { identity: String, place: String, unusable: Vec<Unusable> },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn list(unusable: &[Unusable]) -> String {
    unusable.iter().map(|Unusable { name, why }| format!("\n  {name}: {why}")).collect()
}

/// How an owner behaves.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Snapshots that are retained.
    pub keep: usize,
    /// How long an owner may be silent before another takes over; in buckets.
    pub lease_ttl: Duration,
}

/// Restores the state and becomes the owner, unless somebody is or may be: see [`Standby`].
///
/// A snapshot that cannot be read is skipped for the one before; when there is state and none of
/// it can be read, this is an error, and nothing was changed.
pub async fn restore(
    storage: &Arc<Storage>,
    standby: &mut Standby,
    terms: Terms,
) -> Result<Restored, RestoreError> {
    let (identity, place) = (storage.identity().to_owned(), storage.place().to_owned());
    let owned = |why| RestoreError::Owned { identity: identity.clone(), place: place.clone(), why };
    let vacant = match standby.look(storage).await? {
        Vacancy::Vacant(version) => version,
        Vacancy::Owned { why } => return Err(owned(why)),
    };
    let Found { facts, version, verified, decision } = look(storage, terms.keep).await?;
    if version != vacant {
        return Err(owned("it was taken over a moment ago".into()));
    }
    let skipped = match decision {
        Decision::Refuse { unusable } => {
            // Somebody who was faster may have deleted them, having written newer ones.
            if storage.read_head().await?.version() != version {
                return Err(owned("it was taken over a moment ago".into()));
            }
            return Err(RestoreError::Unreadable { identity, place, unusable });
        }
        Decision::Restore { skipped, .. } => skipped,
        Decision::Fresh | Decision::Examine(_) => Vec::new(),
    };
    for Unusable { name, why } in &skipped {
        tracing::error!(snapshot = name, why, "a snapshot cannot be used; trying the one before");
    }
    let head = Head {
        epoch: next_epoch(&facts),
        nonce: standby.nonce().to_owned(),
        revision: standby.next_revision(),
        lease_ttl_milliseconds: terms.lease_ttl.as_millis() as u64,
        retained: retained(&facts.head, verified.as_ref()),
        ..Head::default()
    };
    let begun = Moment::now();
    let version = match storage.replace_head(&head, &version).await {
        Ok(version) => version,
        // On disk the lock keeps others out, not `head`; and what was read can be served, though
        // nothing is acknowledged until a checkpoint succeeds. Without a state there is no hurry: a
        // place that was never written is more likely the wrong one.
        Err(ReplaceHeadError::Storage(error)) if storage.has_lock() && verified.is_some() => {
            tracing::error!(
                error = chain(&error),
                place,
                "restored, but the place cannot be written: serving all the same, and nothing is \
                 acknowledged until it can; check its permissions, and that it has room"
            );
            version
        }
        Err(ReplaceHeadError::Storage(error)) => return Err(error.into()),
        Err(ReplaceHeadError::Fenced { found }) => return Err(owned(found)),
    };
    kill_point("takeover-head");
    // It ends before another may take over, by more than clocks differ and a page takes.
    let term = terms.lease_ttl - terms.lease_ttl / 5;
    let term = (!storage.has_lock()).then_some(term);
    let lease = Lease::new(head.epoch, &head.nonce, term, begun);
    let evidence = skipped_files(&facts);
    let retained = adopt(&head, verified.as_ref());
    let checkpointer = Checkpointer::new(
        Arc::clone(storage),
        lease.clone(),
        terms,
        head,
        version,
        retained,
        evidence,
    );
    Ok(Restored::new(verified, skipped, lease, checkpointer))
}

impl Restored {
    fn new(
        verified: Option<Verified>,
        skipped: Vec<Unusable>,
        lease: Lease,
        checkpointer: Checkpointer,
    ) -> Self {
        let snapshot = verified.map(|verified| verified.snapshot);
        Self {
            // An owner after the one that wrote it may have died before its first snapshot.
            clean_shutdown: snapshot.as_ref().is_some_and(|found| {
                found.meta.clean_shutdown && found.meta.generation.epoch + 1 == lease.epoch()
            }),
            generation: snapshot.as_ref().map(|found| found.meta.generation),
            cut: snapshot.map(|found| found.cut),
            skipped,
            lease,
            checkpointer,
        }
    }
}

/// What there is to start from.
pub(crate) struct Found {
    pub facts: Facts,
    /// Of `head`, when it was read.
    pub version: HeadVersion,
    /// The snapshot to restore, if the decision is to restore one.
    pub verified: Option<Verified>,
    /// Never [`Decision::Examine`]: everything asked for was examined.
    pub decision: Decision,
}

/// Reads until [`resolve`] has decided; changes nothing.
pub(crate) async fn look(storage: &Storage, keep: usize) -> Result<Found, StorageError> {
    let read = storage.read_head().await?;
    let version = read.version();
    let listed = storage.list().await?.iter().map(|listed| listed.generation).collect();
    let mut facts =
        Facts { head: head_fact(read), keep: keep.max(1), listed, examined: Vec::new() };
    let mut verified = None;
    loop {
        let candidate = match resolve(&facts) {
            Decision::Examine(candidate) => candidate,
            decision => return Ok(Found { facts, version, verified, decision }),
        };
        let verdict = match examine(storage, &candidate).await? {
            Ok(found) => {
                verified = Some(found);
                Ok(())
            }
            Err(why) => {
                kill_point("fallback");
                Err(why)
            }
        };
        facts.examined.push((candidate.generation, verdict));
    }
}

fn head_fact(read: ReadHead) -> HeadFact {
    match read {
        ReadHead::Present(head, _) => HeadFact::Present(head),
        ReadHead::Corrupt { why, .. } => HeadFact::Corrupt(why),
        ReadHead::Missing => HeadFact::Missing,
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).fold(error.to_string(), |text, cause| {
        // object_store repeats its causes in its own text.
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// What stays retained: the restored snapshot and those that head names before it.
fn retained(head: &HeadFact, verified: Option<&Verified>) -> Vec<HeadEntry> {
    let Some(verified) = verified else { return Vec::new() };
    let restored = verified.entry.generation();
    let mut retained = vec![verified.entry.clone()];
    if let HeadFact::Present(head) = head {
        let named = head.retained.iter();
        retained.extend(named.filter(|entry| entry.generation() < restored).cloned());
    }
    retained
}

fn adopt(head: &Head, verified: Option<&Verified>) -> Vec<Retained> {
    let mut retained: Vec<Retained> = head.retained.iter().map(Retained::unread).collect();
    if let (Some(restored), Some(verified)) = (retained.first_mut(), verified) {
        let cut = &verified.snapshot.cut;
        *restored = Retained::new(verified.entry.clone(), positions(cut), cut.version);
    }
    retained
}

/// The files of snapshots that could not be used.
fn skipped_files(facts: &Facts) -> Vec<Generation> {
    let named = match &facts.head {
        HeadFact::Present(head) => head.retained.as_slice(),
        HeadFact::Missing | HeadFact::Corrupt(_) => &[],
    };
    let bad = facts.examined.iter().filter(|(_, verdict)| verdict.is_err());
    let files = bad.flat_map(|(generation, _)| {
        let entry = named.iter().find(|entry| entry.generation() == *generation);
        let parents = entry.into_iter().flat_map(HeadEntry::parents);
        std::iter::once(*generation).chain(parents)
    });
    files.collect()
}
