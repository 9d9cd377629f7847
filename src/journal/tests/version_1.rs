//! Journals that a gateway up to 0.2.0 left: read, and continued in segments of today.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::*;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/tests/version_1");
const ID: &str = include_str!("version_1/journal-id");

/// A record as it was written then, by anybody who knew the journal's id.
pub(super) fn record(id: &str, number: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let covered = [&length.to_le_bytes()[..], &number.to_le_bytes(), payload].concat();
    let checksum = xxh3_64_with_seed(&covered, xxh3_64(id.as_bytes()));
    [&checksum.to_le_bytes()[..], &covered].concat()
}

/// A copy whose last segment's bytes were changed so.
fn changed(change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let copy = copy(Path::new(DIRECTORY));
    let last = segments(copy.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    change(&mut bytes);
    fs::write(last, bytes).unwrap();
    copy
}

#[test]
fn it_is_read_and_continued() {
    let directory = changed(|_| {});
    for (segments_before, next) in [(3, 12), (4, 14)] {
        let mut journal = open(directory.path());
        assert_eq!((journal.id().as_str(), journal.damage()), (ID.trim_end(), &[][..]));
        assert_eq!((journal.first(), read_all(&journal, 0)), (0, numbered(0..next)));
        assert_eq!(segments(directory.path()).len(), segments_before);
        assert_eq!(journal.append(&records(next..next + 2)).unwrap(), next);
        assert_eq!(read_all(&journal, 3), numbered(3..next + 2));
    }
    // What the old segments hold is released as ever.
    let mut journal = open(directory.path());
    journal.release(12).unwrap();
    assert_eq!((journal.first(), read_all(&journal, 0)), (12, numbered(12..16)));
}

#[test]
fn a_push_that_a_crash_tore_is_cut_off_with_the_record_in_its_body() {
    let inner = record(ID.trim_end(), 12, b"forged");
    let outer = record(ID.trim_end(), 12, &[&inner[..], b"and more"].concat());
    for torn in 1..outer.len() {
        let directory = changed(|bytes| bytes.extend_from_slice(&outer[..torn]));
        let journal = open(directory.path());
        assert_eq!((journal.next(), journal.damage()), (12, &[][..]), "{torn} bytes");
        assert_eq!(read_all(&journal, 0), numbered(0..12), "{torn} bytes");
    }
}

#[test]
fn behind_a_damaged_head_nothing_is_looked_for() {
    let inner = record(ID.trim_end(), 13, b"forged");
    let mut outer = record(ID.trim_end(), 12, &inner);
    outer[12] ^= 1;
    let directory = changed(|bytes| bytes.extend_from_slice(&outer));
    let journal = open(directory.path());
    assert_eq!((journal.next(), read_all(&journal, 0)), (12, numbered(0..12)));
}

#[test]
fn a_damaged_payload_costs_its_record_alone() {
    let directory = copy(Path::new(DIRECTORY));
    let path = &segments(directory.path())[1];
    let mut bytes = fs::read(path).unwrap();
    bytes[48 + 20] ^= 1;
    fs::write(path, bytes).unwrap();
    let journal = open(directory.path());
    assert_eq!(missing(&journal), [(4, 5)]);
    assert_eq!(read_all(&journal, 0), [numbered(0..4), numbered(5..12)].concat());
}

#[test]
fn a_damaged_header_costs_nothing() {
    for byte in [0, 8, 20, 41] {
        let directory = changed(|bytes| bytes[byte] ^= 4);
        let journal = open(directory.path());
        assert_eq!(missing(&journal), [(0, 0)], "byte {byte}");
        assert_eq!(read_all(&journal, 0), numbered(0..12), "byte {byte}");
    }
}
