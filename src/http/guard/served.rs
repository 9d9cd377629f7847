//! The body of an answer, which keeps its connection's place busy until it was handed over.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use crate::http::places::Serving;

pub(in crate::http) struct Served<B> {
    body: B,
    _serving: Option<Serving>,
}

impl<B> Served<B> {
    pub(super) fn new(body: B, serving: Option<Serving>) -> Self {
        Self { body, _serving: serving }
    }
}

impl<B: Body + Unpin> Body for Served<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
