//! Files that were cut, flipped, lost or put in the wrong place.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::journal::header;
use crate::journal::record::Format;

/// One segment with these records, closed; its file's bytes, and where each record ends.
fn one_segment(numbers: Range<u64>) -> (tempfile::TempDir, Vec<u8>, Vec<usize>) {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append(&records(numbers.clone())).unwrap();
    let mut at = header::SIZE_BYTES;
    let ends = records(numbers).into_iter().map(|record| {
        at += Format::HEAD_BYTES + record.len();
        at
    });
    let ends = ends.collect();
    let bytes = fs::read(&segments(directory.path())[0]).unwrap();
    (directory, bytes, ends)
}

#[test]
fn every_prefix_opens_to_the_records_that_are_wholly_in_it() {
    let (directory, bytes, ends) = one_segment(0..4);
    let path = &segments(directory.path())[0];
    for length in 0..=bytes.len() {
        fs::write(path, &bytes[..length]).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count() as u64;
        let mut journal = Journal::open(directory.path()).unwrap();
        assert_eq!(journal.damage(), [], "{length} bytes");
        assert_eq!(read_all(&journal, 0), numbered(0..whole), "{length} bytes");
        assert_eq!(journal.append(&records(whole..whole + 2)).unwrap(), whole);
        assert_eq!(read_all(&journal, 0), numbered(0..whole + 2), "{length} bytes");
        drop(journal);
        let journal = Journal::open(directory.path()).unwrap();
        assert_eq!(read_all(&journal, 0), numbered(0..whole + 2), "{length} bytes");
        assert_eq!(journal.damage(), [], "{length} bytes");
    }
}

#[test]
fn every_flipped_bit_costs_its_record_alone_and_is_reported_unless_it_looks_torn() {
    let (directory, bytes, ends) = one_segment(0..4);
    let path = &segments(directory.path())[0];
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, &flipped).unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        let hit = ends.iter().filter(|end| **end <= bit / 8).count() as u64;
        let (lost, next) = match (bit / 8 < header::SIZE_BYTES, hit) {
            (true, _) => (vec![(0, 0)], 4),
            (false, 3) => (vec![], 3),
            (false, hit) => (vec![(hit, hit + 1)], 4),
        };
        assert_eq!(missing(&journal), lost, "bit {bit}");
        assert_eq!(journal.next(), next, "bit {bit}");
        journal.append(&records(next..6)).unwrap();
        let hit = if bit / 8 < header::SIZE_BYTES { 9 } else { hit };
        let mut expected = numbered(0..6);
        expected.retain(|(number, _)| *number != hit || hit == 3);
        assert_eq!(read_all(&journal, 0), expected, "bit {bit}");
        drop(journal);
        assert_eq!(read_all(&Journal::open(directory.path()).unwrap(), 0), expected, "bit {bit}");
        for path in &segments(directory.path())[1..] {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn an_earlier_segment_that_is_cut_or_lost_costs_its_records_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = open(directory.path());
    for number in 0..20 {
        journal.append(&records(number..number + 1)).unwrap();
    }
    drop(journal);
    let paths = segments(directory.path());
    let first =
        |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    let (second, third) = (first(&paths[1]), first(&paths[2]));
    let length = paths[1].metadata().unwrap().len();
    for kept in 0..length {
        let copy = copy(directory.path());
        let path = copy.path().join(paths[1].file_name().unwrap());
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(kept).unwrap();
        let mut journal = open(copy.path());
        let [lost] = &missing(&journal)[..] else { panic!("{kept} bytes: {:?}", journal.damage()) };
        assert!(second <= lost.0 && lost.1 == third, "{kept} bytes: {lost:?}");
        let expected = [numbered(0..lost.0), numbered(third..20)].concat();
        assert_eq!(read_all(&journal, 0), expected, "{kept} bytes");
        assert_eq!(journal.append(&records(20..21)).unwrap(), 20);
    }
    fs::remove_file(&paths[1]).unwrap();
    let journal = open(directory.path());
    assert_eq!(missing(&journal), [(second, third)]);
    let expected = [numbered(0..second), numbered(third..20)].concat();
    assert_eq!(read_all(&journal, 0), expected);
    assert_eq!(read_all(&journal, second), numbered(third..20));
}

/// How the records of this journal are written: nobody but this test may know.
fn format(directory: &Path) -> Format {
    let names = fs::read_to_string(directory.join("journal-id")).unwrap();
    let secret = names.lines().nth(1).expect("a second line");
    Format::version_2(u64::from_str_radix(secret, 16).unwrap())
}

