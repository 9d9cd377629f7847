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
    /// How many are no more in there.
    forgotten: u64,
    /// By key: the request's fingerprint, and when it was applied last.
    known: HashMap<[u8; 16], (u64, Timestamp)>,
}

impl AppliedKeys {
    pub(super) fn restore(keys: Vec<AppliedKey>) -> Self {
        let known = keys.iter().map(|AppliedKey { key, at }| (key.key, (key.fingerprint, *at)));
        Self {
            window: DEFAULT_WINDOW,
            most: MOST_KEYS,
            known: known.collect(),
            order: keys.into(),
            forgotten: 0,
        }
    }

    pub(super) fn set_window(&mut self, window: Duration) {
        self.window = window;
    }

    pub(super) fn copy(&self) -> Vec<AppliedKey> {
        self.order.iter().copied().collect()
    }

    /// How many keys were forgotten before the first that is remembered.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
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
            self.forgotten += 1;
        }
        self.order.push_back(AppliedKey { key, at });
        self.known.insert(key.key, (key.fingerprint, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_no_more_keys_can_be_remembered_new_ones_are_refused_until_others_are_forgotten() {
        let key = |key| IdempotencyKey { key: [key; 16], fingerprint: 1 };
        let at = |seconds: u64| Timestamp(1_700_000_000_000 + seconds * 1000);
        let mut keys = AppliedKeys { most: 2, ..AppliedKeys::restore(Vec::new()) };
        keys.insert(key(1), at(0));
        keys.insert(key(2), at(300));
        let refused = keys.is_repeated(&key(3), at(600)).expect_err("two are remembered");
        assert!(refused.detail.starts_with("2 idempotency keys of the last 600 s"), "{refused:?}");
        assert!(keys.is_repeated(&key(2), at(600)).expect("known"));
        assert!(!keys.is_repeated(&key(3), at(601)).expect("one is forgotten by then"));
        keys.insert(key(3), at(601));
        assert_eq!(keys.copy().len(), 2);
        assert_eq!(keys.known.len(), 2);
    }

    #[test]
    fn a_key_that_came_anew_is_not_forgotten_with_its_first_coming() {
        let key = IdempotencyKey { key: [1; 16], fingerprint: 1 };
        let at = |seconds: u64| Timestamp(1_700_000_000_000 + seconds * 1000);
        let other = |number| IdempotencyKey { key: [number; 16], ..key };
        let mut keys = AppliedKeys::restore(Vec::new());
        keys.insert(other(2), at(500));
        // The clock jumped back; then the key came again, when it was forgotten.
        keys.insert(key, at(0));
        assert!(!keys.is_repeated(&key, at(601)).expect("forgotten"));
        keys.insert(key, at(601));
        keys.insert(other(3), at(1101));
        assert!(keys.is_repeated(&key, at(1101)).expect("known"));
        assert_eq!(keys.order.len(), keys.known.len());
    }
}
