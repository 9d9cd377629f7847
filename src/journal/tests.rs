use std::fs;

use super::*;

mod damage;
mod model;
mod repair;
mod speed;
mod version_1;

/// A few records per segment.
const SMALL_SEGMENT_BYTES: u64 = 200;

fn open(directory: &Path) -> Journal {
    Journal::open_with(directory, SMALL_SEGMENT_BYTES).unwrap()
}

/// Records that differ in text and length.
fn records(numbers: Range<u64>) -> Vec<Vec<u8>> {
    numbers
        .map(|number| format!("record {number} {}", "x".repeat(number as usize % 7)).into())
        .collect()
}

fn numbered(numbers: Range<u64>) -> Vec<(u64, Vec<u8>)> {
    numbers.clone().zip(records(numbers)).collect()
}

/// Everything from a record on, read in small steps.
fn read_all(journal: &Journal, from: u64) -> Vec<(u64, Vec<u8>)> {
    let (mut all, mut next) = (Vec::new(), from);
    loop {
        let read = journal.read(next, 30).unwrap();
        let Some((last, _)) = read.last() else { return all };
        assert!(read[0].0 >= next && read.is_sorted_by(|a, b| a.0 < b.0), "{read:?}");
        next = last + 1;
        all.extend(read);
    }
}

/// What each damage cost: from which record to before which.
fn missing(journal: &Journal) -> Vec<(u64, u64)> {
    journal.damage().iter().map(|damage| (damage.missing.start, damage.missing.end)).collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .collect();
    paths.sort();
    paths
}

/// The files as they are now, in a directory of their own.
fn copy(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[test]
fn what_was_appended_is_read_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("made/on/the/way");
    let mut journal = open(&nested);
    assert_eq!((journal.first(), journal.next(), journal.read(0, 100).unwrap()), (0, 0, vec![]));
    assert_eq!(journal.append(&records(0..5)).unwrap(), 0);
    assert_eq!(journal.append(&[[0_u8; 0]; 0]).unwrap(), 5);
    assert_eq!(journal.append(&records(5..6)).unwrap(), 5);
    assert_eq!(read_all(&journal, 0), numbered(0..6));
    let id = journal.id();
    assert_eq!(id.len(), 32);
    drop(journal);
    let mut journal = open(&nested);
    assert_eq!((journal.id(), journal.first(), journal.next()), (id, 0, 6));
    journal.append(&records(6..30)).unwrap();
    assert_eq!(read_all(&journal, 3), numbered(3..30));
    assert_eq!(journal.damage(), []);
    let files = segments(&nested);
    let bytes: u64 = files.iter().map(|path| path.metadata().unwrap().len()).sum();
    let size = JournalSize { records: 30, size_bytes: bytes, segments: files.len() as u64 };
    assert_eq!(journal.size(), size);
}

#[test]
fn a_directory_is_for_one_journal_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    let error = Journal::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Locked { .. }), "{error}");
    drop(journal);
    Journal::open(directory.path()).unwrap();
}

#[test]
fn a_read_is_of_about_the_size_asked_for_and_one_record_at_least() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    let large = vec![vec![1; 3 << 20], vec![2; 10], vec![3; 2 << 20], Vec::new(), vec![5; 10]];
    journal.append(&large).unwrap();
    let sizes = |from, about| -> Vec<_> {
        let read = journal.read(from, about).unwrap();
        read.iter().map(|(number, record)| (*number, record.len())).collect()
    };
    assert_eq!(sizes(0, 0), [(0, 3 << 20)]);
    assert_eq!(sizes(1, 10), [(1, 10)]);
    assert_eq!(sizes(1, 11), [(1, 10), (2, 2 << 20)]);
    assert_eq!(sizes(2, 3 << 20), [(2, 2 << 20), (3, 0), (4, 10)]);
    assert_eq!(sizes(5, 100), []);
    assert_eq!(sizes(u64::MAX, 100), []);
}

#[test]
fn what_is_not_needed_any_more_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = open(directory.path());
    for number in 0..20 {
        journal.append(&records(number..number + 1)).unwrap();
    }
    let before = segments(directory.path());
    assert!(before.len() > 3, "{before:?}");
    journal.release(0).unwrap();
    assert_eq!(segments(directory.path()), before);
    let second = journal.read(0, 1).unwrap()[0].0;
    assert_eq!(second, 0);
    let begin: u64 = before[2].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    journal.release(begin - 1).unwrap();
    assert_eq!(segments(directory.path()), before[1..]);
    journal.release(begin).unwrap();
    assert_eq!(segments(directory.path()), before[2..]);
    assert_eq!((journal.first(), read_all(&journal, 0)), (begin, numbered(begin..20)));
    journal.release(19).unwrap();
    assert_eq!(segments(directory.path()), before[before.len() - 1..]);
    // Nothing is left: whoever opens it without knowing a position has nothing to apply.
    journal.release(20).unwrap();
    journal.release(u64::MAX).unwrap();
    assert_eq!(journal.size().records, 0);
    assert_eq!(segments(directory.path()), [directory.path().join("00000000000000000020.journal")]);
    drop(journal);
    let mut journal = open(directory.path());
    assert_eq!((journal.first(), journal.next(), journal.damage()), (20, 20, &[][..]));
    assert_eq!(journal.append(&records(20..21)).unwrap(), 20);
}

#[test]
fn numbers_can_be_skipped_and_what_lies_before_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = open(directory.path());
    journal.append(&records(0..2)).unwrap();
    journal.skip_to(1).unwrap();
    assert_eq!(journal.next(), 2);
    journal.skip_to(7).unwrap();
    assert_eq!((journal.first(), journal.next()), (0, 7));
    assert_eq!(journal.append(&records(7..9)).unwrap(), 7);
    let expected = [numbered(0..2), numbered(7..9)].concat();
    assert_eq!(read_all(&journal, 0), expected);
    drop(journal);
    let journal = open(directory.path());
    assert_eq!(read_all(&journal, 0), expected);
    assert_eq!(missing(&journal), [(2, 7)]);
}
