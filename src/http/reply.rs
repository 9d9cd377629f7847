//! Answers of every kind: text, JSON, bytes, a stream.

use std::io;

use bytes::Bytes;
use futures_util::stream::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use warp::Reply as _;

pub(super) type Response = warp::reply::Response;

/// The body of an answer, for which warp has no public name.
pub(super) type Body = <Response as HasBody>::Body;

pub(super) trait HasBody {
    type Body;
}

impl<B> HasBody for http::Response<B> {
    type Body = B;
}

/// An answer without anything in it.
pub(super) fn empty(status: StatusCode) -> Response {
    bytes(status, Bytes::new())
}

pub(super) fn bytes(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut reply = http::Response::new(body.into()).into_response();
    *reply.status_mut() = status;
    reply
}

/// An answer of unknown length.
pub(super) fn stream(
    chunks: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) -> Response {
    warp::reply::stream(chunks).into_response()
}

/// An answer in plain text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    of_type("text/plain; charset=utf-8", bytes(status, body))
}

pub(super) fn json(status: StatusCode, view: &impl Serialize) -> Response {
    match serde_json::to_vec(view) {
        Ok(body) => of_type("application/json", bytes(status, body)),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
        }
    }
}

fn of_type(content_type: &'static str, mut reply: Response) -> Response {
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
