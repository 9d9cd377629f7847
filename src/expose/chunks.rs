//! A page in pieces: what is written gathers, and is handed out piece by piece.

use std::ops::ControlFlow;

/// A chunk is handed out as soon as it has grown to this size.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// Room for the unit, or the sample, that fills a chunk beyond its size.
pub(super) const CHUNK_SLACK_BYTES: usize = 16 * 1024;

/// Gathers a page and hands it to `emit`, until that breaks.
pub(super) struct Chunks<E> {
    /// What is written to.
    pub(super) out: Vec<u8>,
    emit: E,
}

impl<E: FnMut(Vec<u8>) -> ControlFlow<()>> Chunks<E> {
    pub(super) fn new(emit: E) -> Self {
        Self { out: new_chunk(), emit }
    }

    /// To be asked now and then, between two samples.
    pub(super) fn hand_out_if_full(&mut self) -> ControlFlow<()> {
        if self.out.len() < CHUNK_BYTES {
            return ControlFlow::Continue(());
        }
        (self.emit)(std::mem::replace(&mut self.out, new_chunk()))
    }

    /// Hands out what is left.
    pub(super) fn finish(mut self) -> ControlFlow<()> {
        if self.out.is_empty() {
            return ControlFlow::Continue(());
        }
        (self.emit)(self.out)
    }
}

fn new_chunk() -> Vec<u8> {
    Vec::with_capacity(CHUNK_BYTES + CHUNK_SLACK_BYTES)
}
