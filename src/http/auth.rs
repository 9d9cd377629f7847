//! Whether credentials are good.
//!
//! Three kinds of users, and any that matches lets in: users with a bcrypt hash each, hashes that
//! go with any user, and users whose password is known in the clear. A bcrypt check is made to be
//! slow: it runs on a thread for blocking work, a few at a time ([`checks`]), and its outcome is
//! remembered, so that a scrape every few seconds costs none, and a flood of wrong passwords takes
//! no more of the machine than those few threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderValue;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

pub(super) mod checks;
mod credentials;
mod remembered;

use crate::config::PlainUser;
use checks::CheckTurn;
use credentials::Credentials;
use remembered::Remembered;

/// Salt and hash of nobody's password, in bcrypt's alphabet.
const NOBODY: &str = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

/// Everybody who may ask.
#[derive(Default)]
pub(super) struct Users {
    /// bcrypt hashes by name.
    named: BTreeMap<String, String>,
    /// bcrypt hashes of passwords that go with any name.
    anyone: Vec<String>,
    /// SHA-256 of `name:password`: of one length, whatever is compared.
    plain: Vec<[u8; 32]>,
    /// What the password of an unknown name is compared with, to take as long as that of a known.
    dummy: String,
    remembered: Mutex<Remembered>,
}

impl Users {
    pub(super) fn new(
        named: BTreeMap<String, String>,
        anyone: Vec<String>,
        plain: &[PlainUser],
    ) -> Self {
        let cost = named.values().filter_map(|hash| cost(hash)).max().unwrap_or_default();
        let digest = |user: &PlainUser| {
            Sha256::digest(format!("{}:{}", user.name, user.password.exposed())).into()
        };
        Self {
            named,
            anyone,
            plain: plain.iter().map(digest).collect(),
            dummy: format!("$2b${cost:02}${NOBODY}"),
            remembered: Mutex::default(),
        }
    }

    /// Nobody has to say who he is.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(super) fn count(&self) -> usize {
        self.named.len() + self.anyone.len() + self.plain.len()
    }

    /// Whether the value of an `Authorization` header lets in. A slow check awaits its `turn`;
    /// `None` if that did not come.
    pub(super) async fn admit(
        self: Arc<Self>,
        authorization: &HeaderValue,
        turn: impl Future<Output = Option<CheckTurn>>,
    ) -> Option<bool> {
        let Some(credentials) = Credentials::parse(authorization.as_bytes()) else {
            return Some(false);
        };
        if self.is_plain(&credentials) {
            return Some(true);
        }
        if self.named.is_empty() && self.anyone.is_empty() {
            return Some(false);
        }
        let key = self.remembered.lock().key(authorization.as_bytes());
        if let Some(known) = self.remembered.lock().get(&key) {
            return Some(known);
        }
        let turn = turn.await?;
        // Whoever waited may have waited for a check of the same credentials.
        if let Some(known) = self.remembered.lock().get(&key) {
            return Some(known);
        }
        let checked = tokio::task::spawn_blocking(move || {
            let good = self.is_hashed(&credentials);
            self.remembered.lock().insert(key, good);
            // Also when nobody waits for the outcome any more, the machine was busy until here.
            drop(turn);
            good
        });
        // It is cancelled by the end of the process alone.
        Some(checked.await.unwrap_or(false))
    }

    fn is_plain(&self, credentials: &Credentials) -> bool {
        let Some(pair) = credentials.pair() else { return false };
        let given: [u8; 32] = Sha256::digest(pair).into();
        // Every one is looked at, so that the time says nothing of which it was.
        let found =
            self.plain.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&given));
        found.into()
    }

    /// Takes its time.
    fn is_hashed(&self, credentials: &Credentials) -> bool {
        let matches = |hash: &str| bcrypt::verify(credentials.password(), hash).unwrap_or(false);
        let named = credentials.user().filter(|_| !self.named.is_empty()).is_some_and(|user| {
            match std::str::from_utf8(user).ok().and_then(|user| self.named.get(user)) {
                Some(hash) => matches(hash),
                None => {
                    matches(&self.dummy);
                    false
                }
            }
        });
        named || self.anyone.iter().any(|hash| matches(hash))
    }
}

/// The cost of a bcrypt hash; `None` if it is none.
pub(super) fn cost(hash: &str) -> Option<u32> {
    let parts: bcrypt::HashParts = hash.parse().ok()?;
    // Beyond these bcrypt itself refuses, and nobody could ever log in.
    Some(parts.get_cost()).filter(|cost| (4..=31).contains(cost))
}

#[cfg(test)]
mod tests;
