//! Pushes: from what was received to what is to be done.
//!
//! A [`PushRequest`] is a push as it came, decompressed and with its path taken apart. It is also
//! what a journal's record or a stream's entry holds, so a replay goes through the same code.

use std::sync::Arc;

use super::DecodeOptions;
use crate::model::{Push, PushRefusal, Reason};

mod request;

pub use request::{BodyFormat, Dialect, Method, PushRequest, RecordError};

/// Gives a push its meaning, or says why all of it is refused.
pub fn interpret(
    _request: &PushRequest,
    _options: &DecodeOptions,
) -> Result<Arc<Push>, PushRefusal> {
    Err(PushRefusal { reason: Reason::InvalidExposition, detail: "not there yet".into() })
}
