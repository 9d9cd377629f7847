//! Requests that no route takes: plain text that says why.

use std::convert::Infallible;

use warp::Filter;
use warp::http::header::{ALLOW, CONTENT_TYPE};
use warp::http::{HeaderValue, Method, StatusCode};
use warp::reject::{InvalidQuery, Reject, Rejection};
use warp::reply::{Reply, Response};

/// The path exists, but not for this method.
#[derive(Debug)]
struct MethodNotAllowed {
    allow: &'static str,
}

impl Reject for MethodNotAllowed {}

/// Passes the listed methods; for others the answer names them in `Allow`.
pub(super) fn only(
    allow: &'static str,
) -> impl Filter<Extract = (), Error = Rejection> + Copy + Send + Sync + 'static {
    among(allow, allow)
}

/// As [`only`], for one of the routes of a path: `allow` lists what they take together.
pub(super) fn among(
    taken: &'static str,
    allow: &'static str,
) -> impl Filter<Extract = (), Error = Rejection> + Copy + Send + Sync + 'static {
    warp::method()
        .and_then(move |method: Method| async move {
            if taken.split(", ").any(|taken| taken == method.as_str()) {
                Ok(())
            } else {
                Err(warp::reject::custom(MethodNotAllowed { allow }))
            }
        })
        .untuple_one()
}

/// Passes on when the routes behind it are there at all.
pub(super) fn enabled(
    enabled: bool,
) -> impl Filter<Extract = (), Error = Rejection> + Copy + Send + Sync + 'static {
    warp::any()
        .and_then(
            move || async move { if enabled { Ok(()) } else { Err(warp::reject::not_found()) } },
        )
        .untuple_one()
}

/// Turns what every route refused into an answer.
pub(super) async fn reply(rejection: Rejection) -> Result<Response, Infallible> {
    let reply = if let Some(MethodNotAllowed { allow }) = rejection.find() {
        let mut reply = text(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("method not allowed; this path takes {allow}\n"),
        );
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        reply
    } else if rejection.find::<InvalidQuery>().is_some() {
        text(StatusCode::BAD_REQUEST, "invalid query: limit must be a number\n")
    } else if rejection.is_not_found() {
        text(StatusCode::NOT_FOUND, "not found\n")
    } else {
        tracing::error!(?rejection, "a request failed for a reason that has no answer");
        text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
    };
    Ok(reply)
}

/// An answer in plain text.
pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response {
    let mut reply = warp::reply::with_status(body.into(), status).into_response();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, plain);
    reply
}
