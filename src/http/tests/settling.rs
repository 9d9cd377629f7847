//! Pages wait until a snapshot covers which series they show, and then show those.

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::checkpoint::OutOfTurn;
use crate::checkpoint::out_of_turn::Progress;
use crate::model::Advance;
use crate::store::test_batch::BatchBuilder;

/// A gateway whose snapshots are written when the test says so.
struct Held {
    gateway: Gateway,
    wanted: Arc<Notify>,
    progress: watch::Sender<Progress>,
    /// Items of the list that are not applied yet.
    remaining: Mutex<u64>,
}

impl Held {
    async fn start() -> Self {
        Self::start_with(limits()).await
    }

    async fn start_with(limits: HttpLimits) -> Self {
        let gateway = Gateway::start_with(limits).await;
        gateway.restore(1);
        let (wanted, progress) = (Arc::new(Notify::new()), watch::Sender::default());
        let checkpoints = OutOfTurn::new(Arc::clone(&wanted), progress.subscribe());
        gateway.context.settling.begin(checkpoints);
        Self { gateway, wanted, progress, remaining: Mutex::new(100) }
    }

    fn store(&self) -> &Store {
        self.gateway.context.store.get().expect("it is restored")
    }

    /// Applies an event of this series.
    fn count(&self, name: &str) {
        let key = SourceKey { kind: SourceKind::List, key: "queue".into() };
        let list =
            |remaining| crate::model::ListPosition { segment: 1, remaining: Some(remaining) };
        let mut remaining = self.remaining.lock();
        self.store().reposition(&key, |position| {
            *position = Some(Position::List(list(*remaining)));
            0
        });
        let batch = BatchBuilder::new(self.store().hasher()).counter(name, "", 1.0).build();
        let advance = Advance::List { segment: 1, from: *remaining, to: *remaining - 1 };
        let now = Timestamp::now();
        self.store().apply(&key, &batch, &advance, now, now).expect("it follows");
        *remaining -= 1;
    }

    fn ask(&self, path: &str) -> JoinHandle<String> {
        let (address, path) = (self.gateway.address, path.to_owned());
        tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            client.ask("GET", &path, "Connection: close\r\n").await;
            let answer = timeout(LIMIT, client.answer("GET")).await.expect("an answer in time");
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.text()
        })
    }

    /// Asks for what has to wait; returns once it does.
    async fn ask_and_wait(&self, path: &str) -> JoinHandle<String> {
        let page = self.ask(path);
        timeout(LIMIT, self.wanted.notified()).await.expect("a checkpoint is asked for");
        assert!(!page.is_finished(), "{path}");
        page
    }

    fn covers(&self, version: u64) {
        self.progress.send_modify(|progress| progress.covered = version);
    }
}

#[tokio::test]
async fn a_page_that_shows_a_new_series_waits_for_its_snapshot_and_shows_no_newer_one() {
    let held = Held::start().await;
    held.count("first_total");
    let first = held.store().version();
    let page = held.ask_and_wait("/metrics").await;
    held.count("second_total");
    held.covers(first - 1);
    held.covers(first);
    let text = page.await.expect("a page");
    assert!(text.contains("\nfirst_total 1\n"), "{text}");
    assert!(!text.contains("second_total"), "{text}");
    assert!(text.contains("prom_stream_gateway_unsettled_pages_total 0\n"), "{text}");

    let page = held.ask_and_wait("/metrics").await;
    let groups = held.ask_and_wait("/api/v1/metrics").await;
    for path in ["/-/metrics", "/-/ready", "/api/v1/status"] {
        held.ask(path).await.expect("what shows no series does not wait");
    }
    assert!(!page.is_finished() && !groups.is_finished());
    held.covers(held.store().version());
    let text = page.await.expect("a page");
    assert!(text.contains("\nsecond_total 1\n"), "{text}");
    groups.await.expect("the groups");

    // Series that are known go on, whatever is written.
    held.count("second_total");
    let text = held.ask("/metrics").await.expect("a page");
    assert!(text.contains("\nsecond_total 2\n"), "{text}");
    held.gateway.stop().await;
}

#[tokio::test]
async fn a_page_is_served_where_no_snapshot_can_be_written() {
    let held = Held::start().await;
    held.count("first_total");
    let page = held.ask_and_wait("/metrics").await;
    held.progress.send_modify(|progress| {
        progress.begun += 1;
        progress.ended += 1;
    });
    page.await.expect("a page");
    // The next ones do not ask before another attempt has ended.
    held.ask("/api/v1/metrics").await.expect("the groups");
    let own = held.ask("/-/metrics").await.expect("a page");
    assert!(own.contains("prom_stream_gateway_unsettled_pages_total 2\n"), "{own}");
    held.gateway.stop().await;
}

/// Pages that wait hold no turn, so that those that may be shown are rendered in the meantime.
#[tokio::test]
async fn who_waits_for_a_snapshot_keeps_nobody_from_being_rendered() {
    let limits = HttpLimits { concurrent_scrapes: 1, ..limits() };
    let held = Held::start_with(limits).await;
    held.count("first_total");
    let first = held.store().version();
    let early = held.ask_and_wait("/metrics").await;
    held.count("second_total");
    let late = held.ask_and_wait("/api/v1/metrics").await;
    // A hundred more share what they wait with.
    let pages: Vec<_> = (0..100).map(|_| held.ask("/metrics")).collect();
    held.covers(first);
    early.await.expect("a page");
    assert!(!late.is_finished(), "it shows what is not covered");
    held.covers(held.store().version());
    late.await.expect("the groups");
    for page in pages {
        let text = page.await.expect("a page");
        assert!(text.contains("\nsecond_total 1\n"), "{text}");
    }
    held.gateway.stop().await;
}
