//! Cuts of the state for pages, shared by the pages that were asked for before one was taken.
//!
//! A page shows nothing older than its request, so it needs a cut of its own time; and with that it
//! may have to wait for a snapshot ([`settling`](super::settling)) and for its turn to be rendered.
//! A hundred scrapers while the storage is slow must not hold a hundred copies of the state, nor a
//! turn that others could use. So few cuts wait; whoever asks meanwhile waits without one, and the
//! next cut, which is newer than all of their requests, is for all of them.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::WeakShared;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::Shared;
use super::turns::Turn;
use crate::expose::own_metrics::OwnMetrics;
use crate::model::Timestamp;
use crate::store::{Cut, Family, Store};

/// One that the checkpoint being written covers, and one that is left to the next.
const AT_A_TIME: usize = 2;

/// What pages show, as it was at one moment.
pub(super) struct View {
    /// The gateway's own metrics.
    pub(super) own: Vec<Family>,
    pub(super) cut: Cut,
}

/// A view that is not being rendered yet: as long as somebody has it, it takes up room.
pub(super) struct Waiting {
    view: Arc<View>,
    _room: OwnedSemaphorePermit,
}

type Taken = Result<Arc<Waiting>, Arc<JoinError>>;
type Taking = Pin<Box<dyn Future<Output = Taken> + Send>>;

/// The cuts of all pages; copies share them.
#[derive(Clone)]
pub(super) struct Cuts {
    room: Arc<Semaphore>,
    /// The next cut, until it is taken or nobody waits for it any more.
    next: Arc<Mutex<Option<WeakShared<Taking>>>>,
}

/// What a page is to show, once it may, and the turn to render it.
pub(super) async fn settled(
    shared: &Shared,
    store: &Store,
) -> Result<(Turn, Arc<View>), Arc<JoinError>> {
    let Shared { context, cuts, turns, .. } = shared;
    let waiting = cuts.take(store, &context.own_metrics).await?;
    context.settling.settle(&waiting.view.cut, &context.own_metrics).await;
    let turn = turns.next().await;
    Ok((turn, Arc::clone(&waiting.view)))
}

impl Default for Cuts {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_A_TIME)), next: Arc::default() }
    }
}

impl Cuts {
    /// A cut that is taken after this call.
    async fn take(&self, store: &Store, own_metrics: &OwnMetrics) -> Taken {
        let taking = {
            let mut next = self.next.lock();
            next.as_ref().and_then(WeakShared::upgrade).unwrap_or_else(|| {
                let taking: Taking =
                    Box::pin(self.clone().taking(store.clone(), own_metrics.clone()));
                let taking = taking.shared();
                *next = taking.downgrade();
                taking
            })
        };
        taking.await
    }

    async fn taking(self, store: Store, own_metrics: OwnMetrics) -> Taken {
        let room = self.room.acquire_owned().await.expect("the semaphore is never closed");
        // Whoever asks from here on may know of something that this cut does not have.
        *self.next.lock() = None;
        let taken = tokio::task::spawn_blocking(move || {
            // In this order: what we count is in the cut, and settled with it.
            let own = own_metrics.families();
            let cut = store.scrape(Timestamp::now());
            Arc::new(Waiting { view: Arc::new(View { own, cut }), _room: room })
        });
        taken.await.map_err(Arc::new)
    }
}

#[cfg(test)]
mod tests;
