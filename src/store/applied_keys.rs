//! Idempotency keys that were applied not long ago.
//!
//! Age is told by when pushes were received, not by the clock: so a replay decides as the first run
//! did, however much later it is. When the clock is set, all of them move with it; none is ever from
//! a time to come, or it would not be forgotten before that, nor anything behind it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::refusal::Refusal;
use super::{AppliedKey, KeyCounts};
use crate::model::push::IdempotencyKey;
use crate::model::{ClockStep, Reason, Timestamp};

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
    forgotten_early: u64,
    repeated: u64,
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
            forgotten_early: 0,
            repeated: 0,
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
                Err(Refusal { reason: Reason::KeyLimit, detail })
            }
            _ => Ok(false),
        }
    }

    /// Whether it was applied before, whatever came with it; if not, it is now.
    pub(super) fn is_first(&mut self, key: IdempotencyKey, at: Timestamp) -> bool {
        let known = self.known.get(&key.key);
        if known.is_some_and(|(_, since)| at.since(*since) <= self.window) {
            self.repeated += 1;
            return false;
        }
        self.insert(key, at);
        true
    }

    pub(super) fn counts(&self) -> KeyCounts {
        KeyCounts {
            remembered: self.order.len() as u64,
            forgotten_early: self.forgotten_early,
            repeated: self.repeated,
        }
    }

    /// The clock was set: all are as old as they were.
    pub(super) fn move_ages(&mut self, step: ClockStep) {
        self.change_times(|at| step.moved(at));
    }

    /// None came later than now.
    pub(super) fn cap_ages(&mut self, now: Timestamp) {
        if self.order.iter().any(|key| key.at > now) {
            self.change_times(|at| at.min(now));
        }
    }

    /// To whoever writes only what is new, they are all new.
    fn change_times(&mut self, change: impl Fn(Timestamp) -> Timestamp) {
        self.forgotten += self.order.len() as u64;
        for AppliedKey { at, .. } in &mut self.order {
            *at = change(*at);
        }
        for (_, at) in self.known.values_mut() {
            *at = change(*at);
        }
    }

    /// Remembers a key, and forgets those that are too old by then.
    pub(super) fn insert(&mut self, key: IdempotencyKey, at: Timestamp) {
        while let Some(oldest) = self.order.front()
            && (at.since(oldest.at) > self.window || self.order.len() >= self.most)
        {
            self.forgotten_early += u64::from(at.since(oldest.at) <= self.window);
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
    fn of_those_who_cannot_be_told_to_come_again_the_oldest_is_forgotten_early() {
        let key = |key| IdempotencyKey { key: [key; 16], fingerprint: 0 };
        let at = Timestamp(1_700_000_000_000);
        let mut keys = AppliedKeys { most: 2, ..AppliedKeys::restore(Vec::new()) };
        let first: Vec<_> = [1, 2, 2, 3, 2, 1].map(|one| keys.is_first(key(one), at)).into();
        assert_eq!(first, [true, true, false, true, false, true]);
        let counts = KeyCounts { remembered: 2, forgotten_early: 2, repeated: 2 };
        assert_eq!((keys.counts(), keys.known.len()), (counts, 2));
    }

    #[test]
    fn when_the_clock_is_set_keys_are_as_old_as_they_were() {
        let key = |key| IdempotencyKey { key: [key; 16], fingerprint: 1 };
        let at = |seconds: u64| Timestamp(1_700_000_000_000 + seconds * 1000);
        for set_to in [0, 100_000, 50_000_000] {
            let mut keys = AppliedKeys::restore(Vec::new());
            keys.insert(key(1), at(50_000));
            keys.insert(key(2), at(50_500));
            let forgotten = keys.forgotten();
            keys.move_ages(ClockStep::between(at(50_550), at(set_to + 550)));
            assert!(keys.forgotten() >= forgotten + 2, "both are to be written anew");
            assert!(keys.is_repeated(&key(1), at(set_to + 600)).expect("known"), "{set_to}");
            assert!(!keys.is_repeated(&key(1), at(set_to + 601)).expect("forgotten"), "{set_to}");
            keys.insert(key(3), at(set_to + 1101));
            assert_eq!((keys.order.len(), keys.known.len()), (1, 1), "{set_to}");
        }
    }

    #[test]
    fn a_key_of_a_time_to_come_is_forgotten_in_time() {
        let key = |key| IdempotencyKey { key: [key; 16], fingerprint: 1 };
        let at = |seconds: u64| Timestamp(1_700_000_000_000 + seconds * 1000);
        let restored = [(1, 90_000), (2, 50)]
            .map(|(number, seconds)| AppliedKey { key: key(number), at: at(seconds) });
        let mut keys = AppliedKeys::restore(restored.to_vec());
        keys.cap_ages(at(100));
        assert!(keys.is_repeated(&key(1), at(700)).expect("known"));
        keys.insert(key(3), at(701));
        assert_eq!((keys.order.len(), keys.known.len()), (1, 1));
    }

    #[test]
    fn a_key_that_came_anew_is_not_forgotten_with_its_first_coming() {
        let key = IdempotencyKey { key: [1; 16], fingerprint: 1 };
        let at = |seconds: u64| Timestamp(1_700_000_000_000 + seconds * 1000);
        let other = |number| IdempotencyKey { key: [number; 16], ..key };
        let mut keys = AppliedKeys::restore(Vec::new());
        keys.insert(other(2), at(500));
        // It says that it came earlier; then it came again, when it was forgotten.
        keys.insert(key, at(0));
        assert!(!keys.is_repeated(&key, at(601)).expect("forgotten"));
        keys.insert(key, at(601));
        keys.insert(other(3), at(1101));
        assert!(keys.is_repeated(&key, at(1101)).expect("known"));
        assert_eq!(keys.order.len(), keys.known.len());
    }
}
