//! Who waits for which push.
//!
//! A push is applied far from the request that brought it, perhaps together with others, perhaps
//! read back from a stream. Its ticket brings the answer home. Whoever gives up waiting takes the
//! ticket away; an answer that nobody waits for is dropped.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::PushError;
use crate::model::PushApplied;

/// One that no other process gives out either.
pub fn random_ticket() -> u64 {
    RandomState::new().hash_one(())
}

type Outcome = Result<PushApplied, PushError>;

/// Tickets and who holds them; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    tickets: Mutex<HashMap<u64, oneshot::Sender<Outcome>>>,
    answered: Notify,
}

impl Waiting {
    /// The outcome of the push of this ticket, once it has one.
    pub(super) fn register(&self, ticket: u64) -> Answer {
        let (sender, outcome) = oneshot::channel();
        self.0.tickets.lock().insert(ticket, sender);
        Answer { ticket, waiting: self.clone(), outcome }
    }

    /// Tells whoever waits what became of a push.
    pub fn complete(&self, ticket: u64, outcome: Outcome) {
        let holder = self.0.tickets.lock().remove(&ticket);
        if let Some(holder) = holder {
            // Not there any more: the client went away, and the push stays applied.
            drop(holder.send(outcome));
        }
        self.0.answered.notify_waiters();
    }

    /// Returns when nobody waits.
    pub(super) async fn all_answered(&self) {
        loop {
            let answered = self.0.answered.notified();
            if self.0.tickets.lock().is_empty() {
                return;
            }
            answered.await;
        }
    }
}

/// One outcome to come.
#[derive(Debug)]
pub struct Answer {
    ticket: u64,
    waiting: Waiting,
    outcome: oneshot::Receiver<Outcome>,
}

impl Future for Answer {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.outcome).poll(context).map(|outcome| {
            outcome.unwrap_or_else(|_| {
                Err(PushError::Unconfirmed { why: "another push has the same ticket".into() })
            })
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.outcome.close();
        self.waiting.0.tickets.lock().remove(&self.ticket);
        self.waiting.0.answered.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_finds_its_ticket_and_nobody_is_forgotten() {
        let waiting = Waiting::default();
        let first = waiting.register(1);
        let second = waiting.register(2);
        waiting.complete(2, Ok(PushApplied { series: 7, repeated: false }));
        waiting.complete(3, Ok(PushApplied::default()));
        assert_eq!(second.await.expect("applied").series, 7);
        let all = tokio::spawn({
            let waiting = waiting.clone();
            async move { waiting.all_answered().await }
        });
        tokio::task::yield_now().await;
        assert!(!all.is_finished(), "the first still waits");
        drop(first);
        all.await.expect("nobody waits any more");
    }
}
