//! What its producer may send again, and is to count once: `{"id": …, "events": […]}`.
//!
//! The form is the same in a list, in a stream, at the Redis-protocol port and over HTTP, and so is
//! the key: whichever way the payload comes again, it was there before. What `XADD … IDMP` brings has
//! keys of its own, for there the stream and the producer are part of it.

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::model::push::IdempotencyKey;

/// A payload with an id.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    /// Any text or number; what stands there is compared, byte by byte.
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    events: &'a RawValue,
}

impl<'a> Envelope<'a> {
    /// `None`: it is something else.
    pub(super) fn read(payload: &'a str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }

    /// Its key, or what is wrong with it.
    pub(super) fn key(&self) -> Result<IdempotencyKey, String> {
        let id = self.id.get();
        let is_text = id.starts_with('"') && id.len() > 2;
        if !is_text && !id.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(format!("id {id}; expected a text that is not empty, or a number"));
        }
        Ok(key_of(b"id", &[id.as_bytes()]))
    }

    /// Where the array of events begins and ends in the payload it was read from.
    pub(super) fn events(&self, payload: &str) -> Result<std::ops::Range<usize>, String> {
        let events = self.events.get();
        let start = events.as_ptr() as usize - payload.as_ptr() as usize;
        match events.starts_with('[') {
            true => Ok(start..start + events.len()),
            false => Err(format!("events {events}; expected an array")),
        }
    }
}

/// A key of texts of any bytes; those of one kind never meet those of another.
pub fn key_of(kind: &[u8], texts: &[&[u8]]) -> IdempotencyKey {
    let mut hash = Sha256::new();
    for text in [&[kind], texts].concat() {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    // What else a payload holds is not compared.
    IdempotencyKey { key: shortened(hash), fingerprint: 0 }
}

/// As much of a hash as a key has.
pub(super) fn shortened(hash: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hash.finalize().into();
    let (key, _) = digest.split_first_chunk().expect("32 bytes are more than 16");
    *key
}
