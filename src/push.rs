//! The way of a push: interpreted, checked, kept, applied, answered.
//!
//! [`PushFront`] is what HTTP knows of it. A push is answered when it is part of the state and what
//! keeps it (the journal, or the stream that it was added to) has it for good; so whoever got a 2xx
//! finds it on the next page, and after a crash.
//!
//! ```text
//! submit ─▶ interpret ─▶ Store::check ─▶ keeper ─▶ [journal | stream] ─▶ source ─▶ Store::apply
//!    ▲                                                                                  │
//!    └───────────────────────────── Waiting, by ticket ◀───────────────────────────────┘
//! ```
//!
//! It is kept before it is applied, never the other way round: a page must not show what a crash
//! could take back. Many pushes are kept together, with one sync.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::mpsc;

use crate::decode::DecodeOptions;
use crate::decode::push::{PushRequest, interpret};
use crate::lease::Lease;
use crate::model::{Push, PushApplied, PushRefusal, Reason};
use crate::store::Store;

mod backlog;
pub mod journal_keeper;
mod waiting;

pub use backlog::{Backlog, Counted};
pub use waiting::{Answer, Waiting, random_ticket};

/// Bodies above this are parsed on a thread of their own: it takes milliseconds.
const LARGE_BODY_BYTES: usize = 128 << 10;

/// How long a push may wait to be applied: a replay may be before it.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pushes that wait to be kept; more wait in their connections.
const MOST_WAITING: usize = 4096;

/// Takes pushes; clones share it.
#[derive(Clone, Default)]
pub struct PushFront {
    state: Arc<RwLock<FrontState>>,
}

/// Whether pushes are taken.
enum FrontState {
    /// Not yet, and why.
    Closed(String),
    Open(OpenFront),
    /// Not any more.
    Ended,
}

impl Default for FrontState {
    fn default() -> Self {
        Self::Closed(NOT_TAKING.into())
    }
}

const NOT_TAKING: &str = "not taking pushes: restoring, standing by or stopping; see /-/ready";

/// What an open front works with.
#[derive(Clone)]
struct OpenFront {
    store: Store,
    decode: Arc<DecodeOptions>,
    lease: Lease,
    waiting: Waiting,
    keeper: mpsc::Sender<Pending>,
}

/// What is on its way to what keeps it.
#[derive(Debug)]
pub struct Pending {
    /// Who waits for it.
    pub ticket: u64,
    /// A push that is interpreted already, answered when it is applied; `None`: a delivery, which is
    /// answered when it is kept.
    pub push: Option<Arc<Push>>,
    /// See [`PushRequest::to_record`] and [`DeliveryWriter`](crate::decode::delivery::DeliveryWriter).
    pub record: Bytes,
    /// Of a delivery, how much of it waits to be applied.
    pub backlog: Option<Counted>,
}

impl AsRef<[u8]> for Pending {
    fn as_ref(&self) -> &[u8] {
        &self.record
    }
}

impl Pending {
    /// This one and those that wait right behind it: so many, and of about so many bytes together
    /// unless a single one is larger.
    pub fn gather(
        self,
        behind: &mut mpsc::Receiver<Self>,
        most: usize,
        about_bytes: usize,
    ) -> Vec<Self> {
        let mut size_bytes = self.record.len();
        let mut together = vec![self];
        while together.len() < most && size_bytes < about_bytes {
            let Ok(next) = behind.try_recv() else { break };
            size_bytes += next.record.len();
            together.push(next);
        }
        together
    }
}

/// What is left to do for a push that was interpreted and checked.
enum Prepared {
    /// Nothing: its idempotency key was applied before.
    Repeated(PushApplied),
    New(Pending),
}

/// Why a push was not applied, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// The request is wrong: sending it again is of no use.
    #[error(transparent)]
    Refused(#[from] PushRefusal),
    /// Nothing was applied: not the owner, still restoring, stopping, no room on the disk.
    #[error("{why}")]
    Unavailable { why: String },
    /// It is kept, and may be applied later: sending it again is safe only with an idempotency key.
    #[error("{why}")]
    Unconfirmed { why: String },
}

impl PushFront {
    /// Takes pushes from now on, unless it was closed; returns where the keeper finds them.
    pub fn open(
        &self,
        store: Store,
        decode: Arc<DecodeOptions>,
        lease: Lease,
        waiting: Waiting,
    ) -> mpsc::Receiver<Pending> {
        let (keeper, pending) = mpsc::channel(MOST_WAITING);
        let mut state = self.state.write();
        if !matches!(*state, FrontState::Ended) {
            *state = FrontState::Open(OpenFront { store, decode, lease, waiting, keeper });
        }
        pending
    }

