//! The checkpointer as a task, on paused time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::*;
use super::{queue, take};
use crate::checkpoint::storage::tests::{Bucket, Fault};
use crate::lease::Lease;
use crate::model::ListPosition;
use crate::status::Status;
use crate::store::Store;

const INTERVAL: Duration = Duration::from_secs(5);

const TTL: Duration = Duration::from_secs(120);
const TERMS: Terms = Terms { keep: 3, lease_ttl: TTL };

/// Longer than everything that is due takes.
const LONG: Duration = Duration::from_secs(600);

struct Running {
    bucket: Arc<Bucket>,
    store: Store,
    status: Status,
    lease: Lease,
    checkpoints: OutOfTurn,
    shutdown: CancellationToken,
    task: JoinHandle<Result<Checkpointer, CheckpointError>>,
}

impl Running {
    async fn start() -> Self {
        let bucket = Arc::new(Bucket::default());
        let (store, status) = (Store::new(1000), Status::new());
        let shutdown = CancellationToken::new();
        let storage = Arc::new(bucket.storage());
        let restored = restore(&storage, &mut Standby::new(TTL), TERMS).await.unwrap();
        let (checkpointer, lease) = (restored.checkpointer, restored.lease);
        let checkpoints = checkpointer.out_of_turn();
        let run = checkpointer.run(store.clone(), status.clone(), INTERVAL, shutdown.clone());
        Self { bucket, store, status, lease, checkpoints, shutdown, task: tokio::spawn(run) }
    }

    fn change(&self, segment: u64) {
        self.store.reposition(&queue(), |position| {
            *position = Some(Position::List(ListPosition { segment, remaining: Some(0) }));
            0
        });
    }

