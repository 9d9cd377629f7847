//! What many sources hold at the same time, and in which order it is applied.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;
use crate::decode::StreamPushes;
use crate::expose::own_metrics::LateStore;
use crate::model::{Body, ListPosition, Locator, RawEntry};

const SOURCES: usize = 16;
const PAGES: u64 = 50;
const WORKERS: usize = 2;

/// Pages of all sources.
#[derive(Default)]
struct Count {
    read: AtomicUsize,
    /// The most that were read and not applied.
    most_held: AtomicUsize,
}

/// A list in which each page is a segment of one item; always there at once.
struct Pages {
    key: SourceKey,
    store: Store,
    read: u64,
    count: Arc<Count>,
}

impl Pages {
    fn new(number: usize, store: &Store, count: &Arc<Count>) -> Self {
        let key = SourceKey { kind: SourceKind::List, key: format!("list-{number}") };
        Self { key, store: store.clone(), read: 0, count: count.clone() }
    }

    /// This source has read one more.
    fn count(&self) {
        let applied = self.store.positions().into_iter().map(|(_, position)| match position {
            Position::List(ListPosition { segment, remaining: Some(0) }) => segment as usize,
            _ => 0,
        });
        let read = self.count.read.fetch_add(1, Ordering::Relaxed) + 1;
        let held = read - applied.sum::<usize>();
        self.count.most_held.fetch_max(held, Ordering::Relaxed);
    }
}

impl Source for Pages {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store, _: &mut Cover) -> Result<(), SourceError> {
        store.reposition(&self.key, |position| {
            *position = Some(Position::List(ListPosition { segment: 1, remaining: None }));
            0
        });
        Ok(())
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        if self.read == PAGES {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Ok(Reading { tail_reached: true, ..Reading::default() });
        }
        self.read += 1;
        self.count();
        let body = Body::Payload(r#"{"name":"a","value":1}"#.into());
        let locator = Locator::Item { segment: self.read, index: 0 };
        Ok(Reading {
            entries: vec![RawEntry { locator, body }],
            // Refused, and the page lost, unless it is the next one.
            advance: Some(Advance::List { segment: self.read, from: 1, to: 0 }),
            ..Reading::default()
        })
    }

    fn disconnect(&mut self) {
        panic!("nothing fails");
    }
}

fn context(store: &Store) -> Context {
    let status = Status::new();
    let dead_letters = DeadLetters::new(1);
    let (_, progress) = watch::channel(Default::default());
    Context {
        store: store.clone(),
        decode: Arc::new(DecodeOptions {
            sort_labels: true,
            utf8_names: false,
            stream_pushes: StreamPushes::default(),
            hasher: store.hasher(),
        }),
        own_metrics: OwnMetrics::new(
            status.clone(),
            LateStore::default(),
            dead_letters.clone(),
            true,
        ),
        status,
        dead_letters,
        waiting: Waiting::default(),
        decoding: Decoding::new(WORKERS),
        lease: Lease::for_tests(1),
        checkpoints: OutOfTurn::new(Arc::default(), progress),
        restored_from: Timestamp::default(),
        shutdown: CancellationToken::new(),
    }
}

/// Reads that many lists to their ends; the most pages that were held at a time.
async fn most_held(sources: usize) -> usize {
    let store = Store::new(10);
    let context = context(&store);
    let count = Arc::new(Count::default());
    let mut running = JoinSet::new();
    for number in 0..sources {
        running.spawn(run(Pages::new(number, &store, &count), context.clone()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    context.shutdown.cancel();
    running.join_all().await;
    let ended = Position::List(ListPosition { segment: PAGES, remaining: Some(0) });
    let positions = store.positions();
    assert_eq!(positions.len(), sources);
    assert!(positions.into_iter().all(|(_, position)| position == ended), "all is applied");
    count.most_held.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_alone_has_as_many_pages_as_workers_and_the_next() {
    assert_eq!(most_held(1).await, WORKERS + 1);
}

#[tokio::test(start_paused = true)]
async fn many_sources_hold_a_page_each_and_what_one_alone_would() {
    let most = most_held(SOURCES).await;
    assert!(most <= SOURCES + WORKERS + 1, "{most} pages at a time");
}