#[test]
fn behind_a_head_that_reaches_past_the_end_nothing_is_looked_for() {
    let (directory, bytes, ends) = one_segment(0..3);
    let mut inner = Vec::new();
    // It could not be told from a record, were it looked at.
    format(directory.path()).write(&mut inner, 3, b"forged");
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append(&[[&inner[..], b"and more"].concat()]).unwrap();
    drop(journal);
    let path = &segments(directory.path())[0];
    let written = fs::read(path).unwrap();
    for torn in ends[2] + 1..written.len() {
        fs::write(path, &written[..torn]).unwrap();
        let journal = Journal::open(directory.path()).unwrap();
        assert_eq!((journal.next(), journal.damage()), (3, &[][..]), "{torn} bytes");
        assert_eq!(fs::read(path).unwrap(), bytes, "{torn} bytes");
    }
}

/// Whoever pushes it knows everything that the gateway shows: the id. The crash that tears the push
/// may leave any part of it on the disk.
#[test]
fn what_looks_like_a_record_within_a_payload_is_none() {
    let (directory, bytes, ends) = one_segment(0..3);
    let mut journal = Journal::open(directory.path()).unwrap();
    let id = journal.id();
    let guesses = [0, xxhash_rust::xxh3::xxh3_64(id.as_bytes()), u64::MAX];
    let mut forged = version_1::record(&id, 3, b"forged");
    for secret in guesses {
        for number in 3..6 {
            Format::version_2(secret).write(&mut forged, number, b"forged");
        }
    }
    journal.append(&[forged]).unwrap();
    drop(journal);
    let path = &segments(directory.path())[0];
    let mut damaged = fs::read(path).unwrap();
    damaged[ends[2]] ^= 1;
    fs::write(path, damaged).unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    assert_eq!((journal.next(), journal.damage()), (3, &[][..]));
    assert_eq!(fs::read(path).unwrap(), bytes);
}

/// Every byte of it begins something like a head, which says that a large record follows.
#[test]
fn a_large_body_of_things_like_heads_is_looked_through_once() {
    const BODY_BYTES: usize = 2 << 20;
    const DEADLINE: Duration = Duration::from_secs(30);
    let (directory, _, ends) = one_segment(0..1);
    let mut journal = Journal::open(directory.path()).unwrap();
    let like_a_head =
        [0; 8].into_iter().chain(500_000_u32.to_le_bytes()).chain(2_u64.to_le_bytes());
    let body: Vec<u8> = like_a_head.cycle().take(BODY_BYTES).collect();
    journal.append(&[body]).unwrap();
    journal.append(&records(2..3)).unwrap();
    drop(journal);
    let path = &segments(directory.path())[0];
    let mut written = fs::read(path).unwrap();
    written[ends[0]] ^= 1;
    for (length, next, lost) in [(written.len(), 3, vec![(1, 2)]), (BODY_BYTES, 1, vec![])] {
        fs::write(path, &written[..length]).unwrap();
        let opening = Instant::now();
        let journal = Journal::open(directory.path()).unwrap();
        assert!(opening.elapsed() < DEADLINE, "{:?}", opening.elapsed());
        assert_eq!((journal.next(), missing(&journal)), (next, lost));
    }
}

#[test]
fn a_lost_id_is_found_in_the_segments() {
    let digits = "0123456789abcdef";
    let wrong = format!("{digits}{digits}\nno secret\n");
    for content in
        [None, Some(""), Some("no id"), Some("zz34567890123456789012345678901z"), Some(&wrong)]
    {
        let (directory, ..) = one_segment(0..2);
        let path = directory.path().join("journal-id");
        let before = fs::read_to_string(&path).unwrap();
        match content {
            Some(content) => {
                // A line that is right is believed.
                let id = &before[..32];
                fs::write(&path, content.replace(&format!("{digits}{digits}"), id)).unwrap();
            }
            None => fs::remove_file(&path).unwrap(),
        }
        let journal = Journal::open(directory.path()).unwrap();
        assert_eq!(read_all(&journal, 0), numbered(0..2), "{content:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before, "{content:?}");
    }
}

#[test]
fn a_segment_that_does_not_belong_there_is_asked_about() {
    let problem = |change: &dyn Fn(&Path)| {
        let (directory, ..) = one_segment(0..2);
        change(&segments(directory.path())[0]);
        match Journal::open(directory.path()).unwrap_err() {
            JournalError::Damaged { problem, .. } => problem,
            other => panic!("{other}"),
        }
    };
    let foreign = problem(&|path| {
        let (other, ..) = one_segment(0..1);
        fs::copy(&segments(other.path())[0], path).unwrap();
    });
    assert!(foreign.starts_with("of journal "), "{foreign}");
    let renamed = problem(&|path| {
        fs::rename(path, path.with_file_name("00000000000000000009.journal")).unwrap();
    });
    assert!(renamed.starts_with("begins with record 0"), "{renamed}");
    let newer = problem(&|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[8] = 3;
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..48]);
        bytes[48..56].copy_from_slice(&checksum.to_le_bytes());
        fs::write(path, bytes).unwrap();
    });
    assert!(newer.starts_with("version 3, expected 2 or 1"), "{newer}");
}
