//! Which snapshot is written whole, and which says only what changed, and since when.
//!
//! Chains are interleaved: of `n` chains each snapshot extends the one that was extended longest
//! ago, so it says what changed since the `n`th before it. That way the `n` newest snapshots share
//! no file, and damage to any one file leaves the others, as it does when all are whole. A chain
//! begins with a whole snapshot, and ends where another one is cheaper than reading on:
//!
//! - what changed since the parent is most of the state,
//! - the changes of the chain are as large as the whole snapshot that they build upon,
//! - the chain is long,
//! - a cut was missed, so that nobody knows what changed before it,
//! - a family lost its help text or unit, which a file of changes cannot say,
//! - one of its files is gone.
//!
//! Two chains that are long enough at the same time would end one right after the other, with two
//! whole files: the second goes on for another turn.
//!
//! What a cut says has changed is noted for every chain at once, before anything can fail: the
//! store tells it only once.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::codec::{self, CodecError, Meta, Since};
use super::head::{Generation, HeadEntry};
use crate::store::Cut;

/// More snapshots than this may be retained; then several are of one chain. Each chain begins with a
/// whole file, and has a bit for every row: of a hundred that would be too much.
const MOST_CHAINS: usize = 8;

/// Snapshots that build upon a whole one.
const MOST_LINKS: usize = 64;

/// The chains of one process. It begins with none: what an earlier one wrote is not extended.
#[derive(Debug)]
pub(super) struct Chains {
    most: usize,
    /// The number of the last cut that was noted.
    last_cut: u64,
    /// The one extended last first.
    chains: VecDeque<Chain>,
}

#[derive(Debug)]
struct Chain {
    /// Its last snapshot, and what changed after that.
    since: Since,
    /// The sequences of those before its last, the nearest first.
    parents: Vec<u64>,
    whole_size_bytes: u64,
    changes_size_bytes: u64,
}

/// What is to be written.
pub(super) struct Draft {
    file: Vec<u8>,
    /// What `head` will say of it.
    pub(super) entry: HeadEntry,
    chain: Chain,
}

impl Draft {
    /// The file, and what [`Chains::extend`] is to be told once it is written.
    pub(super) fn into_parts(self) -> (Vec<u8>, Extended) {
        (self.file, Extended(self.chain))
    }
}

/// A chain as it is with a snapshot that was written.
pub(super) struct Extended(Chain);

impl Chains {
    pub(super) fn new(keep: usize) -> Self {
        let most = keep.clamp(1, MOST_CHAINS);
        Self { most, last_cut: 0, chains: VecDeque::new() }
    }

    /// Encodes the next snapshot.
    pub(super) fn draft(&mut self, meta: &Meta, cut: &Cut) -> Result<Draft, CodecError> {
        self.note(cut);
        let oldest = self.chains.back().filter(|_| self.chains.len() == self.most);
        let follows_whole = self.chains.front().is_some_and(|newest| newest.parents.is_empty());
        let extended = oldest.filter(|chain| {
            !chain.since.is_mostly_changed(cut)
                && !chain.since.has_lost_a_text(cut)
                && (follows_whole || chain.has_room())
        });
        let file = match extended {
            Some(chain) => codec::encode_changes(meta, cut, &chain.since)?,
            None => codec::encode(meta, cut)?,
        };
        let size_bytes = file.len() as u64;
        let sha256 = format!("{:x}", Sha256::digest(&file));
        let since = Since::new(meta.generation, sha256.clone(), cut);
        let chain = match extended {
            Some(before) => Chain {
                since,
                parents: before.with_tip(),
                changes_size_bytes: before.changes_size_bytes + size_bytes,
                ..*before
            },
            None => Chain {
                since,
                parents: Vec::new(),
                whole_size_bytes: size_bytes,
                changes_size_bytes: 0,
            },
        };
        let entry = HeadEntry {
            epoch: meta.generation.epoch,
            sequence: meta.generation.sequence,
            sha256,
            size_bytes,
            parents: chain.parents.clone(),
        };
        Ok(Draft { file, entry, chain })
    }

    /// Ends the chain that is to be extended next, unless all of its files are there.
    pub(super) fn end_if_incomplete(&mut self, is_there: impl Fn(Generation) -> bool) {
        let files = |chain: &Chain| {
            let parent = chain.since.parent();
            let sequences = chain.with_tip().into_iter();
            sequences.map(move |sequence| Generation { sequence, ..parent }).collect::<Vec<_>>()
        };
        let next = self.chains.back().filter(|_| self.chains.len() == self.most);
        if next.is_some_and(|chain| !files(chain).into_iter().all(is_there)) {
            self.chains.pop_back();
        }
    }

    /// A snapshot was written and is retained.
    pub(super) fn extend(&mut self, Extended(chain): Extended) {
        if self.chains.len() == self.most {
            self.chains.pop_back();
        }
        self.chains.push_front(chain);
    }

    fn note(&mut self, cut: &Cut) {
        let follows = cut.link.previous != 0 && cut.link.previous == self.last_cut;
        if !follows {
            self.chains.clear();
        }
        self.last_cut = cut.link.number;
        self.chains.iter_mut().for_each(|chain| chain.since.note(cut));
    }
}

impl Chain {
    fn has_room(&self) -> bool {
        self.parents.len() < MOST_LINKS && self.changes_size_bytes < self.whole_size_bytes
    }

    fn with_tip(&self) -> Vec<u64> {
        let mut all = Vec::with_capacity(self.parents.len() + 1);
        all.push(self.since.parent().sequence);
        all.extend(&self.parents);
        all
    }
}
