//! What a push is answered: each dialect's own success, and one form of refusal for all.

use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use warp::reply::{Reply, Response};

use super::decompress::Encoding;
use super::failure::Failure;
use crate::decode::push::{Dialect, Method};
use crate::http::reject;
use crate::model::PushApplied;

/// The status that the dialect's own clients expect.
pub(super) fn success(dialect: Dialect, method: Method) -> StatusCode {
    match (dialect, method) {
        (_, Method::Wipe) | (Dialect::Sum, _) | (Dialect::Replace, Method::Delete) => {
            StatusCode::ACCEPTED
        }
        _ => StatusCode::OK,
    }
}

/// The empty answer to a push that was applied.
pub(super) fn taken(dialect: Dialect, method: Method) -> Response {
    let mut response = warp::reply::Response::default();
    *response.status_mut() = success(dialect, method);
    response
}

/// A push that was not applied, in plain text.
pub(super) fn text(failure: &Failure) -> Response {
    with_hints(failure, reject::text(failure.status, format!("{}\n", failure.detail)))
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
            warp::reply::json(&view).into_response()
        }
        Err(failure) => {
            let view = EventsView::Error { reason: failure.word(), detail: &failure.detail };
            let reply = warp::reply::with_status(warp::reply::json(&view), failure.status);
            with_hints(failure, reply.into_response())
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
