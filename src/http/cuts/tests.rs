//! Who shares a cut with whom, and how many wait.

use super::*;
use crate::dead_letters::DeadLetters;
use crate::expose::own_metrics::LateStore;
use crate::status::Status;

struct Asking {
    cuts: Cuts,
    store: Store,
    own_metrics: OwnMetrics,
}

impl Asking {
    fn new() -> Self {
        let own_metrics =
            OwnMetrics::new(Status::new(), LateStore::default(), DeadLetters::new(1), false);
        Self { cuts: Cuts::default(), store: Store::new(1000), own_metrics }
    }

    fn ask(&self) -> impl Future<Output = Taken> {
        self.cuts.take(&self.store, &self.own_metrics)
    }

    async fn get(&self) -> Arc<Waiting> {
        self.ask().await.expect("a cut")
    }
}

#[tokio::test]
async fn a_hundred_pages_that_wait_hold_two_cuts_and_share_the_third() {
    let asking = Asking::new();
    let (first, second) = (asking.get().await, asking.get().await);
    assert!(!Arc::ptr_eq(&first, &second), "the second is newer than its request");
    let mut pages: Vec<_> = (0..100).map(|_| Box::pin(asking.ask())).collect();
    for page in &mut pages {
        assert!(page.now_or_never().is_none(), "there is no room for a third");
    }
    // One that gives up takes nobody's cut along, though it was the first to ask.
    drop(pages.remove(0));
    // Being rendered takes up a turn, and no room.
    let view = Arc::clone(&first.view);
    drop(first);
    let pages = futures_util::future::join_all(pages).await;
    let pages: Vec<_> = pages.into_iter().map(|page| page.expect("a cut")).collect();
    assert!(pages.iter().all(|page| Arc::ptr_eq(page, &pages[0])));
    assert!(!Arc::ptr_eq(&pages[0].view, &view) && !Arc::ptr_eq(&pages[0], &second));
    assert_eq!(asking.cuts.room.available_permits(), 0);
    drop((second, pages));
    assert_eq!(asking.cuts.room.available_permits(), AT_A_TIME);
}

#[tokio::test]
async fn a_cut_that_everybody_gave_up_keeps_nobody_waiting() {
    let asking = Asking::new();
    let held = (asking.get().await, asking.get().await);
    assert!(Box::pin(asking.ask()).now_or_never().is_none());
    drop(held);
    asking.get().await;
    assert_eq!(asking.cuts.room.available_permits(), AT_A_TIME);
}

#[tokio::test]
async fn a_cut_that_is_taken_is_for_nobody_who_asks_later() {
    let asking = Asking::new();
    let held = (asking.get().await, asking.get().await);
    let mut slow = Box::pin(asking.ask());
    assert!(slow.as_mut().now_or_never().is_none());
    drop(held);
    let first = asking.get().await;
    let later = asking.get().await;
    assert!(!Arc::ptr_eq(&first, &later));
    assert!(Arc::ptr_eq(&slow.await.expect("a cut"), &first), "asked for before it was taken");
}
