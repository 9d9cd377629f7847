//! Whose turn it is to render a page.
//!
//! Rendering takes processor time and memory, so few pages are rendered at a time, and others wait.
//! Handing a page over takes as long as its client likes: that is not counted, else a few clients
//! that read slowly would keep everybody waiting. What a page under way holds of the state is
//! bounded, too: of too many, the one whose client has not read on for longest is broken off.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const OPEN: &str = "the semaphore is never closed";

/// For each page that may be rendered, so many may be under way.
const PAGES_FOR_EACH_TURN: usize = 4;

/// The turns of all pages; copies share them.
#[derive(Clone)]
pub(super) struct Turns {
    rendering: Arc<Semaphore>,
    under_way: Arc<Mutex<Vec<Arc<Delivery>>>>,
    most_under_way: usize,
    broken_off: IntCounter,
}

/// How far a page's client has come.
#[derive(Default)]
struct Delivery {
    stalled_since: Mutex<Option<Instant>>,
    break_off: CancellationToken,
}

/// One page's turn, until it is dropped. It is given up while its client does not read on.
pub(super) struct Turn {
    turns: Turns,
    delivery: Arc<Delivery>,
    rendering: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new(at_a_time: usize, broken_off: IntCounter) -> Self {
        Self {
            rendering: Arc::new(Semaphore::new(at_a_time)),
            under_way: Arc::default(),
            most_under_way: at_a_time * PAGES_FOR_EACH_TURN,
            broken_off,
        }
    }

    /// Waits for a turn.
    pub(super) async fn next(&self) -> Turn {
        let rendering = Arc::clone(&self.rendering).acquire_owned().await.expect(OPEN);
        let delivery = Arc::new(Delivery::default());
        let mut under_way = self.under_way.lock();
        if under_way.len() >= self.most_under_way {
            self.break_off_one(&under_way);
        }
        under_way.push(Arc::clone(&delivery));
        Turn { turns: self.clone(), delivery, rendering: Some(rendering) }
    }

    fn break_off_one(&self, under_way: &[Arc<Delivery>]) {
        let going_on = under_way.iter().filter(|page| !page.break_off.is_cancelled());
        let stalled = going_on.filter_map(|page| Some(((*page.stalled_since.lock())?, page)));
        if let Some((_, longest)) = stalled.min_by_key(|(since, _)| *since) {
            self.broken_off.inc();
            longest.break_off.cancel();
        }
    }
}

impl Turn {
    /// Hands over a part of the page, from a thread that may wait; an error when the client went
    /// away, or others need the place of a client that does not read.
    pub(super) fn hand_over(&mut self, to: &Sender<Bytes>, part: Bytes) -> io::Result<()> {
        let part = match to.try_send(part) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(TrySendError::Full(part)) => part,
        };
        self.rendering = None;
        *self.delivery.stalled_since.lock() = Some(Instant::now());
        let sent = async {
            tokio::select! {
                sent = to.send(part) => sent.map_err(|_| io::ErrorKind::BrokenPipe.into()),
                () = self.delivery.break_off.cancelled() => {
                    Err(io::Error::other("broken off: the client does not read, and others wait"))
                }
            }
        };
        Handle::current().block_on(sent)?;
        *self.delivery.stalled_since.lock() = None;
        let rendering = Arc::clone(&self.turns.rendering).acquire_owned();
        self.rendering = Some(Handle::current().block_on(rendering).expect(OPEN));
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.under_way.lock().retain(|page| !Arc::ptr_eq(page, &self.delivery));
    }
}
