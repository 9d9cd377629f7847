//! The journal: pushes that were promised to be kept, on local disk, in order.
//!
//! Records are numbered from 0 and lie in segment files named by their first record. A record is
//! durable when [`Journal::append`] returns. A torn tail, which a crash leaves, is cut when the
//! journal is opened; damage elsewhere costs the records it hit, which [`Journal::damage`] names,
//! and never a start.
//!
//! | file | |
//! |---|---|
//! | `journal-id`    | random, made with the journal |
//! | `lock`          | locked as long as the journal is open |
//! | `<20 digits>.journal` | a segment: `header`, then `record`s; closed at 64 MiB |

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

mod directory;
mod disk;
mod header;
mod memory;
mod record;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use disk::Disk;
use memory::Memory;

/// A segment takes no more records than fit into this, or one batch.
const SEGMENT_SIZE_BYTES: u64 = 64 << 20;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot {what} {}: {error}", path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error("{} is locked by another process; give each gateway a journal of its own", path.display())]
    Locked { path: PathBuf },
    #[error("{}: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
}

/// One journal, opened for reading and appending.
#[derive(Debug)]
pub struct Journal {
    id: String,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Disk(Disk),
    Memory(Memory),
}

/// Something that a segment should hold and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file, and what is wrong with it.
    pub what: String,
    /// The numbers of the records that are lost with it.
    pub missing: Range<u64>,
}

/// How much a journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalSize {
    pub records: u64,
    pub size_bytes: u64,
    pub segments: u64,
}

impl Journal {
    /// Opens the journal in a directory, or makes one.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        Self::open_with(directory, SEGMENT_SIZE_BYTES)
    }

    fn open_with(directory: &Path, segment_size_bytes: u64) -> Result<Self, JournalError> {
        let disk = Disk::open(directory, segment_size_bytes)?;
        Ok(Self { id: format!("{:032x}", disk.id), kept: Kept::Disk(disk) })
    }

    /// A journal that forgets everything at the end of the process.
    pub fn in_memory() -> Self {
        Self { id: "memory".into(), kept: Kept::Memory(Memory::default()) }
    }

    /// Whether it forgets everything at the end of the process.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.kept, Kept::Memory(_))
    }

    /// Random, made with the journal: positions in another journal of the same place mean nothing
    /// here. All journals in memory have one, so that restarts leave no sources behind; they go on
    /// after the state's position.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The oldest record that is still there, or `next` when there is none.
    pub fn first(&self) -> u64 {
        match &self.kept {
            Kept::Disk(disk) => disk.first(),
            Kept::Memory(memory) => memory.first(),
        }
    }

    /// The number that the next record will have.
    pub fn next(&self) -> u64 {
        match &self.kept {
            Kept::Disk(disk) => disk.next(),
            Kept::Memory(memory) => memory.next(),
        }
    }

    /// Makes the records durable, all of them or none; returns the number of the first.
    /// After an error nothing of them is left, or nothing more is taken until that is certain.
    pub fn append(&mut self, records: &[Vec<u8>]) -> io::Result<u64> {
        match &mut self.kept {
            Kept::Disk(disk) => disk.append(records),
            Kept::Memory(memory) => Ok(memory.append(records)),
        }
    }

    /// The batch that failed last may still be found after a crash: it could not be cut off yet.
    pub fn is_in_doubt(&self) -> bool {
        match &self.kept {
            Kept::Disk(disk) => disk.torn,
            Kept::Memory(_) => false,
        }
    }

    /// Records from `from` on, in order, of about so many bytes together but one at least;
    /// none when there is none. Their numbers skip what is lost.
    pub fn read(&self, from: u64, about_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        match &self.kept {
            Kept::Disk(disk) => disk.read(from, about_bytes),
            Kept::Memory(memory) => Ok(memory.read(from, about_bytes)),
        }
    }

    /// Removes segments that hold no record from `next_needed` on.
    pub fn release(&mut self, next_needed: u64) -> io::Result<()> {
        match &mut self.kept {
            Kept::Disk(disk) => disk.release(next_needed),
            Kept::Memory(memory) => {
                memory.release(next_needed);
                Ok(())
            }
        }
    }

    /// Numbers below `next` are not given to records any more: the state knows records of them, and
    /// the disk has lost these.
    pub fn skip_to(&mut self, next: u64) -> io::Result<()> {
        match &mut self.kept {
            Kept::Disk(disk) => disk.skip_to(next),
            Kept::Memory(memory) => {
                memory.skip_to(next);
                Ok(())
            }
        }
    }

    /// What was found damaged when the journal was opened.
    pub fn damage(&self) -> &[Damage] {
        match &self.kept {
            Kept::Disk(disk) => &disk.damage,
            Kept::Memory(_) => &[],
        }
    }

    pub fn size(&self) -> JournalSize {
        match &self.kept {
            Kept::Disk(disk) => disk.size(),
            Kept::Memory(memory) => memory.size(),
        }
    }
}

/// 128 random bits, as the standard library seeds its hash maps with.
fn random_id() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}