    /// What pushes are answered until it is opened.
    pub fn refuse(&self, why: String) {
        let mut state = self.state.write();
        if matches!(*state, FrontState::Closed(_)) {
            *state = FrontState::Closed(why);
        }
    }

    /// Takes no more, and lets those on their way finish.
    pub async fn close(&self) {
        let before = std::mem::replace(&mut *self.state.write(), FrontState::Ended);
        if let FrontState::Open(OpenFront { waiting, .. }) = before {
            waiting.all_answered().await;
        }
    }

    /// Why nothing is taken, if so.
    pub fn why_closed(&self) -> Option<String> {
        match &*self.state.read() {
            FrontState::Open(_) => None,
            FrontState::Closed(why) => Some(why.clone()),
            FrontState::Ended => Some(NOT_TAKING.into()),
        }
    }

    fn opened(&self) -> Result<OpenFront, PushError> {
        match &*self.state.read() {
            FrontState::Open(front) => Ok(front.clone()),
            FrontState::Closed(why) => Err(PushError::Unavailable { why: why.clone() }),
            FrontState::Ended => Err(PushError::Unavailable { why: NOT_TAKING.into() }),
        }
    }

    /// Hands a delivery over; what is returned has an answer once a crash would not lose it. Nothing
    /// of it is applied if it is not handed over within `patience`.
    pub async fn deliver(
        &self,
        record: Bytes,
        backlog: Counted,
        patience: Duration,
    ) -> Result<Answer, PushError> {
        let front = self.opened()?;
        let slow = || PushError::Unavailable { why: "the disk of the journal is slow".into() };
        // Whoever is answered too late has sent it again by then.
        if front.waiting.kept_waiting() > patience {
            return Err(slow());
        }
        let ticket = random_ticket();
        let pending = Pending { ticket, push: None, record, backlog: Some(backlog) };
        let handed_over = tokio::time::timeout(patience, front.hand_over(pending)).await;
        handed_over.unwrap_or_else(|_| Err(slow()))
    }

    /// Applies a push, all of it or nothing; returns once a scrape would show it and a crash would
    /// not lose it.
    pub async fn submit(&self, request: PushRequest) -> Result<PushApplied, PushError> {
        let front = self.opened()?;
        let request = Arc::new(request);
        let refusal = match front.submit(Arc::clone(&request)).await {
            Err(PushError::Refused(refusal)) => refusal,
            other => return other,
        };
        // In the dialect that keeps score of it, the failure is a push of its own. What could not
        // even be parsed leaves no trace, as with the Pushgateway.
        if refusal.reason != Reason::InvalidExposition
            && let Some(failed) = request.failed()
            && let Err(error) = front.submit(Arc::new(failed)).await
        {
            tracing::debug!(%error, "the time of a failed push is not recorded");
        }
        Err(refusal.into())
    }
}

impl OpenFront {
    /// To what keeps it.
    async fn hand_over(&self, pending: Pending) -> Result<Answer, PushError> {
        if !self.lease.is_valid() {
            return Err(PushError::Unavailable {
                why: "standby: the ownership of this identity is not confirmed".into(),
            });
        }
        let answer = self.waiting.register(pending.ticket);
        match self.keeper.send(pending).await {
            Ok(()) => Ok(answer),
            Err(_) => Err(PushError::Unavailable { why: "stopping".into() }),
        }
    }

    async fn submit(&self, request: Arc<PushRequest>) -> Result<PushApplied, PushError> {
        let prepared = if request.body.len() > LARGE_BODY_BYTES {
            let front = self.clone();
            let prepared = tokio::task::spawn_blocking(move || front.prepare(&request)).await;
            match prepared {
                Ok(prepared) => prepared?,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        } else {
            self.prepare(&request)?
        };
        match prepared {
            Prepared::Repeated(applied) => Ok(applied),
            Prepared::New(pending) => self.keep_and_apply(pending).await,
        }
    }

    /// Refuses here what need not be kept.
    fn prepare(&self, request: &PushRequest) -> Result<Prepared, PushRefusal> {
        let push = interpret(request, &self.decode)?;
        let applied = self.store.check(&push)?;
        Ok(match applied.repeated {
            true => Prepared::Repeated(applied),
            false => Prepared::New(Pending {
                ticket: push.ticket,
                push: Some(push),
                record: request.to_record().into(),
                backlog: None,
            }),
        })
    }

    async fn keep_and_apply(&self, pending: Pending) -> Result<PushApplied, PushError> {
        let answer = self.hand_over(pending).await?;
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
            Err(PushError::Unconfirmed {
                why: format!(
                    "kept, and not applied within {PATIENCE:?}: a replay is before it, or another \
                     gateway of the group has it; it will be applied"
                ),
            })
        })
    }
}
