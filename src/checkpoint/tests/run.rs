//! The checkpointer as a task, on paused time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::*;
use super::queue;
use crate::checkpoint::storage::tests::{Bucket, Fault};
use crate::model::ListPosition;
use crate::status::Status;
use crate::store::Store;

const INTERVAL: Duration = Duration::from_secs(5);

/// Longer than everything that is due takes.
const LONG: Duration = Duration::from_secs(600);

struct Running {
    bucket: Arc<Bucket>,
    store: Store,
    status: Status,
    shutdown: CancellationToken,
    task: JoinHandle<Result<Checkpointer, CheckpointError>>,
}

impl Running {
    async fn start() -> Self {
        let bucket = Arc::new(Bucket::default());
        let (store, status) = (Store::new(1000), Status::new());
        let shutdown = CancellationToken::new();
        let checkpointer = restore(bucket.storage(), 3).await.unwrap().checkpointer;
        let run = checkpointer.run(store.clone(), status.clone(), INTERVAL, shutdown.clone());
        Self { bucket, store, status, shutdown, task: tokio::spawn(run) }
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
    assert!(restore(running.bucket.storage(), 3).await.unwrap().clean_shutdown);
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
async fn another_owner_ends_it() {
    let mut running = Running::start().await;
    running.status.ownership(|report| report.owner = true);
    restore(running.bucket.storage(), 3).await.unwrap();
    running.change(1);
    let error = (&mut running.task).await.unwrap().err().expect("fenced");
    assert!(matches!(error, CheckpointError::Fenced { .. }), "{error}");
    assert!(!running.status.report().ownership.owner);
}
