//! The Redis-protocol port: producers `LPUSH` and `XADD` here as they do at a Redis, and what is
//! answered is kept.
//!
//! ```text
//! socket ─▶ protocol ─▶ session ─▶ one record ─▶ push::PushFront ─▶ journal ─▶ answer
//!                                                                      └─▶ source::journal ─▶ store
//! ```
//!
//! `connection` reads and answers, `protocol` takes commands apart, `session` knows what they
//! mean. What one read brings is one record of the journal; its entries are decoded like those of a
//! list or a stream, so a bad event is a dead letter and never a refusal. Nothing can be read,
//! listed, deleted or configured here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::{DoorConfig, DoorUser};
use crate::durable_files::random_bits;
use crate::expose::own_metrics::DoorMetrics;
use crate::http::Security;
use crate::model::StreamId;
use crate::push::PushFront;
use crate::telemetry::OncePerMinute;

mod add;
mod answers;
mod connection;
mod keys;
mod listener;
mod once;
mod protocol;
mod reply;
mod session;
mod trial;
mod users;

use connection::{BUDGET_PIECE_BYTES, Connection};
use keys::Keys;
pub use listener::Listener;
use once::GivenIds;
use session::Session;
pub use trial::converse;
use users::Users;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, mostly for lack of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long connections that end may take to be answered.
const DRAIN: Duration = Duration::from_secs(2);

/// Asks what is applied, so that nothing is counted as waiting that is not.
pub type Applied = Arc<dyn Fn() + Send + Sync>;

/// What all connections share.
struct Shared {
    keys: Keys,
    users: Users,
    front: PushFront,
    once: GivenIds,
    metrics: DoorMetrics,
    max_connections: usize,
    /// For deliveries that are being kept.
    budget: Arc<Semaphore>,
    budget_pieces: usize,
    run_id: String,
    port: u16,
    started: Instant,
    applied: Mutex<Option<Applied>>,
    warnings: Mutex<HashMap<&'static str, OncePerMinute>>,
}

/// Handle to the port; clones share it.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

/// What is there before the state is.
pub struct DoorParts {
    pub front: PushFront,
    pub metrics: DoorMetrics,
    /// The port that was bound; 0 for a Unix socket.
    pub port: u16,
    /// For how long an entry that may come again is remembered.
    pub window: Duration,
    /// What deliveries may take together.
    pub budget_bytes: usize,
}

impl Door {
    pub fn new(config: &DoorConfig, users: Vec<DoorUser>, parts: DoorParts) -> Self {
        let DoorParts { front, metrics, port, window, budget_bytes } = parts;
        let budget_pieces = (budget_bytes / BUDGET_PIECE_BYTES).min(Semaphore::MAX_PERMITS >> 1);
        Self {
            shared: Arc::new(Shared {
                keys: Keys::new(&config.lists, &config.streams),
                users: Users::new(users),
                front,
                once: GivenIds::new(window),
                metrics,
                max_connections: config.max_connections,
                budget: Arc::new(Semaphore::new(budget_pieces)),
                budget_pieces,
                run_id: format!("{:032x}{:08x}", random_bits(), random_bits() as u32),
                port,
                started: Instant::now(),
                applied: Mutex::default(),
                warnings: Mutex::default(),
            }),
        }
    }

    /// No id up to this one is given out any more.
    pub fn raise_id(&self, stream: &str, id: StreamId) {
        self.shared.keys.raise(stream, id);
    }

    /// From now on this can be asked.
    pub fn ask_applied(&self, applied: Applied) {
        *self.shared.applied.lock() = Some(applied);
    }

    /// Serves producers until `shutdown`, and then what they have sent.
    pub async fn serve(
        self,
        listener: Listener,
        security: Option<Security>,
        stop: CancellationToken,
    ) {
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(self.shared.max_connections));
        static IDS: AtomicU64 = AtomicU64::new(1);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            while connections.try_join_next().is_some() {}
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.shared.refused("accept", "", &error.to_string());
                    tokio::time::sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            let id = IDS.fetch_add(1, Ordering::Relaxed);
            let place = Arc::clone(&places).try_acquire_owned();
            let (shared, stop) = (Arc::clone(&self.shared), stop.clone());
            let tls = security.as_ref().and_then(|security| security.tls());
            connections.spawn(async move {
                let (stream, address) = accepted;
                let Ok(place) = place else {
                    shared.refused("connections", &address, "");
                    return turn_away(stream).await;
                };
                shared.metrics.connections.inc();
                match tls {
                    None => shared.clone().speak(stream, id, address, stop).await,
                    Some(tls) => {
                        match timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream)).await {
                            Ok(Ok(stream)) => shared.clone().speak(stream, id, address, stop).await,
                            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                            Err(_) => tracing::debug!("a TLS handshake took too long"),
                        }
                    }
                }
                shared.metrics.connections.dec();
                drop(place);
            });
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "producers' connections cut by the shutdown"
            );
        }
    }
}

/// In the words that clients know.
async fn turn_away(mut stream: impl AsyncWrite + Unpin) {
    use tokio::io::AsyncWriteExt;
    // Whoever is gone needs no answer.
    drop(stream.write_all(b"-ERR max number of clients reached\r\n").await);
}

impl Shared {
    async fn speak(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite,
        id: u64,
        address: String,
        stop: CancellationToken,
    ) {
        let session = Session::new(Arc::clone(&self), id, address);
        Connection::new(self, session, stream).serve(stop).await;
    }

    /// What is applied by now waits no more.
    fn ask_applied(&self) {
        if let Some(applied) = &*self.applied.lock() {
            applied();
        }
    }

    /// What was asked for exactly and not kept is free again.
    fn take_back(&self, exact_ids: &[(usize, StreamId, StreamId)]) {
        for (key, id, before) in exact_ids.iter().rev() {
            self.keys.take_back(*key, *id, *before);
        }
    }

    /// Counts a refusal, and tells of it once a minute.
    fn refused(&self, reason: &'static str, address: &str, what: &str) {
        self.metrics.count_refused(reason);
        let admitted = self.warnings.lock().entry(reason).or_default().admit(Instant::now());
        if let Some(suppressed) = admitted {
            tracing::warn!(reason, peer = address, what, suppressed, "a producer was refused");
        }
    }
}
