//! A request's body as it arrives: within a time, and into a bounded buffer.

use bytes::Buf;
use futures_util::stream::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::buffer::Buffer;
use super::failure::Failure;
use crate::model::Reason;

pub(super) struct IncomingBody<S> {
    chunks: S,
    deadline: Instant,
}

impl<S, B> IncomingBody<S>
where
    S: Stream<Item = Result<B, warp::Error>> + Unpin,
    B: Buf,
{
    pub(super) fn new(chunks: S, deadline: Instant) -> Self {
        Self { chunks, deadline }
    }

    /// Everything, as long as the buffer takes it.
    pub(super) async fn read(&mut self, mut into: Buffer) -> Result<Buffer, Failure> {
        while let Some(mut chunk) = self.next().await? {
            while chunk.has_remaining() {
                let piece = chunk.chunk();
                into.extend(piece)?;
                let length = piece.len();
                chunk.advance(length);
            }
        }
        Ok(into)
    }

    /// Reads on without keeping anything: a connection that is closed while its client still sends
    /// is reset, and the answer with it. Gives up after so many bytes.
    pub(super) async fn discard(&mut self, at_most: usize) {
        let mut left = at_most;
        while let Ok(Some(chunk)) = self.next().await {
            let Some(less) = left.checked_sub(chunk.remaining()) else { return };
            left = less;
        }
    }

    async fn next(&mut self) -> Result<Option<B>, Failure> {
        match timeout_at(self.deadline, self.chunks.next()).await {
            Err(_) => Err(Failure::timed_out()),
            Ok(None) => Ok(None),
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(Some(Err(error))) => Err(Failure::bad(
                Reason::InvalidExposition,
                format!("the body broke off or is not framed as HTTP demands: {error}"),
            )),
        }
    }
}
