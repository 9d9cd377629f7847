//! The way of a push: interpreted, checked, kept, applied, answered.
//!
//! [`PushFront`] is what HTTP knows of it. A push is answered when it is part of the state and what
//! keeps it (the journal, or the stream that it was added to) has it for good; so whoever got a 2xx
//! finds it on the next page, and after a crash.

use crate::decode::push::PushRequest;
use crate::model::{PushApplied, PushRefusal};

/// Takes pushes; clones share it.
#[derive(Clone, Debug, Default)]
pub struct PushFront {}

/// Why a push was not applied, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// The request is wrong: sending it again is of no use.
    #[error(transparent)]
    Refused(#[from] PushRefusal),
    /// Nothing was applied: not the owner, still restoring, stopping, no room on the disk.
    #[error("{why}")]
    Unavailable { why: String },
    /// It is kept, and may be applied later: sending it again is safe only with an idempotency key.
    #[error("{why}")]
    Unconfirmed { why: String },
}

impl PushFront {
    /// Applies a push, all of it or nothing; returns once a scrape would show it and a crash would
    /// not lose it.
    pub async fn submit(&self, _request: PushRequest) -> Result<PushApplied, PushError> {
        Err(PushError::Unavailable { why: "not there yet".into() })
    }
}
