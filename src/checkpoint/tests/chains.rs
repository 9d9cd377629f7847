//! Snapshots that say only what changed: what survives which damage, and which files stay.

use super::*;
use crate::model::Advance;
use crate::store::Store;
use crate::store::test_batch::BatchBuilder;

const SERIES: u64 = 800;

/// A gateway that counts one more event between any two checkpoints.
struct Life {
    store: Store,
    checkpointer: Checkpointer,
}

impl Life {
    fn of(restored: Restored) -> Self {
        let store = match restored.cut {
            Some(cut) => Store::restore(cut, 1000),
            None => Store::new(1000),
        };
        let life = Self { store, checkpointer: restored.checkpointer };
        if life.store.position(&queue()).is_none() {
            life.stand_at(0);
            life.count(0..SERIES);
        }
        life
    }

    fn stand_at(&self, segment: u64) {
        self.store.reposition(&queue(), |position| {
            *position = Some(Position::List(ListPosition { segment, remaining: Some(1000) }));
            0
        });
    }

    /// An event of each of these series.
    fn count(&self, rows: std::ops::Range<u64>) {
        let Some(Position::List(list)) = self.store.position(&queue()) else { panic!("no list") };
        let batch = rows.fold(BatchBuilder::new(self.store.hasher()), |batch, row| {
            let text = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            batch.counter("jobs_total", &format!("row=\"{row}\",text=\"{text}\""), 1.0)
        });
        let from = list.remaining.expect("known");
        let advance = Advance::List { segment: list.segment, from, to: from - 1 };
        let now = Timestamp::now();
        self.store.apply(&queue(), &batch.build(), &advance, now, now).expect("it follows");
    }

    /// Goes to the next segment, counts an event, and writes a checkpoint.
    async fn go_on(&mut self, segment: u64) -> Result<Written, CheckpointError> {
        self.stand_at(segment);
        self.count(segment..segment + 1);
        self.checkpointer.write(self.store.cut(Timestamp::now()), false).await
    }
}

/// Segments 1 to 9 were written, the last ones as changes only.
async fn disk_with_chains() -> Disk {
    let disk = Disk::new();
    let mut life = Life::of(disk.restore().await.unwrap());
    for segment in 1..=9 {
        life.go_on(segment).await.unwrap();
    }
    disk
}

fn head(disk: &Disk) -> Head {
    serde_json::from_slice(&fs::read(disk.head()).unwrap()).unwrap()
}

/// The sum of all series is the number of events up to the position.
fn assert_complete(restored: &Restored) {
    let cut = restored.cut.as_ref().expect("a state");
    let segment = restored_segment(restored).expect("a position");
    let crate::store::Values::Scalars(values) = &cut.families[0].values else {
        panic!("no counters")
    };
    assert_eq!(values.len() as u64, SERIES);
    assert_eq!(values.iter().sum::<f64>(), (SERIES + segment) as f64, "up to {segment}");
}

#[tokio::test]
async fn retained_snapshots_share_no_file_and_what_none_needs_is_deleted() {
    let disk = Disk::new();
    let mut life = Life::of(disk.restore().await.unwrap());
    let (mut longest, mut whole) = (0, Vec::new());
    for segment in 1..=300 {
        let written = life.go_on(segment).await.unwrap();
        if written.is_whole {
            whole.push(segment);
        }
        let head = head(&disk);
        let newest = &head.retained[0];
        assert_eq!(newest.generation(), written.generation);
        assert_eq!(written.is_whole, newest.parents.is_empty());
        longest = longest.max(newest.parents.len());
        let mut needed: Vec<_> = head.retained.iter().flat_map(HeadEntry::files).collect();
        needed.sort();
        let all = needed.len();
        needed.dedup();
        assert_eq!(needed.len(), all, "shared: {head:?}");
        let needed: Vec<_> = needed.iter().map(ToString::to_string).collect();
        assert_eq!(disk.generations(), needed, "after {segment}");
    }
    assert!(longest > 5, "the longest chain had {longest} links");
    assert!(whole.len() > 2 * KEEP, "{whole:?}");
    let at_first = &whole[..KEEP];
    assert_eq!(at_first, [1, 2], "one for each chain");
    let follow = whole[KEEP..].windows(2).filter(|pair| pair[1] == pair[0] + 1);
    assert_eq!(follow.count(), 0, "one right after the other: {whole:?}");
    drop(life);
    let restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(300));
    assert_complete(&restored);
}

