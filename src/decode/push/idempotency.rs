//! The client's key for a push, and what tells whether it is the same push again.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::Xxh3;

use super::PushRequest;
use crate::decode::once::shortened;
use crate::model::push::IdempotencyKey;

/// The key under which a push is remembered, if its client gave one.
pub(super) fn key(request: &PushRequest) -> Option<IdempotencyKey> {
    let header = request.idempotency_key.as_ref()?;
    let key = shortened(Sha256::new_with_prefix(header));
    Some(IdempotencyKey { key, fingerprint: fingerprint(request) })
}

/// A hash of all that decides what the push does; texts by their length, so that they don't run
/// into each other.
fn fingerprint(request: &PushRequest) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&[request.dialect as u8, request.method as u8, request.format as u8]);
    for (name, value) in &request.labels {
        for text in [name, value] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.update(&u64::MAX.to_le_bytes());
    hasher.update(&request.body);
    hasher.digest()
}
