//! Looking through a segment when the journal is opened: what is whole, what is lost, what is torn.
//!
//! A crash leaves a torn tail: the beginning of a record that was being written, and that nobody was
//! promised. Anything else that cannot be read is damage: records behind it are found by their own
//! checksums, and what lies between is lost.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use super::header::{self, Header, Unreadable};
use super::record::{self, Seed};
use super::segment::Segment;
use super::{Damage, JournalError};

/// What a segment file holds.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) damage: Vec<Damage>,
    /// Bytes behind the last record that are no record.
    pub(super) tail_bytes: u64,
    /// The header is whole, so records may be added to the file.
    pub(super) has_header: bool,
}

/// `numbers`: from the one in the file's name, up to where the next segment begins.
pub(super) fn scan(
    path: PathBuf,
    numbers: Range<u64>,
    journal_id: u128,
    seed: Seed,
) -> Result<Scanned, JournalError> {
    let bytes = std::fs::read(&path).map_err(JournalError::io("read", &path))?;
    let mut damage = Vec::new();
    let ours = Header { journal_id, first: numbers.start };
    let mut at = header::SIZE_BYTES;
    let has_header = match Header::read(&bytes) {
        Ok(header) if header == ours => true,
        Ok(header) => return Err(misplaced(path, header, ours)),
        Err(Unreadable::Version(version)) => {
            let problem = format!(
                "version {version}, expected 1: written by a newer version; upgrade the gateway"
            );
            return Err(JournalError::Damaged { path, problem });
        }
        Err(Unreadable::Short) => {
            at = 0;
            false
        }
        Err(Unreadable::Damaged) => {
            let what = format!("{}: the header is damaged", path.display());
            damage.push(Damage { what, missing: 0..0 });
            false
        }
    };
    let mut segment = Segment::new(path, numbers.start);
    segment.end = at as u64;
    while at < bytes.len() {
        let wanted = segment.next()..numbers.end;
        let Some((found, record)) = seed.find(&bytes, at, wanted.clone()) else { break };
        if found > at || record.number > wanted.start {
            let what = format!("{}: bytes {at} to {found} are damaged", segment.path.display());
            damage.push(Damage { what, missing: wanted.start..record.number });
        }
        let size = record::HEAD_BYTES + record.payload.len();
        segment.add(record.number, found as u64, size as u64);
        at = found + size;
    }
    Ok(Scanned { segment, damage, tail_bytes: (bytes.len() - at) as u64, has_header })
}

/// Somebody put a file where it does not belong: better asked than guessed.
fn misplaced(path: PathBuf, found: Header, expected: Header) -> JournalError {
    let problem = if found.journal_id == expected.journal_id {
        format!("begins with record {}, not with that of its name", found.first)
    } else {
        format!("of journal {:032x}, expected {:032x}", found.journal_id, expected.journal_id)
    };
    JournalError::Damaged { path, problem: format!("{problem}; move it out of the directory") }
}

impl JournalError {
    pub(super) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { what, path, error }
    }
}
