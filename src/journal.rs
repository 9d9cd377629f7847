//! The journal: pushes that were promised to be kept, on local disk, in order.
//!
//! Records are numbered from 0 and lie in segment files named by their first record. A record is
//! durable when [`Journal::append`] returns. A torn tail, which a crash leaves, is cut when the
//! journal is opened; damage elsewhere costs the records it hit, which [`Journal::damage`] names,
//! and never a start. What a record holds is somebody's body: nothing in it is ever taken for a
//! record, see `record`.
//!
//! | file | |
//! |---|---|
//! | `journal-id`    | its id and its secret, random, made with the journal |
//! | `lock`          | locked as long as the journal is open |
//! | `<20 digits>.journal` | a segment: `header`, then `record`s; closed at 64 MiB |

use std::ops::Range;
use std::path::{Path, PathBuf};

mod directory;
mod disk;
mod header;
mod record;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use crate::durable_files::FileError;
pub use disk::Journal;

/// A segment takes no more records than fit into this, or one batch.
const SEGMENT_SIZE_BYTES: u64 = 64 << 20;

/// Whether a directory has records of a journal in it, or may have.
pub fn may_hold_records(directory: &Path) -> bool {
    directory::may_hold_records(directory)
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{file}: {}", .file.source)]
    File {
        #[from]
        file: FileError,
    },
    #[error("{} is locked by another process; give each gateway a journal of its own", path.display())]
    Locked { path: PathBuf },
    #[error("{}: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
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
