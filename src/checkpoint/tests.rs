//! Restoring and checkpointing as a whole: what survives which damage, and
//! when sources may acknowledge.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::head::{Generation, Head, HeadEntry};
use super::storage::tests::{Bucket, Fault};
use super::*;
use crate::model::{ListPosition, SourceKind, Tally, Timestamp};
use crate::store::SourceState;

pub(crate) mod chain;
mod chains;
mod run;
mod speed;

const KEEP: usize = 2;

/// Takes over at once, whoever is the owner.
pub(crate) async fn take(storage: Storage, keep: usize) -> Result<Restored, RestoreError> {
    let terms = Terms { keep, lease_ttl: Duration::from_secs(60) };
    restore(&Arc::new(storage), &mut Standby::impatient(), terms).await
}

fn queue() -> SourceKey {
    SourceKey { kind: SourceKind::List, key: "queue".into() }
}

/// A state that stands in this segment.
fn cut(segment: u64) -> Cut {
    let position = Position::List(ListPosition { segment, remaining: Some(0) });
    let source = SourceState { key: queue(), position, tally: Tally::default() };
    Cut { taken_at: Timestamp::now(), version: segment, sources: vec![source], ..Cut::default() }
}

fn segment(position: Option<&Position>) -> Option<u64> {
    match position {
        Some(Position::List(list)) => Some(list.segment),
        _ => None,
    }
}

fn restored_segment(restored: &Restored) -> Option<u64> {
    restored.cut.as_ref().and_then(|cut| segment(Some(&cut.sources[0].position)))
}

/// Up to which segment sources may acknowledge.
fn acknowledged(checkpointer: &Checkpointer) -> Option<u64> {
    let durable = checkpointer.durable();
    let durable = durable.borrow();
    segment(durable.as_ref().and_then(|durable| durable.position(&queue())))
}

#[test]
fn a_source_that_the_oldest_snapshot_does_not_know_has_no_position() {
    let durable = Durable::for_tests(vec![(queue(), cut(1).sources[0].position.clone())]);
    assert_eq!(segment(durable.position(&queue())), Some(1));
    let other = SourceKey { kind: SourceKind::Reader, ..queue() };
    assert_eq!(durable.position(&other), None);
}

struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn storage(&self) -> Storage {
        Storage::open(&self.0.path().into(), "default").unwrap()
    }

    async fn restore(&self) -> Result<Restored, RestoreError> {
        take(self.storage(), KEEP).await
    }

    fn head(&self) -> PathBuf {
        self.0.path().join("default/head")
    }

    /// Oldest first.
    fn snapshots(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.0.path().join("default/snapshots")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    fn generations(&self) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let generation = |path| Generation::from_file_name(&name(path)).unwrap().to_string();
        self.snapshots().iter().map(generation).collect()
    }

    /// A disk on which snapshots 1 to 3 were written, of which 2 and 3 are retained.
    async fn with_three() -> Self {
        let disk = Self::new();
        let mut checkpointer = disk.restore().await.unwrap().checkpointer;
        for segment in 1..=3 {
            checkpointer.write(cut(segment), false).await.unwrap();
        }
        disk
    }
}

fn truncate(path: &Path) {
    let file = fs::read(path).unwrap();
    fs::write(path, &file[..file.len() - 1]).unwrap();
}

fn flip_a_bit(path: &Path) {
    let mut file = fs::read(path).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    fs::write(path, file).unwrap();
}

#[tokio::test]
async fn an_empty_place_starts_empty_and_what_is_written_comes_back() {
    let disk = Disk::new();
    let mut first = disk.restore().await.unwrap();
    assert!(first.cut.is_none());
    assert_eq!(first.lease.epoch(), 1);
    first.checkpointer.write(cut(1), false).await.unwrap();
    first.checkpointer.write(cut(2), true).await.unwrap();
    drop(first);

    let second = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&second), Some(2));
    assert!(second.clean_shutdown);
    assert_eq!(second.lease.epoch(), 2);
    assert_eq!(second.generation, Some(Generation { epoch: 1, sequence: 2 }));
}

#[tokio::test]
async fn one_process_at_a_time_owns_a_directory() {
    let disk = Disk::new();
    let owner = disk.restore().await.unwrap();
    assert!(matches!(disk.restore().await.err(), Some(RestoreError::Owned { .. })));
    owner.checkpointer.release().await.unwrap();
    assert!(!owner.lease.is_valid());
    let next = disk.restore().await.unwrap();
    drop(next);
    disk.restore().await.unwrap();
}

