//! Reading one snapshot: its file, and those that it builds upon.
//!
//! Each file names its parent and that one's hash, so what is put together is what was written
//! together, or nothing. A chain of which one file is missing or damaged is a snapshot that cannot
//! be used.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::blocking::blocking;
use super::codec::{Meta, Parent, Part, Snapshot};
use super::head::{Generation, HeadEntry};
use super::resolve::Candidate;
use super::restore::chain;
use super::storage::{Storage, StorageError};

/// In a bucket, one after the other would take the time of an answer for each.
const READS_AT_ONCE: usize = 8;

/// A snapshot that was read and verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub snapshot: Snapshot,
    pub entry: HeadEntry,
}

/// Reads and verifies one snapshot. The outer error is no verdict: storage did not answer.
pub(crate) async fn examine(
    storage: &Storage,
    candidate: &Candidate,
) -> Result<Result<Verified, String>, StorageError> {
    let mut files = named_files(storage, candidate).await?;
    let mut reading = Reading::new(candidate, storage.identity());
    while let Some(generation) = reading.wanted() {
        let file = match files.remove(&generation) {
            Some(file) => Some(file),
            None => storage.read_snapshot(generation).await?,
        };
        let verify = move || {
            let verdict = reading.add(file.as_deref());
            (reading, verdict)
        };
        let (read, verdict) = blocking(verify).await.expect("verifying does not panic");
        reading = read;
        if let Err(why) = verdict {
            return Ok(Err(why));
        }
    }
    Ok(blocking(move || reading.finish()).await.expect("verifying does not panic"))
}

/// Those that `head` says are needed, as far as they exist.
async fn named_files(
    storage: &Storage,
    candidate: &Candidate,
) -> Result<BTreeMap<Generation, Bytes>, StorageError> {
    let named: Vec<Generation> = candidate.entry.iter().flat_map(HeadEntry::files).collect();
    let read = |generation| async move {
        let file = storage.read_snapshot(generation).await?;
        Ok(file.map(|file| (generation, file)))
    };
    let files = stream::iter(named).map(read).buffered(READS_AT_ONCE);
    files.try_filter_map(|file| async { Ok(file) }).try_collect().await
}

/// The files of one snapshot, from its own back to the whole one. No I/O.
pub(crate) struct Reading {
    candidate: Candidate,
    identity: String,
    /// The nearest first.
    parts: Vec<Part>,
    /// The last one's parent.
    parent: Option<Parent>,
    /// Of its own file.
    sha256: String,
    size_bytes: u64,
}

impl Reading {
    pub(crate) fn new(candidate: &Candidate, identity: &str) -> Self {
        Self {
            candidate: candidate.clone(),
            identity: identity.to_owned(),
            parts: Vec::new(),
            parent: None,
            sha256: String::new(),
            size_bytes: 0,
        }
    }

    /// The file that is needed next; `None`: all are there.
    pub(crate) fn wanted(&self) -> Option<Generation> {
        match self.parts.is_empty() {
            true => Some(self.candidate.generation),
            false => self.parent.as_ref().map(|parent| parent.generation),
        }
    }

    /// Verifies the file that was wanted, if it exists; the error says why the snapshot cannot be
    /// used.
    pub(crate) fn add(&mut self, file: Option<&[u8]>) -> Result<(), String> {
        self.take(file).map_err(|why| match &self.parent {
            Some(parent) => format!("it builds upon {}: {why}", parent.generation),
            None => why,
        })
    }

    fn take(&mut self, file: Option<&[u8]>) -> Result<(), String> {
        let file = file.ok_or("it does not exist")?;
        let generation = self.wanted().ok_or("it is not wanted")?;
        // The format's own errors say more than a hash that differs, so they go first.
        let part = Part::read(file).map_err(|error| chain(&error))?;
        let sha256 = format!("{:x}", Sha256::digest(file));
        let expected = match (&self.parent, &self.candidate.entry) {
            (Some(parent), _) => Some(("the one that builds upon it", &parent.sha256)),
            (None, Some(entry)) => Some(("head", &entry.sha256)),
            (None, None) => None,
        };
        if let Some((who, expected)) = expected.filter(|(_, expected)| **expected != sha256) {
            return Err(format!("its sha256 is {sha256}, {who} says {expected}"));
        }
        let meta = part.meta();
        if meta.generation != generation {
            return Err(format!("it holds generation {}", meta.generation));
        }
        if meta.identity != self.identity {
            return Err(format!(
                "it belongs to identity `{}`, expected `{}`",
                meta.identity, self.identity
            ));
        }
        let parent = part.parent();
        if let Some(later) = parent.as_ref().filter(|parent| parent.generation >= generation) {
            return Err(format!("it builds upon {}, which is no older", later.generation));
        }
        if self.parts.is_empty() {
            (self.sha256, self.size_bytes) = (sha256, file.len() as u64);
        }
        self.parent = parent;
        self.parts.push(part);
        Ok(())
    }

    /// What its own file says of itself, once it was read.
    pub(crate) fn meta(&self) -> Option<Meta> {
        self.parts.first().map(Part::meta)
    }

    /// Puts the files together.
    pub(crate) fn finish(self) -> Result<Verified, String> {
        let mut parts = self.parts.into_iter();
        let own = parts.next().ok_or("its file was not read")?;
        let snapshot = own.with_parents(parts.collect()).map_err(|error| chain(&error))?;
        let Generation { epoch, sequence } = self.candidate.generation;
        let entry = HeadEntry {
            epoch,
            sequence,
            sha256: self.sha256,
            size_bytes: self.size_bytes,
            parents: snapshot.parents.iter().map(|parent| parent.sequence).collect(),
        };
        Ok(Verified { snapshot, entry })
    }
}
