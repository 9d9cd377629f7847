//! A disk that fails while a batch is written or synced.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use super::*;

/// Everything written from now on goes to that file.
fn swap_tail(journal: &mut Journal, file: File) -> File {
    std::mem::replace(&mut journal.tail, file)
}

fn last_segment(directory: &Path) -> PathBuf {
    segments(directory).pop().unwrap()
}

/// Writing fails, and so does cutting off; `half` of the batch is in the file all the same.
fn fail_to_write(journal: &mut Journal, directory: &Path, half: &[u8]) -> File {
    let path = last_segment(directory);
    let sound = swap_tail(journal, File::open(&path).unwrap());
    journal.append(&records(100..102)).unwrap_err();
    let end = sound.metadata().unwrap().len();
    sound.write_all_at(half, end).unwrap();
    sound
}

#[test]
fn after_a_failed_write_nothing_is_taken_until_the_rest_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append(&records(0..2)).unwrap();
    assert!(!journal.is_in_doubt());
    let sound = fail_to_write(&mut journal, directory.path(), b"half of it");
    assert!(journal.is_in_doubt());
    let error = journal.append(&records(2..3)).unwrap_err().to_string();
    let path = last_segment(directory.path());
    let expected = format!("cannot cut off what a failed write left in {}: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!((journal.next(), read_all(&journal, 0)), (2, numbered(0..2)));
    swap_tail(&mut journal, sound);
    assert_eq!(journal.append(&records(2..4)).unwrap(), 2);
    assert!(!journal.is_in_doubt());
    assert_eq!(read_all(&journal, 0), numbered(0..4));
    drop(journal);
    let journal = Journal::open(directory.path()).unwrap();
    assert_eq!((read_all(&journal, 0), journal.damage()), (numbered(0..4), &[][..]));
}

#[test]
fn after_a_failed_sync_the_file_is_not_added_to_again() {
    for already_there in [0, 2] {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        journal.append(&records(0..already_there)).unwrap();
        // It takes everything, and can be neither synced nor cut.
        let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        let sound = swap_tail(&mut journal, null);
        let error = journal.append(&records(90..92)).unwrap_err().to_string();
        assert!(error.starts_with("cannot write "), "{error}");
        assert!(journal.is_in_doubt());
        let end = sound.metadata().unwrap().len();
        sound.write_all_at(b"unsynced", end).unwrap();
        let worn = last_segment(directory.path());
        swap_tail(&mut journal, sound);
        assert_eq!(journal.append(&records(already_there..4)).unwrap(), already_there);
        assert_eq!(read_all(&journal, 0), numbered(0..4));
        if already_there > 0 {
            assert_ne!(last_segment(directory.path()), worn);
            assert_eq!(worn.metadata().unwrap().len(), end);
        }
        drop(journal);
        let journal = Journal::open(directory.path()).unwrap();
        assert_eq!((read_all(&journal, 0), journal.damage()), (numbered(0..4), &[][..]));
    }
}

#[test]
fn a_segment_that_cannot_be_begun_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = open(directory.path());
    journal.append(&records(0..5)).unwrap();
    // In the way of the file that becomes the next segment.
    let obstacle = directory.path().join("00000000000000000005.journal.new");
    fs::create_dir(&obstacle).unwrap();
    let error = journal.append(&records(5..10)).unwrap_err().to_string();
    assert!(error.starts_with("cannot begin a segment after "), "{error}");
    assert!(!journal.is_in_doubt());
    // It would fit into the old one; but the new one may be there already.
    journal.append(&records(5..6)).unwrap_err();
    fs::remove_dir(&obstacle).unwrap();
    assert_eq!(journal.append(&records(5..6)).unwrap(), 5);
    assert_eq!(segments(directory.path()).len(), 2);
    assert_eq!(read_all(&journal, 0), numbered(0..6));
}
