//! Looking through a segment when the journal is opened: what is whole, what is lost, what is torn.
//!
//! A crash leaves a torn tail: the beginning of a batch that was being written, and that nobody was
//! promised. Behind it nothing is whole; where a head says that its record reaches past the end of
//! the file, nothing is even looked for. Anything else that cannot be read is damage: it costs the
//! records it hit, and those behind it are found by their heads.

use std::ops::Range;
use std::path::PathBuf;

use super::header::{self, Header, Unreadable};
use super::record::Format;
use super::segment::Segment;
use super::{Damage, JournalError};
use crate::durable_files::FileError;

/// What a segment file holds.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) damage: Vec<Damage>,
    /// Bytes behind the last record that are no record.
    pub(super) tail_bytes: u64,
    /// Records may be added to the file.
    pub(super) can_be_added_to: bool,
}

/// `numbers`: from the one in the file's name, up to where the next segment begins.
pub(super) fn scan(
    path: PathBuf,
    numbers: Range<u64>,
    journal_id: u128,
    secret: u64,
) -> Result<Scanned, JournalError> {
    let bytes = std::fs::read(&path).map_err(FileError::of("read", &path))?;
    let mut damage = Vec::new();
    let (mut at, format, has_header) = match Header::read(&bytes) {
        Ok(header) if (header.journal_id, header.first) == (journal_id, numbers.start) => {
            (header.to_bytes().len(), header.format(), true)
        }
        Ok(header) => return Err(misplaced(path, header, journal_id)),
        Err(Unreadable::Version(version)) => {
            let problem = format!(
                "version {version}, expected {} or 1: written by a newer version; upgrade the \
                 gateway",
                header::VERSION
            );
            return Err(JournalError::Damaged { path, problem });
        }
        Err(Unreadable::Short) => (0, Format::version_2(secret), false),
        Err(Unreadable::Damaged) => {
            let what = format!("{}: the header is damaged", path.display());
            damage.push(Damage { what, missing: 0..0 });
            let (at, format) = without_header(&bytes, journal_id, secret);
            (at, format, false)
        }
    };
    let mut segment = Segment::new(path, numbers.start, format);
    segment.end = at as u64;
    // What is not readable is lost if something whole is behind it, and torn if not.
    let (mut hit, mut expected) = (Vec::new(), numbers.start);
    while let Some((found, head)) = format.find(&bytes, at, expected..numbers.end) {
        if found > at || head.number > expected {
            let what = format!("{}: bytes {at} to {found} are damaged", segment.path.display());
            hit.push(Damage { what, missing: expected..head.number });
        }
        at = found + head.size_bytes;
        if at > bytes.len() {
            break;
        }
        expected = head.number + 1;
        if format.payload(head, &bytes[found..]).is_some() {
            segment.add(head.number, found as u64, head.size_bytes as u64);
            damage.append(&mut hit);
        } else {
            let what = format!("{}: record {} is damaged", segment.path.display(), head.number);
            hit.push(Damage { what, missing: head.number..expected });
        }
    }
    let tail_bytes = bytes.len() as u64 - segment.end;
    Ok(Scanned { segment, damage, tail_bytes, can_be_added_to: has_header && !format.is_old() })
}

/// Where the records begin, and how they are written, where the header does not say so: the
/// first one tells, by its checksum.
fn without_header(bytes: &[u8], journal_id: u128, secret: u64) -> (usize, Format) {
    let new = (header::SIZE_BYTES, Format::version_2(secret));
    let old = (header::VERSION_1_SIZE_BYTES, Format::version_1(journal_id));
    let begins_with_a_record = |(at, format): &(usize, Format)| {
        let rest = bytes.get(*at..).unwrap_or_default();
        format.head(rest).is_some_and(|head| format.payload(head, rest).is_some())
    };
    [new, old].into_iter().find(begins_with_a_record).unwrap_or(new)
}

/// Somebody put a file where it does not belong: better asked than guessed.
fn misplaced(path: PathBuf, found: Header, journal_id: u128) -> JournalError {
    let problem = if found.journal_id == journal_id {
        format!("begins with record {}, not with that of its name", found.first)
    } else {
        format!("of journal {:032x}, expected {journal_id:032x}", found.journal_id)
    };
    JournalError::Damaged { path, problem: format!("{problem}; move it out of the directory") }
}
