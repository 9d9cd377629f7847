//! Chains of snapshots without storage: which files there are, and what each restores to.

use std::collections::BTreeMap;

use crate::checkpoint::chains::Chains;
use crate::checkpoint::codec::{self, Meta, Snapshot};
use crate::checkpoint::head::{Generation, HeadEntry};
use crate::checkpoint::reading::Reading;
use crate::checkpoint::resolve::Candidate;
use crate::store::Cut;

const IDENTITY: &str = "chains";

/// The files of one owner, and what `head` would say of them.
pub(crate) struct Files {
    keep: usize,
    chains: Chains,
    sequence: u64,
    files: BTreeMap<Generation, Vec<u8>>,
    /// The newest first.
    retained: Vec<(HeadEntry, Cut)>,
}

/// A snapshot that is retained.
pub(crate) struct One<'a> {
    files: &'a BTreeMap<Generation, Vec<u8>>,
    pub(crate) entry: &'a HeadEntry,
    cut: &'a Cut,
}

impl Files {
    pub(crate) fn new(keep: usize) -> Self {
        let (files, retained) = (BTreeMap::new(), Vec::new());
        Self { keep, chains: Chains::new(keep), sequence: 0, files, retained }
    }

    fn meta(&mut self, cut: &Cut) -> Meta {
        self.sequence += 1;
        meta(Generation { epoch: 1, sequence: self.sequence }, cut)
    }

    /// A checkpoint that fails after it was encoded.
    pub(crate) fn fail(&mut self, cut: &Cut) {
        let meta = self.meta(cut);
        self.chains.draft(&meta, cut).expect("a cut can be encoded");
    }

    /// Only the files that the retained ones need are kept.
    pub(crate) fn write(&mut self, cut: &Cut) -> HeadEntry {
        let meta = self.meta(cut);
        let draft = self.chains.draft(&meta, cut).expect("a cut can be encoded");
        let entry = draft.entry.clone();
        self.retained.insert(0, (entry.clone(), cut.clone()));
        self.retained.truncate(self.keep);
        let (file, extended) = draft.into_parts();
        self.files.insert(meta.generation, file);
        self.chains.extend(extended);
        let retained = &self.retained;
        self.files.retain(|file, _| {
            retained.iter().any(|(entry, _)| entry.files().any(|needed| needed == *file))
        });
        entry
    }

    pub(crate) fn retained(&self) -> impl Iterator<Item = One<'_>> {
        let files = &self.files;
        self.retained.iter().map(move |(entry, cut)| One { files, entry, cut })
    }
}

impl One<'_> {
    pub(crate) fn read(&self) -> Snapshot {
        let generation = self.entry.generation();
        let candidate = Candidate { generation, entry: Some(self.entry.clone()) };
        let mut reading = Reading::new(&candidate, IDENTITY);
        while let Some(wanted) = reading.wanted() {
            reading.add(self.files.get(&wanted).map(Vec::as_slice)).expect("a file of the chain");
        }
        let verified = reading.finish().expect("a chain");
        assert_eq!(verified.entry, *self.entry);
        verified.snapshot
    }

    /// What is restored from it, as text of bytes.
    pub(crate) fn restored(&self) -> String {
        content(self.entry.generation(), self.read().cut)
    }

    /// What is restored from a whole snapshot of the same cut.
    pub(crate) fn expected(&self) -> String {
        let generation = self.entry.generation();
        let whole = codec::encode(&meta(generation, self.cut), self.cut).expect("a cut");
        content(generation, codec::decode(&whole).expect("a whole snapshot").cut)
    }
}

/// The order of families has no meaning.
fn content(generation: Generation, mut cut: Cut) -> String {
    cut.families.sort_by(|a, b| a.name.cmp(&b.name));
    let part =
        codec::encode(&meta(generation, &cut), &cut).and_then(|file| codec::Part::read(&file));
    format!("{:?}", part.expect("a cut can be encoded"))
}

fn meta(generation: Generation, cut: &Cut) -> Meta {
    Meta {
        identity: IDENTITY.into(),
        generation,
        created_at: cut.taken_at,
        writer_version: "0".into(),
        clean_shutdown: false,
        series: cut.series,
    }
}
