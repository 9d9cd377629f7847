//! The places of a listener: how many may be connected, and who makes room for whom.
//!
//! A limit that let newcomers wait would let those who hold connections shut out those who watch:
//! a few hundred pushers that keep theirs open, or clients that never ask for anything. So
//! everybody is accepted, and the connection that has been idle longest goes. Where none is idle,
//! there are [`RESERVE`] places more, which pushes cannot take: of them no more are served at a
//! time than there are ordinary places, the others wait, and when the reserve is full, the one that
//! has waited longest is told to come again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::expose::own_metrics::HttpMetrics;
use crate::telemetry::OncePerMinute;

/// A connection that has been idle for less may be about to ask.
const ABOUT_TO_ASK: Duration = Duration::from_millis(500);

/// Places beside the ordinary ones, for those who read.
pub(super) const RESERVE: usize = 32;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The places of one listener; copies share them.
#[derive(Clone)]
pub(super) struct Places {
    inner: Arc<Inner>,
}

struct Inner {
    limit: usize,
    /// Pushes and orders that may be served at the same time.
    writes: Arc<Semaphore>,
    open: Mutex<Open>,
    /// A connection was closed, or is idle now.
    changed: Notify,
    metrics: HttpMetrics,
    warnings: Mutex<Warnings>,
}

#[derive(Default)]
struct Warnings {
    full: OncePerMinute,
    turned_away: OncePerMinute,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
}

/// What a connection does.
struct Connection {
    doing: Mutex<Doing>,
    /// Bytes of an answer wait for the client to read on.
    writing: AtomicBool,
    /// Cancelled when it has to make room.
    leave: CancellationToken,
}

#[derive(Clone, Copy)]
enum Doing {
    /// Nothing, or it has not asked yet.
    Idle {
        since: Instant,
    },
    /// It has asked, and its turn has not come.
    Waiting {
        since: Instant,
    },
    Serving,
}

/// One connection's place, until it is dropped.
pub(super) struct Place {
    id: u64,
    connection: Arc<Connection>,
    inner: Arc<Inner>,
}