#[tokio::test]
async fn only_the_newest_are_kept_and_head_names_them() {
    let disk = Disk::with_three().await;
    assert_eq!(disk.generations(), ["1-2", "1-3"]);
    let head: Head = serde_json::from_slice(&fs::read(disk.head()).unwrap()).unwrap();
    let named: Vec<_> = head.retained.iter().map(|entry| entry.generation().to_string()).collect();
    assert_eq!(named, ["1-3", "1-2"]);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_every_retained_snapshot_covers_it() {
    let disk = Disk::new();
    let mut checkpointer = disk.restore().await.unwrap().checkpointer;
    assert_eq!(acknowledged(&checkpointer), None);
    for (written, expected) in [(1, 1), (2, 1), (3, 2), (3, 3)] {
        checkpointer.write(cut(written), false).await.unwrap();
        assert_eq!(acknowledged(&checkpointer), Some(expected), "after {written}");
    }
    drop(checkpointer);

    // After a restart the older retained snapshot is unread until it is displaced.
    let mut checkpointer = disk.restore().await.unwrap().checkpointer;
    assert_eq!(acknowledged(&checkpointer), None);
    checkpointer.write(cut(4), false).await.unwrap();
    assert_eq!(acknowledged(&checkpointer), Some(3));
}

#[tokio::test]
async fn checkpoints_are_due_until_all_retained_cover_the_state() {
    let disk = Disk::new();
    let mut checkpointer = disk.restore().await.unwrap().checkpointer;
    checkpointer.write(cut(1), false).await.unwrap();
    checkpointer.write(cut(1), false).await.unwrap();
    assert!(!checkpointer.is_due(1));
    for due in [true, true, false] {
        assert_eq!(checkpointer.is_due(2), due);
        if due {
            checkpointer.write(cut(2), false).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_damaged_snapshot_falls_back_to_the_one_before() {
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    type Damage = fn(&Path);
    let damages: [(Damage, &str); 3] =
        [(truncate, "truncated"), (flip_a_bit, "checksum mismatch"), (remove, "does not exist")];
    for (damage, why) in damages {
        let disk = Disk::with_three().await;
        damage(&disk.snapshots()[1]);
        let mut restored = disk.restore().await.unwrap();
        assert_eq!(restored_segment(&restored), Some(2), "{why}");
        assert_eq!(restored.skipped.len(), 1);
        assert!(restored.skipped[0].why.contains(why), "{:?}", restored.skipped);
        // It is the only one retained now, and its positions are known.
        assert_eq!(acknowledged(&restored.checkpointer), Some(2));

        let written = restored.checkpointer.write(cut(4), false).await.unwrap();
        assert_eq!(written.generation, Generation { epoch: 2, sequence: 1 });
        drop(restored);
        let again = disk.restore().await.unwrap();
        assert_eq!(restored_segment(&again), Some(4));
        assert_eq!(again.skipped, []);
    }
}

#[tokio::test]
async fn a_damaged_snapshot_stays_as_evidence_until_the_next_start() {
    let disk = Disk::with_three().await;
    truncate(&disk.snapshots()[1]);
    let mut checkpointer = disk.restore().await.unwrap().checkpointer;
    checkpointer.write(cut(4), false).await.unwrap();
    assert_eq!(disk.generations(), ["1-2", "1-3", "2-1"]);
    checkpointer.write(cut(5), false).await.unwrap();
    assert_eq!(disk.generations(), ["1-3", "2-1", "2-2"]);
    drop(checkpointer);
    let mut checkpointer = disk.restore().await.unwrap().checkpointer;
    checkpointer.write(cut(6), false).await.unwrap();
    assert_eq!(disk.generations(), ["2-2", "3-1"]);
}

#[tokio::test]
async fn without_a_readable_head_the_newest_snapshot_that_verifies_is_taken() {
    let damages: [fn(&Path); 2] =
        [|head| fs::remove_file(head).unwrap(), |head| fs::write(head, "{").unwrap()];
    for damage in damages {
        let disk = Disk::with_three().await;
        damage(&disk.head());
        let restored = disk.restore().await.unwrap();
        assert_eq!(restored_segment(&restored), Some(3));
        assert_eq!(restored.lease.epoch(), 2);
    }
    let disk = Disk::with_three().await;
    fs::remove_file(disk.head()).unwrap();
    truncate(&disk.snapshots()[1]);
    assert_eq!(restored_segment(&disk.restore().await.unwrap()), Some(2));
}

#[tokio::test]
async fn state_that_cannot_be_read_is_never_treated_as_empty() {
    for head_too in [false, true] {
        let disk = Disk::with_three().await;
        let snapshots = disk.snapshots();
        truncate(&snapshots[0]);
        flip_a_bit(&snapshots[1]);
        if head_too {
            fs::remove_file(disk.head()).unwrap();
        }
        let before = fs::read(disk.head()).ok();
        let error = disk.restore().await.err().expect("there is state").to_string();
        for expected in ["truncated", "checksum mismatch", "1-2.snap"] {
            let expected = expected.replace("1-2.snap", "00000000000000000002.snap");
            assert!(error.contains(&expected), "{expected} is not in: {error}");
        }
        assert_eq!(disk.snapshots(), snapshots, "refusing changes nothing");
        assert_eq!(fs::read(disk.head()).ok(), before);
    }
    let disk = Disk::with_three().await;
    for snapshot in disk.snapshots() {
        fs::remove_file(snapshot).unwrap();
    }
    assert!(matches!(disk.restore().await.err(), Some(RestoreError::Unreadable { .. })));
}

#[tokio::test]
async fn another_identitys_snapshot_and_a_renamed_one_are_refused() {
    let disk = Disk::with_three().await;
    let other = Storage::open(&disk.0.path().into(), "other").unwrap();
    fs::create_dir(disk.0.path().join("other/snapshots")).unwrap();
    let newest = disk.snapshots().pop().unwrap();
    let theirs = disk.0.path().join("other/snapshots").join(newest.file_name().unwrap());
    fs::copy(&newest, theirs).unwrap();
    let error = take(other, KEEP).await.err().expect("not ours").to_string();
    assert!(error.contains("belongs to identity `default`"), "{error}");

    fs::remove_file(disk.head()).unwrap();
    fs::copy(&newest, newest.with_file_name(Generation { epoch: 7, sequence: 1 }.file_name()))
        .unwrap();
    let restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(3));
    assert!(restored.skipped[0].why.contains("holds generation 1-3"), "{:?}", restored.skipped);
}

#[tokio::test]
async fn what_a_crash_left_unnamed_is_ignored_and_swept() {
    let disk = Disk::with_three().await;
    let orphan = Generation { epoch: 1, sequence: 9 }.file_name();
    fs::copy(&disk.snapshots()[0], disk.snapshots()[0].with_file_name(orphan)).unwrap();
    let mut restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(3));
    let newer = Generation { epoch: 9, sequence: 1 }.file_name();
    fs::copy(&disk.snapshots()[0], disk.snapshots()[0].with_file_name(newer)).unwrap();
    restored.checkpointer.write(cut(4), false).await.unwrap();
    assert_eq!(disk.generations(), ["1-3", "2-1", "9-1"]);
}

#[tokio::test]
async fn the_former_owner_of_a_bucket_is_fenced_and_acknowledges_nothing_more() {
    let bucket = Arc::new(Bucket::default());
    let mut former = take(bucket.storage(), KEEP).await.unwrap().checkpointer;
    former.write(cut(1), false).await.unwrap();
    let mut owner = take(bucket.storage(), KEEP).await.unwrap();
    assert_eq!(restored_segment(&owner), Some(1));

    let error = former.write(cut(2), false).await.unwrap_err();
    assert!(matches!(error, CheckpointError::Fenced { epoch: 1, .. }), "{error}");
    assert_eq!(acknowledged(&former), Some(1));
    owner.checkpointer.write(cut(3), false).await.unwrap();
    drop(owner);
    let next = take(bucket.storage(), KEEP).await.unwrap();
    assert_eq!((restored_segment(&next), next.lease.epoch()), (Some(3), 3));
}

#[tokio::test]
async fn a_checkpoint_whose_reply_was_lost_counts() {
    let bucket = Arc::new(Bucket::default());
    bucket.fail_next(Fault::AppliedThenError);
    let mut checkpointer = take(bucket.storage(), KEEP).await.unwrap().checkpointer;
    bucket.fail_next(Fault::AppliedThenConflict);
    checkpointer.write(cut(1), false).await.unwrap();
    assert_eq!(acknowledged(&checkpointer), Some(1));
}

#[tokio::test]
async fn a_failed_checkpoint_acknowledges_nothing_and_the_next_one_succeeds() {
    for fault in [Fault::Refused, Fault::Late, Fault::SnapshotRefused] {
        let bucket = Arc::new(Bucket::default());
        let mut checkpointer = take(bucket.storage(), 1).await.unwrap().checkpointer;
        checkpointer.write(cut(1), false).await.unwrap();
        bucket.fail_next(fault);
        let error = checkpointer.write(cut(2), false).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Storage(_)), "{error}");
        assert_eq!(acknowledged(&checkpointer), Some(1), "{fault:?}");

        checkpointer.write(cut(3), false).await.unwrap();
        assert_eq!(acknowledged(&checkpointer), Some(3), "{fault:?}");
        drop(checkpointer);
        let listed = bucket.storage().list().await.unwrap();
        assert_eq!(listed.len(), 1, "{fault:?}: the failed one is cleaned up");
        let restored = take(bucket.storage(), 1).await.unwrap();
        assert_eq!(restored_segment(&restored), Some(3), "{fault:?}");
    }
}

#[tokio::test]
async fn head_never_names_a_snapshot_that_was_not_written() {
    let bucket = Arc::new(Bucket::default());
    let mut checkpointer = take(bucket.storage(), KEEP).await.unwrap().checkpointer;
    checkpointer.write(cut(1), false).await.unwrap();
    bucket.fail_next(Fault::SnapshotRefused);
    checkpointer.write(cut(2), false).await.unwrap_err();
    drop(checkpointer);

    let restored = take(bucket.storage(), KEEP).await.unwrap();
    assert_eq!(restored_segment(&restored), Some(1));
    assert_eq!(restored.skipped, []);
}
