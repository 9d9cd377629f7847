//! A page rendered on a blocking thread while it is sent.
//!
//! The renderer writes into a [`PageWriter`], which gathers (and compresses)
//! chunks and hands them through a short channel to the [`Page`] that the
//! connection reads. The channel is what holds back a renderer faster than its
//! client, and what stops it when the client goes away. A page whose renderer
//! fails breaks off with an error: it never looks like a shorter page.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::{CONTENT_ENCODING, VARY};
use http::{HeaderValue, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zstd::stream::write::Encoder as ZstdEncoder;

use super::encoding::Encoding;
use super::reply::{self, Response};
use super::turns::Turn;

/// Chunks are sent when they have reached this size; a page of one chunk gets a Content-Length.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks rendered ahead of the client.
const CHUNKS_AHEAD: usize = 4;

/// A page is read once: the fastest levels save most of the bytes already. Gzip's first one saves a
/// third less than the next, which takes hardly longer.
const GZIP_LEVEL: Compression = Compression::new(2);
const ZSTD_LEVEL: i32 = 1;

/// What the renderer writes to.
pub(super) enum PageWriter {
    Identity(ChunkWriter),
    Gzip(GzEncoder<ChunkWriter>),
    Zstd(ZstdEncoder<'static, ChunkWriter>),
}

/// Gathers small writes into chunks.
pub(super) struct ChunkWriter {
    gathered: Vec<u8>,
    chunks: mpsc::Sender<Bytes>,
    /// None for a page so small that it takes no turn.
    turn: Option<Turn>,
}

/// What the connection reads.
pub(super) struct Page {
    chunks: mpsc::Receiver<Bytes>,
    rendering: Option<JoinHandle<io::Result<()>>>,
}

/// Runs `render` on a blocking thread. It has its turn until it stopped, also when nobody waits for
/// the page any more, but for the times when it waits for the client.
pub(super) fn spawn(
    encoding: Encoding,
    turn: Option<Turn>,
    render: impl FnOnce(&mut PageWriter) -> io::Result<()> + Send + 'static,
) -> Page {
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let rendering = tokio::task::spawn_blocking(move || {
        let chunks = ChunkWriter { gathered: Vec::new(), chunks: sender, turn };
        let mut writer = match encoding {
            Encoding::Identity => PageWriter::Identity(chunks),
            Encoding::Gzip => PageWriter::Gzip(GzEncoder::new(chunks, GZIP_LEVEL)),
            Encoding::Zstd => PageWriter::Zstd(ZstdEncoder::new(chunks, ZSTD_LEVEL)?),
        };
        render(&mut writer)?;
        writer.finish()
    });
    Page { chunks, rendering: Some(rendering) }
}

impl PageWriter {
    /// Takes a chunk; an error means that the client went away.
    pub(super) fn push(&mut self, chunk: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Identity(writer) => writer.push(chunk),
            Self::Gzip(encoder) => encoder.write_all(&chunk),
            Self::Zstd(encoder) => encoder.write_all(&chunk),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Identity(writer) => writer,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        }
        .finish()
    }
}

impl ChunkWriter {
    fn push(&mut self, chunk: Vec<u8>) -> io::Result<()> {
        if self.gathered.is_empty() {
            self.gathered = chunk;
        } else {
            self.gathered.extend_from_slice(&chunk);
        }
        self.send_at(CHUNK_BYTES)
    }

    /// Sends what is gathered when it has reached `size_bytes`.
    fn send_at(&mut self, size_bytes: usize) -> io::Result<()> {
        if self.gathered.len() < size_bytes {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.gathered));
        match &mut self.turn {
            Some(turn) => turn.hand_over(&self.chunks, chunk),
            None => self.chunks.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.send_at(1)
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        self.send_at(CHUNK_BYTES)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    /// The answer: with a Content-Length when the page is one chunk, else as a stream.
    pub(super) async fn into_response(mut self, encoding: Encoding) -> io::Result<Response> {
        let first = self.next().await.transpose()?.unwrap_or_default();
        let mut response = match self.next().await.transpose()? {
            None => reply::bytes(StatusCode::OK, first),
            Some(second) => {
                let head = stream::iter([Ok(first), Ok(second)]);
                reply::stream(head.chain(self.into_stream()))
            }
        };
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if let Some(name) = encoding.as_str() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Ok(response)
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(chunk) = self.chunks.recv().await {
            return Some(Ok(chunk));
        }
        match self.rendering.take()?.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(panicked) => Some(Err(io::Error::other(panicked))),
        }
    }

    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
        stream::unfold(self, async |mut page| page.next().await.map(|chunk| (chunk, page)))
    }
}
