//! What a push is answered: each dialect's own success, and one form of refusal for all.

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::decompress::Encoding;
use super::failure::Failure;
use crate::decode::push::{Dialect, Method};
use crate::http::reply::{self, Response};
use crate::model::PushApplied;

/// The status that the dialect's own clients expect.
pub(super) fn success(dialect: Dialect, method: Method) -> StatusCode {
    match (dialect, method) {
        // Go's client takes no other answer to a deletion.
        (_, Method::Wipe | Method::Delete) | (Dialect::Sum, _) => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    }
}

/// The empty answer to a push that was applied.
pub(super) fn taken(dialect: Dialect, method: Method) -> Response {
    reply::empty(success(dialect, method))
}

/// A push that was not applied, in plain text.
pub(super) fn text(failure: &Failure) -> Response {
    with_hints(failure, reply::text(failure.status, format!("{}\n", failure.detail)))
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum EventsView<'a> {
    Success { series: u64, repeated: bool },
    Error { reason: &'static str, detail: &'a str },
}

/// What became of events, in JSON.
pub(super) fn json(outcome: &Result<PushApplied, Failure>) -> Response {
    match outcome {
        Ok(PushApplied { series, repeated }) => {
            let view = EventsView::Success { series: *series, repeated: *repeated };
            reply::json(StatusCode::OK, &view)
        }
        Err(failure) => {
            let view = EventsView::Error { reason: failure.word(), detail: &failure.detail };
            with_hints(failure, reply::json(failure.status, &view))
        }
    }
}

/// Adds what a client may do instead.
fn with_hints(failure: &Failure, mut response: Response) -> Response {
    let headers = response.headers_mut();
    match failure.status {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Encoding::ACCEPTED));
        }
        _ => {}
    }
    response
}

/// The dialect as it stands in labels and logs.
pub(super) fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Aggregate => "aggregate",
        Dialect::Sum => "sum",
        Dialect::Replace => "replace",
    }
}

/// The method as it stands in labels and logs.
pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
        Method::Wipe => "wipe",
        Method::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PushRefusal, Reason};
    use crate::push::PushError;

    #[test]
    fn success_is_what_the_dialects_own_clients_expect() {
        use Dialect::{Aggregate, Replace, Sum};
        use Method::{Delete, Post, Put, Wipe};
        let cases = [
            (Aggregate, [200, 200, 202, 202]),
            (Sum, [202, 202, 202, 202]),
            (Replace, [200, 200, 202, 202]),
        ];
        for (dialect, expected) in cases {
            for (method, expected) in [Post, Put, Delete, Wipe].into_iter().zip(expected) {
                let response = taken(dialect, method);
                assert_eq!(response.status().as_u16(), expected, "{dialect:?} {method:?}");
            }
        }
    }

    #[test]
    fn a_failure_says_whether_to_send_again() {
        let refused = |reason| PushError::Refused(PushRefusal { reason, detail: "d".into() });
        let why = || "w".to_owned();
        let cases = [
            (refused(Reason::InvalidExposition), 400, "invalid_exposition", false),
            (refused(Reason::SeriesLimit), 400, "series_limit", false),
            (refused(Reason::KeyReused), 422, "key_reused", false),
            (refused(Reason::KeyLimit), 503, "key_limit", true),
            (refused(Reason::TooLarge), 413, "too_large", false),
            (PushError::Unavailable { why: why() }, 503, "unavailable", true),
            (PushError::Unconfirmed { why: why() }, 504, "unconfirmed", false),
        ];
        for (error, status, word, retry) in cases {
            let failure = Failure::from(error);
            assert_eq!(failure.word(), word);
            for response in [text(&failure), json(&Err(failure.clone()))] {
                assert_eq!(response.status().as_u16(), status, "{word}");
                assert_eq!(response.headers().contains_key(RETRY_AFTER), retry, "{word}");
            }
        }
    }

    #[test]
    fn events_are_answered_in_json() {
        let view = |view| serde_json::to_value(view).expect("JSON");
        assert_eq!(
            view(EventsView::Success { series: 3, repeated: true }),
            serde_json::json!({ "status": "success", "series": 3, "repeated": true })
        );
        assert_eq!(
            view(EventsView::Error { reason: "r", detail: "d" }),
            serde_json::json!({ "status": "error", "reason": "r", "detail": "d" })
        );
    }
}
