//! Idempotency keys that were applied not long ago.
//!
//! Age is told by when pushes were received, not by the clock: so a replay decides as the first run
//! did, however much later it is.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::AppliedKey;
use super::refusal::Refusal;
use crate::model::push::IdempotencyKey;
use crate::model::{Reason, Timestamp};

/// How many keys are remembered; beyond that, pushes that bring one are refused until others are
/// forgotten.
const MOST_KEYS: usize = 1_000_000;
const DEFAULT_WINDOW: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
pub(super) struct AppliedKeys {
    window: Duration,
    most: usize,
    /// In the order applied.
    order: VecDeque<AppliedKey>,
    /// By key: the request's fingerprint, and when it was applied last.
    known: HashMap<[u8; 16], (u64, Timestamp)>,
}

impl AppliedKeys {
    pub(super) fn restore(keys: Vec<AppliedKey>) -> Self {
        let known = keys.iter().map(|AppliedKey { key, at }| (key.key, (key.fingerprint, *at)));
        Self { window: DEFAULT_WINDOW, most: MOST_KEYS, known: known.collect(), order: keys.into() }
    }

    pub(super) fn set_window(&mut self, window: Duration) {
        self.window = window;
    }

    pub(super) fn copy(&self) -> Vec<AppliedKey> {
        self.order.iter().copied().collect()
    }

    /// Whether the same push was applied before.
    pub(super) fn is_repeated(&self, key: &IdempotencyKey, at: Timestamp) -> Result<bool, Refusal> {
        let forgotten = |since: Timestamp| at.since(since) > self.window;
        match self.known.get(&key.key) {
            Some((fingerprint, since)) if !forgotten(*since) => {
                if *fingerprint == key.fingerprint {
                    return Ok(true);
                }
                let detail = format!(
                    "the idempotency key came with another request {} s before",
                    at.since(*since).as_secs()
                );
                Err(Refusal { reason: Reason::KeyReused, detail })
            }
            _ if self.order.len() >= self.most
                && self.order.front().is_some_and(|oldest| !forgotten(oldest.at)) =>
            {
                let detail = format!(
                    "{} idempotency keys of the last {} s are remembered, and no more can be: \
                     come again later, or without a key",
                    self.order.len(),
                    self.window.as_secs()
                );
                Err(Refusal { reason: Reason::Inconsistent, detail })
            }
            _ => Ok(false),
        }
    }

    /// Remembers a key, and forgets those that are too old by then.
    pub(super) fn insert(&mut self, key: IdempotencyKey, at: Timestamp) {
        while let Some(oldest) = self.order.front()
            && at.since(oldest.at) > self.window
        {
            let (key, since) = (oldest.key.key, oldest.at);
            // It may have come anew since.
            if self.known.get(&key).is_some_and(|(_, latest)| *latest == since) {
                self.known.remove(&key);
            }
            self.order.pop_front();
        }
        self.order.push_back(AppliedKey { key, at });
        self.known.insert(key.key, (key.fingerprint, at));
    }
}
