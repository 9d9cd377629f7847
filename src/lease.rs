//! The right to act as the owner of an identity, and until when it lasts.
//!
//! Whoever reads Redis, acknowledges, or serves `/metrics` holds a [`Lease`]
//! and asks it first. On disk the right comes from a file lock and lasts as
//! long as the process. In a bucket it is lent: it lasts for a term from the
//! beginning of the last renewal that succeeded, on this process' own clock. A
//! process that was paused, or cut off from the bucket, finds its lease run out
//! and stops by itself, before another may take over. Once a renewal succeeds
//! again nobody else was owner meanwhile, and it goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::model::clock::steady_clock;

/// Handle to one ownership; clones share it.
#[derive(Clone, Debug)]
pub struct Lease {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    epoch: u64,
    nonce: String,
    /// How long one renewal lasts; `None`: as long as the process.
    term: Option<Duration>,
    state: watch::Sender<State>,
    confirmation_wanted: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// When the last successful renewal was begun.
    RenewedAt(Moment),
    /// Given back, or taken by another.
    Over,
}

/// A moment on two clocks: the second goes on while the machine is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: Instant,
    awake_or_not: Duration,
}

impl Moment {
    pub fn now() -> Self {
        Self { at: Instant::now(), awake_or_not: steady_clock() }
    }

    pub fn age(&self) -> Duration {
        let now = Self::now();
        now.at
            .saturating_duration_since(self.at)
            .max(now.awake_or_not.saturating_sub(self.awake_or_not))
    }
}

impl Lease {
    /// `taken`: before the ownership was asked for. Without a `term` it needs no renewal.
    pub fn new(epoch: u64, nonce: &str, term: Option<Duration>, taken: Moment) -> Self {
        Self {
            inner: Arc::new(Inner {
                epoch,
                nonce: nonce.to_owned(),
                term,
                state: watch::Sender::new(State::RenewedAt(taken)),
                confirmation_wanted: Notify::new(),
            }),
        }
    }

    /// A lease that never runs out, for the tests of those who need one.
    #[cfg(test)]
    pub(crate) fn for_tests(epoch: u64) -> Self {
        Self::new(epoch, &format!("nonce-{epoch}"), None, Moment::now())
    }

    /// Above that of every earlier owner.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch
    }

    /// Chosen at random: tells this ownership from any other, also from one of the same epoch.
    pub fn nonce(&self) -> &str {
        &self.inner.nonce
    }

    /// Whether this process may read, acknowledge and serve at this moment.
    pub fn is_valid(&self) -> bool {
        match *self.inner.state.borrow() {
            State::RenewedAt(renewal) => self.inner.term.is_none_or(|term| renewal.age() < term),
            State::Over => false,
        }
    }

    /// Whether it was given back or taken: it will never be valid again.
    pub fn is_over(&self) -> bool {
        *self.inner.state.borrow() == State::Over
    }

    /// What is left of it; `None` when it does not run out.
    pub fn remaining(&self) -> Option<Duration> {
        let term = self.inner.term?;
        Some(match *self.inner.state.borrow() {
            State::RenewedAt(renewal) => term.saturating_sub(renewal.age()),
            State::Over => Duration::ZERO,
        })
    }

    /// Waits until it is valid; forever when it is over.
    pub async fn valid(&self) {
        let mut changes = self.inner.state.subscribe();
        while !self.is_valid() {
            // The sender lives as long as `self`.
            changes.changed().await.expect("a lease outlives those who wait for it");
        }
    }

    /// Asks the storage, and waits until it has said that this process is the owner still: a
    /// renewal that was begun after this call succeeded. Waits forever when it is not.
    pub async fn confirm(&self) {
        if self.inner.term.is_none() && !self.is_over() {
            return;
        }
        let asked = Instant::now();
        let mut changes = self.inner.state.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            if matches!(state, State::RenewedAt(renewal) if renewal.at >= asked) {
                return;
            }
            self.inner.confirmation_wanted.notify_one();
            changes.changed().await.expect("a lease outlives those who wait for it");
        }
    }

    /// Resolves when somebody wants to know at once.
    pub(crate) async fn confirmation_wanted(&self) {
        self.inner.confirmation_wanted.notified().await;
    }

    /// The storage has just confirmed the ownership.
    pub(crate) fn renew(&self, begun: Moment) {
        self.inner.state.send_modify(|state| {
            if *state != State::Over {
                *state = State::RenewedAt(begun);
            }
        });
    }

    /// Given back, or found to be another's.
    pub(crate) fn end(&self) {
        self.inner.state.send_replace(State::Over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(12);

    #[tokio::test(start_paused = true)]
    async fn it_runs_out_unless_it_is_renewed() {
        let lease = Lease::new(1, "a", Some(TERM), Moment::now());
        tokio::time::advance(TERM - Duration::from_millis(1)).await;
        assert!(lease.is_valid());
        let begun = Moment::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!lease.is_valid());
        lease.renew(begun);
        assert!(lease.is_valid());
        assert_eq!(lease.remaining(), Some(TERM - Duration::from_millis(1)));
        lease.valid().await;
        lease.end();
        lease.renew(Moment::now());
        assert!(lease.is_over() && !lease.is_valid(), "what is over stays over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_needs_no_renewal() {
        let lease = Lease::for_tests(1);
        tokio::time::advance(TERM * 1000).await;
        assert!(lease.is_valid());
        lease.confirm().await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_renewal_begun_after_the_question_confirms() {
        let lease = Lease::new(1, "a", Some(TERM), Moment::now());
        let before = Moment::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        let asking = tokio::spawn({
            let lease = lease.clone();
            async move { lease.confirm().await }
        });
        lease.confirmation_wanted().await;
        lease.renew(before);
        lease.confirmation_wanted().await;
        assert!(!asking.is_finished(), "that renewal was begun before the question");
        tokio::time::advance(Duration::from_millis(1)).await;
        lease.renew(Moment::now());
        asking.await.expect("confirmed");
    }
}
