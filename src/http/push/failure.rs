//! Why a push did not get its 2xx: one form for what HTTP refuses and what the state refuses.

use std::fmt;

use http::StatusCode;

use crate::model::{PushRefusal, Reason};
use crate::push::PushError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// Absent where the request is not to blame.
    pub(super) reason: Option<Reason>,
    /// Names the thing, the value and what was expected.
    pub(super) detail: String,
}

impl Failure {
    /// A request that is wrong.
    pub(super) fn bad(reason: Reason, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: Some(reason), detail: detail.into() }
    }

    /// A body in a form that nobody here reads.
    pub(super) fn unsupported(detail: String) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Self::bad(Reason::InvalidExposition, detail)
        }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Self::bad(
                Reason::TooLarge,
                format!(
                    "the body holds more than {limit} bytes, compressed or decompressed; push \
                     less at a time, or raise Push.MaxBodyBytes"
                ),
            )
        }
    }

    pub(super) fn timed_out() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            reason: None,
            detail: "the body did not arrive within Push.RequestTimeout".into(),
        }
    }

    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, reason: None, detail: why.into() }
    }

    /// A mistake of this program.
    pub(super) fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a push failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: None,
            detail: "internal error".into(),
        }
    }

    /// The word for it in JSON.
    pub(super) fn word(&self) -> &'static str {
        match (self.reason, self.status) {
            (Some(reason), _) => reason.as_str(),
            (None, StatusCode::REQUEST_TIMEOUT) => "timeout",
            (None, StatusCode::SERVICE_UNAVAILABLE) => "unavailable",
            (None, StatusCode::GATEWAY_TIMEOUT) => "unconfirmed",
            (None, _) => "internal",
        }
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Refused(PushRefusal { reason, detail }) => {
                let status = match reason {
                    Reason::KeyLimit => StatusCode::SERVICE_UNAVAILABLE,
                    Reason::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
                    Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_REQUEST,
                };
                Self { status, reason: Some(reason), detail }
            }
            PushError::Unavailable { why } => Self::unavailable(why),
            PushError::Unconfirmed { why } => {
                Self { status: StatusCode::GATEWAY_TIMEOUT, reason: None, detail: why }
            }
        }
    }
}
