//! Finding the snapshot to start from, and taking the ownership over.
//!
//! The order matters where another gateway may be running: first look, then
//! replace `head` on condition that it is what was looked at. If its owner
//! wrote a checkpoint in between, the replacement fails and we look again; once
//! it succeeded, the former owner can make nothing durable any more.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::codec::{self, Snapshot};
use super::head::{Generation, Head, HeadEntry};
use super::positions;
use super::resolve::{Candidate, Decision, Facts, HeadFact, Unusable, next_epoch, resolve};
use super::storage::{HeadVersion, ReadHead, ReplaceHeadError, Storage, StorageError};
use super::task::{Checkpointer, Retained};
use crate::lease::{Lease, Renewal};
use crate::store::Cut;

/// How often to look again when a running owner is faster.
const CLAIM_ATTEMPTS: u32 = 10;

/// Where to continue.
pub struct Restored {
    /// `None`: there was no state, start empty.
    pub cut: Option<Cut>,
    /// The snapshot was the last act of an orderly stop.
    pub clean_shutdown: bool,
    /// The snapshot that `cut` comes from.
    pub generation: Option<Generation>,
    /// Newer snapshots that could not be used.
    pub skipped: Vec<Unusable>,
    /// This ownership's epoch: above every earlier one.
    pub epoch: u64,
    /// The right to act as the owner.
    pub lease: Lease,
    /// Writes the snapshots of this ownership.
    pub checkpointer: Checkpointer,
}

/// Why the gateway must not start.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("another process owns identity `{identity}` in {place}")]
    Owned { identity: String, place: String },
    #[error(
        "identity `{identity}` has state in {place}, and none of it can be read:{}\n\
         Starting empty would lose it. Put a readable snapshot back (from a backup, or upgrade \
         the gateway if a newer version wrote it), or move {place}/{identity} away to start empty.",
        list(unusable)
    )]
    Unreadable { identity: String, place: String, unusable: Vec<Unusable> },
    #[error("another gateway keeps replacing the head of identity `{identity}` in {place}")]
    Contended { identity: String, place: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn list(unusable: &[Unusable]) -> String {
    unusable.iter().map(|Unusable { name, why }| format!("\n  {name}: {why}")).collect()
}

/// A snapshot that was read and verified.
pub(crate) struct Verified {
    pub snapshot: Snapshot,
    pub entry: HeadEntry,
}

/// Restores the state and becomes the owner. `keep` snapshots will be retained.
///
/// A snapshot that cannot be read is skipped for the one before; when there is state and none of
/// it can be read, this is an error, and nothing was changed.
pub async fn restore(mut storage: Storage, keep: usize) -> Result<Restored, RestoreError> {
    let (identity, place) = (storage.identity().to_owned(), storage.place().to_owned());
    if !storage.try_lock()? {
        return Err(RestoreError::Owned { identity, place });
    }
    for _ in 0..CLAIM_ATTEMPTS {
        let Found { facts, version, verified, decision } = look(&storage).await?;
        let skipped = match decision {
            Decision::Refuse { unusable } => {
                // A running owner may have deleted them meanwhile, having written newer ones.
                if storage.read_head().await?.version() != version {
                    continue;
                }
                return Err(RestoreError::Unreadable { identity, place, unusable });
            }
            Decision::Restore { skipped, .. } => skipped,
            Decision::Fresh | Decision::Examine(_) => Vec::new(),
        };
        for Unusable { name, why } in &skipped {
            tracing::error!(
                snapshot = name,
                why,
                "a snapshot cannot be used; trying the one before"
            );
        }
        let head = Head {
            epoch: next_epoch(&facts),
            sequence: 0,
            nonce: nonce(),
            retained: retained(&facts.head, verified.as_ref()),
        };
        let begun = Renewal::begin();
        match storage.replace_head(&head, &version).await {
            Ok(version) => {
                let evidence = skipped_generations(&facts);
                let retained = adopt(&head, verified.as_ref());
                let epoch = head.epoch;
                let lease = Lease::new(epoch, &head.nonce, None, begun);
                let checkpointer =
                    Checkpointer::new(storage, keep, head, version, retained, evidence);
                return Ok(Restored::new(verified, skipped, epoch, lease, checkpointer));
            }
            Err(ReplaceHeadError::Storage(error)) => return Err(error.into()),
            Err(ReplaceHeadError::Fenced { found }) => {
                tracing::info!(found, "head was replaced while it was read; reading it again");
            }
        }
    }
    Err(RestoreError::Contended { identity, place })
}

impl Restored {
    fn new(
        verified: Option<Verified>,
        skipped: Vec<Unusable>,
        epoch: u64,
        lease: Lease,
        checkpointer: Checkpointer,
    ) -> Self {
        let snapshot = verified.map(|verified| verified.snapshot);
        Self {
            clean_shutdown: snapshot.as_ref().is_some_and(|found| found.meta.clean_shutdown),
            generation: snapshot.as_ref().map(|found| found.meta.generation),
            cut: snapshot.map(|found| found.cut),
            skipped,
            epoch,
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
pub(crate) async fn look(storage: &Storage) -> Result<Found, StorageError> {
    let read = storage.read_head().await?;
    let version = read.version();
    let listed = storage.list().await?.iter().map(|listed| listed.generation).collect();
    let mut facts = Facts { head: head_fact(read), listed, examined: Vec::new() };
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
            Err(why) => Err(why),
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

/// Reads and verifies one snapshot. The outer error is no verdict: storage did not answer.
pub(crate) async fn examine(
    storage: &Storage,
    candidate: &Candidate,
) -> Result<Result<Verified, String>, StorageError> {
    let Some(file) = storage.read_snapshot(candidate.generation).await? else {
        return Ok(Err("it does not exist".into()));
    };
    let (candidate, identity) = (candidate.clone(), storage.identity().to_owned());
    let verify = move || verify(&file, &candidate, &identity);
    Ok(tokio::task::spawn_blocking(verify).await.expect("verifying does not panic"))
}

fn verify(file: &Bytes, candidate: &Candidate, identity: &str) -> Result<Verified, String> {
    let generation = candidate.generation;
    // The format's own errors say more than a hash that differs, so they go first.
    let snapshot = codec::decode(file).map_err(|error| chain(&error))?;
    let sha256 = format!("{:x}", Sha256::digest(file));
    if let Some(entry) = &candidate.entry
        && entry.sha256 != sha256
    {
        return Err(format!("its sha256 is {sha256}, head says {}", entry.sha256));
    }
    if snapshot.meta.generation != generation {
        return Err(format!("it holds generation {}", snapshot.meta.generation));
    }
    if snapshot.meta.identity != identity {
        return Err(format!(
            "it belongs to identity `{}`, expected `{identity}`",
            snapshot.meta.identity
        ));
    }
    let Generation { epoch, sequence } = generation;
    let entry = HeadEntry { epoch, sequence, sha256, size_bytes: file.len() as u64 };
    Ok(Verified { snapshot, entry })
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

fn skipped_generations(facts: &Facts) -> Vec<Generation> {
    let bad = facts.examined.iter().filter(|(_, verdict)| verdict.is_err());
    bad.map(|(generation, _)| *generation).collect()
}

/// 128 random bits, as the standard library seeds its hash maps with.
fn nonce() -> String {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}
