//! Who may push, and where to.
//!
//! Clients of PHP log in for every request, so a login must cost next to nothing: passwords are
//! compared by their SHA-256, in constant time. Whoever can read the hash of a password that was
//! chosen by a person can guess it; random ones are what this is for.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::DoorUser;

/// All users; empty: everybody may push.
#[derive(Clone, Debug, Default)]
pub(super) struct Users(Vec<DoorUser>);

impl Users {
    pub(super) fn new(users: Vec<DoorUser>) -> Self {
        Self(users)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The user of this name and password, by its number.
    pub(super) fn find(&self, name: &[u8], password: &[u8]) -> Option<usize> {
        let hash: [u8; 32] = Sha256::digest(password).into();
        let mut found = None;
        // All are compared: how long it takes tells nothing.
        for (number, user) in self.0.iter().enumerate() {
            let matches = user.password_sha256.ct_eq(&hash);
            if bool::from(matches) && user.name.as_bytes() == name {
                found = Some(number);
            }
        }
        found
    }

    pub(super) fn name(&self, number: usize) -> &str {
        &self.0[number].name
    }

    /// Whether the user may push to the key.
    pub(super) fn may_push(&self, number: usize, key: &str) -> bool {
        self.0[number].keys.as_ref().is_none_or(|keys| keys.iter().any(|one| one == key))
    }
}
