//! Answers of every kind: text, JSON, bytes, a stream.

use std::io;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

pub(super) type Body = BoxBody<Bytes, io::Error>;

pub(super) type Response = http::Response<Body>;

/// An answer without anything in it.
pub(super) fn empty(status: StatusCode) -> Response {
    bytes(status, Bytes::new())
}

pub(super) fn bytes(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// An answer of unknown length.
pub(super) fn stream(
    chunks: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) -> Response {
    let frames = StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data)));
    Response::new(BodyExt::boxed(frames))
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
