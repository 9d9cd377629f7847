//! Names of snapshots, and `head`: the small object that says which of them count.
//!
//! A snapshot is called `<epoch>-<sequence>.snap`, both numbers as 20 digits:
//! as many as the largest u64 has, so that names sort as generations do. An
//! epoch is one ownership, and a new owner always takes a higher one; therefore
//! no two processes ever write the same name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which snapshot: ordered from old to new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    pub epoch: u64,
    pub sequence: u64,
}

const SUFFIX: &str = ".snap";
const DIGITS: usize = 20;

impl Generation {
    /// The name of the snapshot's object.
    pub fn file_name(self) -> String {
        format!("{:0DIGITS$}-{:0DIGITS$}{SUFFIX}", self.epoch, self.sequence)
    }

    /// `None` when it is not exactly a name that [`Self::file_name`] makes.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let generation: Self = name.strip_suffix(SUFFIX)?.parse().ok()?;
        (generation.file_name() == name).then_some(generation)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

/// The text names no generation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a generation, expected <epoch>-<sequence>, such as 3-41")]
pub struct InvalidGeneration(String);

impl FromStr for Generation {
    type Err = InvalidGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (epoch, sequence) = text.split_once('-')?;
            Some(Self { epoch: epoch.parse().ok()?, sequence: sequence.parse().ok()? })
        };
        parse().ok_or_else(|| InvalidGeneration(text.to_owned()))
    }
}

/// The truth about which snapshots are retained, and who may write the next.
///
/// In a bucket it is also the lease: its owner replaces it again and again, if
/// only to show that it lives, and each time it differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The owner's epoch.
    pub epoch: u64,
    /// The newest sequence of that epoch; 0 when the owner has only taken over.
    pub sequence: u64,
    /// Chosen at random by each process: tells its own writes from another's.
    pub nonce: String,
    /// Grows with every attempt of the owner to replace `head`.
    #[serde(default)]
    pub revision: u64,
    /// How long the owner may be silent before another may take over, in milliseconds.
    #[serde(default)]
    pub lease_ttl_milliseconds: u64,
    /// The owner has gone and waits for nobody.
    #[serde(default)]
    pub released: bool,
    /// Newest first.
    pub retained: Vec<HeadEntry>,
}

/// One retained snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadEntry {
    pub epoch: u64,
    pub sequence: u64,
    /// Hexadecimal, of the whole file.
    pub sha256: String,
    pub size_bytes: u64,
    /// The sequences of those that it builds upon, of the same epoch, the nearest first; none when
    /// its own file is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<u64>,
}

impl HeadEntry {
    pub fn generation(&self) -> Generation {
        Generation { epoch: self.epoch, sequence: self.sequence }
    }

    /// The files that it builds upon, the nearest first.
    pub fn parents(&self) -> impl Iterator<Item = Generation> {
        self.parents.iter().map(|&sequence| Generation { epoch: self.epoch, sequence })
    }

    /// All files that it needs.
    pub fn files(&self) -> impl Iterator<Item = Generation> {
        std::iter::once(self.generation()).chain(self.parents())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_generations_do_and_read_back() {
        let generation = |epoch, sequence| Generation { epoch, sequence };
        let ascending = [
            generation(0, 1),
            generation(1, 9),
            generation(1, 10),
            generation(2, 0),
            generation(10, 1),
            generation(u64::MAX, u64::MAX),
        ];
        assert!(ascending.is_sorted());
        assert!(ascending.iter().map(|generation| generation.file_name()).is_sorted());
        for generation in ascending {
            assert_eq!(Generation::from_file_name(&generation.file_name()), Some(generation));
            assert_eq!(generation.to_string().parse(), Ok(generation));
        }
    }

    #[test]
    fn a_head_of_a_program_that_wrote_whole_snapshots_only_is_read_and_written_as_it_was() {
        let json = r#"{"epoch":3,"sequence":7,"sha256":"00ff","size_bytes":12}"#;
        let mut entry: HeadEntry = serde_json::from_str(json).unwrap();
        assert_eq!(entry.files().count(), 1);
        assert_eq!(serde_json::to_string(&entry).unwrap(), json);
        entry.parents = vec![5, 2];
        let again: HeadEntry =
            serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        let files: Vec<String> = again.files().map(|file| file.to_string()).collect();
        assert_eq!(files, ["3-7", "3-5", "3-2"]);
    }

    #[test]
    fn foreign_names_are_no_generations() {
        for name in ["head", "1-2.snap", "notes.snap", "00000000000000000001-2.snap", ".snap"] {
            assert_eq!(Generation::from_file_name(name), None, "{name}");
        }
        assert!("12".parse::<Generation>().is_err());
    }
}