/// A request that is being served, until it is dropped.
pub(super) struct Serving {
    place: Arc<Place>,
    _write: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new(limit: usize, metrics: HttpMetrics) -> Self {
        let inner = Inner {
            limit,
            writes: Arc::new(Semaphore::new(limit)),
            open: Mutex::default(),
            changed: Notify::new(),
            metrics,
            warnings: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A place for a connection that was accepted. It waits only while everybody is being served, or
    /// came just now.
    pub(super) async fn take(&self) -> Arc<Place> {
        loop {
            let changed = self.inner.changed.notified();
            if let Some(place) = self.try_take() {
                return Arc::new(place);
            }
            // Also time makes room: who came just now has been idle for long some time.
            timeout(ABOUT_TO_ASK / 10, changed).await.ok();
        }
    }

    fn try_take(&self) -> Option<Place> {
        let Inner { limit, metrics, .. } = &*self.inner;
        let mut open = self.inner.open.lock();
        let leaving = |connection: &&Arc<Connection>| connection.leave.is_cancelled();
        let count = open.connections.len();
        let staying = count - open.connections.values().filter(leaving).count();
        if staying >= *limit {
            self.warn();
            self.make_room(&open, count >= limit + RESERVE);
        }
        if count >= limit + RESERVE {
            return None;
        }
        let connection = Arc::new(Connection {
            doing: Mutex::new(Doing::Idle { since: Instant::now() }),
            writing: AtomicBool::new(false),
            leave: CancellationToken::new(),
        });
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, Arc::clone(&connection));
        metrics.connections.inc();
        Some(Place { id, connection, inner: Arc::clone(&self.inner) })
    }

    /// Closes the connection that has been idle longest, for want of what connections need.
    pub(super) fn close_one(&self) {
        self.make_room(&self.inner.open.lock(), true);
    }

    /// The one that has been idle longest leaves. Where none has been for long, and `everything` is
    /// taken, the one that has waited longest does, and is told so.
    fn make_room(&self, open: &Open, everything: bool) {
        let longest = |since: fn(&Connection) -> Option<Instant>| {
            let staying = open.connections.values().filter(|one| !one.leave.is_cancelled());
            let since = |one: &Arc<Connection>| Some((since(one)?, Arc::clone(one)));
            staying.filter_map(since).min_by_key(|(since, _)| *since)
        };
        let idle = longest(Connection::idle_since);
        if let Some((_, idle)) = idle.filter(|(since, _)| since.elapsed() >= ABOUT_TO_ASK) {
            self.inner.metrics.idle_connections_closed.inc();
            idle.leave.cancel();
        } else if everything && let Some((_, waiting)) = longest(Connection::waiting_since) {
            waiting.leave.cancel();
        }
    }

    fn warn(&self) {
        if let Some(suppressed) = self.inner.warnings.lock().full.admit(Instant::now()) {
            tracing::warn!(
                limit = self.inner.limit,
                suppressed,
                "as many HTTP connections are open as Http.MaxConnections allows; those that are \
                 idle longest are closed to make room"
            );
        }
    }
}

impl Inner {
    fn turned_away(&self) {
        self.metrics.requests_turned_away.inc();
        if let Some(suppressed) = self.warnings.lock().turned_away.admit(Instant::now()) {
            tracing::warn!(
                limit = self.limit,
                suppressed,
                "a request waited in vain for its turn and was answered with 503: as many as \
                 Http.MaxConnections allows are being served, or many passwords are being checked"
            );
        }
    }
}

impl Connection {
    fn idle_since(&self) -> Option<Instant> {
        match *self.doing.lock() {
            Doing::Idle { since } if !self.writing.load(Ordering::Relaxed) => Some(since),
            _ => None,
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        match *self.doing.lock() {
            Doing::Waiting { since } => Some(since),
            _ => None,
        }
    }
}

impl Place {
    /// Whether nothing was asked, or all was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.idle_since().is_some()
    }

    /// When it has to make room.
    pub(super) fn left(&self) -> WaitForCancellationFuture<'_> {
        self.connection.leave.cancelled()
    }

    /// Whether bytes of an answer wait for the client.
    pub(super) fn set_writing(&self, writing: bool) {
        self.connection.writing.store(writing, Ordering::Relaxed);
    }

    /// A request has come. Who reads is served; who writes, when it is his turn. `None`: he has to
    /// come again.
    pub(super) async fn serve(self: Arc<Self>, reads: bool) -> Option<Serving> {
        if reads {
            self.set(Doing::Serving);
            return Some(Serving { place: self, _write: None });
        }
        let writes = Arc::clone(&self.inner.writes);
        let write = match Arc::clone(&writes).try_acquire_owned() {
            Ok(write) => Some(write),
            Err(_) => self.wait(writes.acquire_owned()).await.and_then(Result::ok),
        };
        match write {
            Some(_) => {
                self.set(Doing::Serving);
                Some(Serving { place: self, _write: write })
            }
            None => {
                self.set(Doing::Idle { since: Instant::now() });
                None
            }
        }
    }

    /// Waits for something that is scarce, for so long, and unless somebody else needs the place.
    pub(super) async fn wait<T>(&self, turn: impl Future<Output = T>) -> Option<T> {
        let before = self.set(Doing::Waiting { since: Instant::now() });
        let turn = tokio::select! {
            turn = turn => Some(turn),
            () = self.left() => None,
            () = sleep(PATIENCE) => None,
        };
        self.set(before);
        if turn.is_none() {
            self.inner.turned_away();
        }
        turn
    }

    fn set(&self, doing: Doing) -> Doing {
        std::mem::replace(&mut self.connection.doing.lock(), doing)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.place.set(Doing::Idle { since: Instant::now() });
        self.place.inner.changed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.open.lock().connections.remove(&self.id);
        self.inner.metrics.connections.dec();
        self.inner.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