#[tokio::test]
async fn damage_to_any_one_file_leaves_a_retained_snapshot() {
    let remove: fn(&Path) = |path| fs::remove_file(path).unwrap();
    for damage in [truncate, flip_a_bit, remove] {
        for without_head in [false, true] {
            let files = disk_with_chains().await.snapshots().len();
            for at in 0..files {
                let disk = disk_with_chains().await;
                assert!(head(&disk).retained.iter().all(|entry| entry.parents.len() > 2));
                let generation = disk.generations()[at].clone();
                damage(&disk.snapshots()[at]);
                if without_head {
                    fs::remove_file(disk.head()).unwrap();
                }
                let restored = disk.restore().await.unwrap();
                // Odd ones are of one chain, even ones of the other.
                let sequence: u64 = generation.strip_prefix("1-").unwrap().parse().unwrap();
                let expected = if sequence % 2 == 1 { 8 } else { 9 };
                assert_eq!(restored_segment(&restored), Some(expected), "{generation}");
                assert_complete(&restored);
                let positions_known = acknowledged(&restored.checkpointer);
                if expected == 8 {
                    assert_eq!(positions_known, Some(8), "{generation}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_chain_says_which_file_is_missing_and_stays_as_evidence() {
    let disk = disk_with_chains().await;
    fs::remove_file(&disk.snapshots()[2]).unwrap();
    let before = disk.generations();
    let restored = disk.restore().await.unwrap();
    let [skipped] = &restored.skipped[..] else { panic!("{:?}", restored.skipped) };
    assert_eq!(skipped.why, "it builds upon 1-3: it does not exist");
    let mut life = Life::of(restored);
    for segment in 10..=20 {
        life.go_on(segment).await.unwrap();
        let odd = before.iter().filter(|name| name.ends_with(['1', '3', '5', '7', '9']));
        for evidence in odd {
            assert!(disk.generations().contains(evidence), "{evidence} after {segment}");
        }
    }
    drop(life);
    let mut life = Life::of(disk.restore().await.unwrap());
    life.go_on(21).await.unwrap();
    life.go_on(22).await.unwrap();
    assert_eq!(disk.generations(), ["3-1", "3-2"]);
}

#[tokio::test]
async fn damage_to_every_chain_is_never_made_good_by_what_they_build_upon() {
    for without_head in [false, true] {
        let disk = disk_with_chains().await;
        let snapshots = disk.snapshots();
        for newest in snapshots.iter().rev().take(KEEP) {
            flip_a_bit(newest);
        }
        if without_head {
            fs::remove_file(disk.head()).unwrap();
        }
        let refused = disk.restore().await.err();
        assert!(matches!(refused, Some(RestoreError::Unreadable { .. })), "{refused:?}");
        assert_eq!(disk.snapshots(), snapshots, "refusing changes nothing");
    }
}

#[tokio::test]
async fn a_file_of_another_chain_or_life_is_no_parent() {
    let disk = disk_with_chains().await;
    let other = disk_with_chains().await;
    let files = disk.snapshots();
    fs::copy(&other.snapshots()[0], &files[0]).unwrap();
    let restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(8));
    let why = &restored.skipped[0].why;
    assert!(why.starts_with("it builds upon 1-1: its sha256 is "), "{why}");
    drop(restored);
    fs::copy(&files[3], &files[2]).unwrap();
    fs::remove_file(disk.head()).unwrap();
    let restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(8));
}

#[tokio::test]
async fn a_new_owner_begins_with_whole_snapshots_and_keeps_what_is_retained() {
    let disk = disk_with_chains().await;
    let old = disk.generations();
    let newest = head(&disk).retained[0].clone();
    let mut life = Life::of(disk.restore().await.unwrap());
    assert!(life.go_on(10).await.unwrap().is_whole);
    let mut expected: Vec<_> = newest.files().map(|file| file.to_string()).collect();
    expected.sort();
    expected.push("2-1".into());
    assert_eq!(disk.generations(), expected, "of {old:?}");
    assert!(life.go_on(11).await.unwrap().is_whole);
    assert_eq!(disk.generations(), ["2-1", "2-2"]);
    assert!(!life.go_on(12).await.unwrap().is_whole);
    drop(life);
    assert_complete(&disk.restore().await.unwrap());
}

#[tokio::test]
async fn a_chain_of_which_a_file_was_deleted_is_not_extended() {
    let disk = Disk::new();
    let mut life = Life::of(disk.restore().await.unwrap());
    for segment in 1..=6 {
        assert_eq!(life.go_on(segment).await.unwrap().is_whole, segment <= 2);
    }
    fs::remove_file(&disk.snapshots()[2]).unwrap();
    // Of the chains of 1 and of 2.
    let whole = [true, false, false, false];
    for (segment, is_whole) in (7..).zip(whole) {
        assert_eq!(life.go_on(segment).await.unwrap().is_whole, is_whole, "{segment}");
    }
    drop(life);
    let restored = disk.restore().await.unwrap();
    assert_eq!(restored_segment(&restored), Some(10));
    assert_complete(&restored);
}

#[tokio::test]
async fn what_changed_before_a_checkpoint_that_failed_is_in_the_next_of_each_chain() {
    for fault in [Fault::Refused, Fault::Late, Fault::SnapshotRefused] {
        for keep in 1..=3 {
            let bucket = Arc::new(Bucket::default());
            let mut life = Life::of(take(bucket.storage(), keep).await.unwrap());
            let mut changes = 0;
            for segment in 1..=20 {
                if segment % 3 == 0 {
                    bucket.fail_next(fault);
                }
                match life.go_on(segment).await {
                    Ok(written) => changes += u64::from(!written.is_whole),
                    Err(error) => assert!(matches!(error, CheckpointError::Storage(_)), "{error}"),
                }
            }
            assert!(changes > 5, "{fault:?} {keep}: {changes}");
            drop(life);
            let restored = take(bucket.storage(), keep).await.unwrap();
            assert_eq!(restored_segment(&restored), Some(20), "{fault:?} {keep}");
            assert_complete(&restored);
        }
    }
}