    fn successes_and_failures(&self) -> (u64, u64) {
        let report = self.status.report().checkpoint;
        (report.successes, report.failures)
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_change_it_writes_until_all_retained_cover_it_and_then_is_quiet() {
    let mut running = Running::start().await;
    running.change(1);
    tokio::time::sleep(LONG).await;
    assert_eq!(running.successes_and_failures(), (1, 0), "one retained, and it covers all");
    for (segment, successes) in [(2, 4), (3, 7), (4, 10)] {
        running.change(segment);
        tokio::time::sleep(LONG).await;
        assert_eq!(running.successes_and_failures(), (successes, 0), "segment {segment}");
    }
    running.shutdown.cancel();
    let mut checkpointer = (&mut running.task).await.unwrap().unwrap();
    checkpointer.checkpoint(&running.store, &running.status, true).await.unwrap();
    assert_eq!(running.successes_and_failures(), (11, 0), "the last one says that it is the last");
    drop(checkpointer);
    assert!(take(running.bucket.storage(), 3).await.unwrap().clean_shutdown);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_and_the_next_interval_tries_again() {
    let running = Running::start().await;
    running.change(1);
    running.bucket.fail_next(Fault::Refused);
    tokio::time::sleep(INTERVAL + INTERVAL / 2).await;
    assert_eq!(running.successes_and_failures(), (0, 1));
    let error = running.status.report().checkpoint.last_error.unwrap();
    assert!(error.contains("bucket://test/default/head") && error.contains("500"), "{error}");
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(running.successes_and_failures(), (1, 1));
    assert_eq!(running.status.report().checkpoint.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn failing_for_longer_than_three_intervals_is_told_and_one_success_ends_it() {
    let running = Running::start().await;
    running.change(1);
    // From here on in the middle between two attempts.
    tokio::time::sleep(INTERVAL / 2).await;
    for _ in 0..4 {
        assert_eq!(running.status.degraded(), [""; 0]);
        running.bucket.fail_next(Fault::Refused);
        tokio::time::sleep(INTERVAL).await;
    }
    let why = running.status.degraded().join("\n");
    assert!(why.contains("bucket://test/default/head"), "{why}");
    assert_eq!(running.successes_and_failures(), (0, 4));
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(running.successes_and_failures(), (1, 4));
    assert_eq!(running.status.degraded(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn another_owner_ends_it() {
    let mut running = Running::start().await;
    take(running.bucket.storage(), 3).await.unwrap();
    running.change(1);
    let error = (&mut running.task).await.unwrap().err().expect("fenced");
    assert!(matches!(error, CheckpointError::Fenced { .. }), "{error}");
    assert!(running.lease.is_over());
}

#[tokio::test(start_paused = true)]
async fn an_owner_with_nothing_to_write_stays_the_owner() {
    let mut running = Running::start().await;
    let mut standby = Standby::new(TTL);
    let storage = Arc::new(running.bucket.storage());
    for _ in 0..100 {
        tokio::time::sleep(TTL / 3).await;
        assert!(running.lease.is_valid());
        let error = restore(&storage, &mut standby, TERMS).await.err().expect("it lives");
        assert!(matches!(error, RestoreError::Owned { .. }), "{error}");
    }
    running.shutdown.cancel();
    (&mut running.task).await.unwrap().unwrap();
    tokio::time::sleep(TTL).await;
    assert!(!running.lease.is_valid());
    restore(&storage, &mut standby, TERMS).await.expect("it is silent");
}

#[tokio::test(start_paused = true)]
async fn an_owner_stops_before_a_standby_takes_over_and_goes_on_when_none_did() {
    let running = Running::start().await;
    tokio::time::sleep(TTL).await;
    running.bucket.set_away(true);
    tokio::time::sleep(TTL).await;
    assert!(!running.lease.is_valid());
    running.bucket.set_away(false);
    tokio::time::timeout(TTL / 5, running.lease.valid()).await.expect("renewed soon");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_slower_than_the_lease_does_not_cost_the_ownership() {
    let running = Running::start().await;
    running.change(1);
    running.bucket.slow_snapshots(4 * TTL);
    for _ in 0..4 * 15 {
        tokio::time::sleep(TTL / 15).await;
        assert!(running.lease.is_valid());
    }
    tokio::time::sleep(TTL).await;
    assert_eq!(running.successes_and_failures(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_given_back_is_free_at_once() {
    let mut running = Running::start().await;
    running.change(1);
    running.shutdown.cancel();
    let checkpointer = (&mut running.task).await.unwrap().unwrap();
    checkpointer.release().await.unwrap();
    assert!(running.lease.is_over());
    let storage = Arc::new(running.bucket.storage());
    let next = restore(&storage, &mut Standby::new(TTL), TERMS).await.unwrap();
    assert_eq!(next.lease.epoch(), running.lease.epoch() + 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_starters_one_becomes_the_owner() {
    let bucket = Arc::new(Bucket::default());
    let start = || async {
        let storage = Arc::new(bucket.storage());
        restore(&storage, &mut Standby::new(TTL), TERMS).await
    };
    let (one, two) = tokio::join!(start(), start());
    let owned =
        |result: &Result<Restored, RestoreError>| matches!(result, Err(RestoreError::Owned { .. }));
    assert!(one.is_ok() && owned(&two) || two.is_ok() && owned(&one));
}

#[tokio::test(start_paused = true)]
async fn the_ownership_is_confirmed_when_somebody_asks() {
    let running = Running::start().await;
    tokio::time::timeout(TTL / 15, running.lease.confirm()).await.expect("asked at once");
    take(running.bucket.storage(), 3).await.unwrap();
    tokio::time::advance(Duration::from_millis(1)).await;
    tokio::time::timeout(LONG, running.lease.confirm()).await.expect_err("another is the owner");
    assert!(running.lease.is_over());
}

/// How long a page waited for the present state to be covered, and whether it was.
async fn cover_page(running: &Running) -> (bool, Duration) {
    let asked = tokio::time::Instant::now();
    let is_covered = running.checkpoints.clone().cover_page(running.store.version()).await;
    (is_covered, asked.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_page_is_covered_out_of_turn_and_many_by_one_checkpoint() {
    let running = Running::start().await;
    running.change(1);
    let (is_covered, waited) = cover_page(&running).await;
    assert!(is_covered && waited < INTERVAL / 100, "{waited:?}");
    assert_eq!(running.successes_and_failures(), (1, 0));
    assert!(cover_page(&running).await.0);
    assert_eq!(running.successes_and_failures(), (1, 0), "it was covered");
    // What is being written when the others ask does not have what they wait for.
    running.bucket.slow_snapshots(INTERVAL / 10);
    running.change(2);
    let early = tokio::spawn({
        let (mut checkpoints, version) = (running.checkpoints.clone(), running.store.version());
        async move { checkpoints.cover_page(version).await }
    });
    tokio::time::sleep(INTERVAL / 20).await;
    running.change(3);
    let pages = futures_util::future::join_all((0..10).map(|_| cover_page(&running))).await;
    assert!(pages.iter().all(|(is_covered, _)| *is_covered), "{pages:?}");
    assert!(early.await.unwrap());
    assert_eq!(running.successes_and_failures(), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_wait_for_what_fails_or_hangs() {
    let running = Running::start().await;
    running.change(1);
    running.bucket.set_away(true);
    let (is_covered, waited) = cover_page(&running).await;
    assert!(!is_covered && waited < INTERVAL / 100, "{waited:?}");
    assert_eq!(running.successes_and_failures(), (0, 1));
    for _ in 0..10 {
        assert!(!cover_page(&running).await.0);
    }
    assert_eq!(running.successes_and_failures(), (0, 1), "pages do not ask again and again");
    // The next one in its turn has another result.
    running.bucket.set_away(false);
    tokio::time::sleep(INTERVAL + INTERVAL / 2).await;
    running.change(2);
    assert!(cover_page(&running).await.0);

    running.bucket.slow_snapshots(10 * INTERVAL);
    running.change(3);
    let (is_covered, waited) = cover_page(&running).await;
    assert!(!is_covered && waited > Duration::from_secs(1) && waited < 2 * INTERVAL, "{waited:?}");
    let (is_covered, waited) = cover_page(&running).await;
    assert!(!is_covered && waited < INTERVAL / 100, "{waited:?}");
    tokio::time::sleep(10 * INTERVAL).await;
    assert!(cover_page(&running).await.0, "in the end it was written");
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_wait_for_a_checkpointer_that_is_gone() {
    let mut running = Running::start().await;
    running.change(1);
    running.shutdown.cancel();
    let checkpointer = (&mut running.task).await.unwrap().unwrap();
    let page = tokio::spawn({
        let (mut checkpoints, version) = (running.checkpoints.clone(), running.store.version());
        async move { checkpoints.cover_page(version).await }
    });
    tokio::time::sleep(INTERVAL / 10).await;
    assert!(!page.is_finished(), "the last one is still to come");
    checkpointer.release().await.unwrap();
    assert!(!page.await.unwrap());
}
