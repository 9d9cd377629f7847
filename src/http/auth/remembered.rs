//! The outcomes of the last slow checks.
//!
//! What was given is not kept, only its SHA-256 with a salt of this process. The outcomes live as
//! long as the users they were found for: a reload forgets them.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::http::tls::provider;

/// More are not remembered.
const CAPACITY: usize = 100;

pub(super) type Key = [u8; 32];

pub(super) struct Remembered {
    salt: [u8; 32],
    outcomes: HashMap<Key, bool>,
}

impl Default for Remembered {
    fn default() -> Self {
        let mut salt = [0; 32];
        provider().secure_random.fill(&mut salt).expect("the operating system has random numbers");
        Self { salt, outcomes: HashMap::new() }
    }
}

impl Remembered {
    pub(super) fn key(&self, credentials: &[u8]) -> Key {
        Sha256::new().chain_update(self.salt).chain_update(credentials).finalize().into()
    }

    pub(super) fn get(&self, key: &Key) -> Option<bool> {
        self.outcomes.get(key).copied()
    }

    /// A wrong password makes no room for itself at the cost of a right one.
    pub(super) fn insert(&mut self, key: Key, good: bool) {
        if self.outcomes.len() >= CAPACITY {
            let wrong = self.outcomes.iter().find(|(_, good)| !**good);
            let any = wrong.or_else(|| self.outcomes.iter().next().filter(|_| good));
            let Some(victim) = any.map(|(key, _)| *key) else { return };
            self.outcomes.remove(&victim);
        }
        self.outcomes.insert(key, good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_passwords_do_not_push_out_right_ones() {
        let mut remembered = Remembered::default();
        let key = |remembered: &Remembered, number: usize| remembered.key(&number.to_be_bytes());
        let right = key(&remembered, 0);
        remembered.insert(right, true);
        for number in 1..10 * CAPACITY {
            let key = key(&remembered, number);
            remembered.insert(key, false);
        }
        assert_eq!(remembered.get(&right), Some(true));
        assert_eq!(remembered.outcomes.len(), CAPACITY);
        for number in 0..10 * CAPACITY {
            let key = key(&remembered, number);
            remembered.insert(key, true);
            assert_eq!(remembered.get(&key), Some(true), "the newest right one is known");
        }
        assert!(remembered.outcomes.len() <= CAPACITY);
        let wrong = key(&remembered, usize::MAX);
        remembered.insert(wrong, false);
        assert_eq!(remembered.get(&wrong), None, "all that is known is right");
    }

    #[test]
    fn two_processes_do_not_remember_alike() {
        let [one, two] = [Remembered::default(), Remembered::default()];
        assert_ne!(one.key(b"Basic x"), two.key(b"Basic x"));
    }
}
