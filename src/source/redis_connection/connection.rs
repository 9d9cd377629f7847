//! One connection: commands go out in order, replies come in, in the same order.
//!
//! Commands are written, and all replies but pages of entries are read, by the redis crate, for
//! which this is a [`ConnectionLike`]. Pages are asked for with [`Connection::send`], also
//! several ahead, and taken with [`Connection::receive`] as [`Frame`]s that share the bytes
//! received. A connection has one user, and no task of its own: whoever waits for a reply reads it.
//! A command that was given up half way leaves the connection unusable.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisFuture, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::dialed::ByteStream;
use super::resp::{Frame, Scanner};

/// Room made for what arrives, at least.
const LEAST_ROOM_BYTES: usize = 16 << 10;

/// More room than this is not made for a reply of which nothing is there yet.
const MOST_ROOM_BYTES: usize = 16 << 20;

pub struct Connection {
    stream: Box<dyn ByteStream>,
    received: BytesMut,
    scanner: Scanner,
    response_timeout: Duration,
    /// Replies that are still to come.
    awaited: usize,
    /// Not all of a command was sent.
    broken: bool,
    /// How long the last reply was: a good guess for the next.
    last_size_bytes: usize,
    /// The shortest time that a command took.
    round_trip: Option<Duration>,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn ByteStream>, response_timeout: Duration) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            scanner: Scanner::default(),
            response_timeout,
            awaited: 0,
            broken: false,
            last_size_bytes: 0,
            round_trip: None,
        }
    }

    /// How long to wait for each reply.
    pub fn set_response_timeout(&mut self, response_timeout: Duration) {
        self.response_timeout = response_timeout;
    }

    /// The shortest time that a command took so far: mostly the network's.
    pub fn round_trip(&self) -> Duration {
        self.round_trip.unwrap_or_default()
    }

    /// Sends a command whose reply is to be received.
    pub async fn send(&mut self, command: &Cmd) -> Result<(), RedisError> {
        self.write(&command.get_packed_command(), 1).await
    }

    /// Sends several; each has a reply.
    pub async fn send_all(&mut self, commands: &Pipeline) -> Result<(), RedisError> {
        self.write(&commands.get_packed_pipeline(), commands.len()).await
    }

    /// The next reply, whatever it says.
    pub async fn receive(&mut self) -> Result<Frame<'_>, RedisError> {
        let size_bytes = timeout(self.response_timeout, self.fill()).await.map_err(late)??;
        self.awaited = self.awaited.saturating_sub(1);
        self.last_size_bytes = size_bytes;
        let bytes = self.received.split_to(size_bytes).freeze();
        Ok(Frame { bytes, tokens: self.scanner.tokens() })
    }

    async fn write(&mut self, packed: &[u8], replies: usize) -> Result<(), RedisError> {
        if self.broken {
            return Err(abandoned());
        }
        self.broken = true;
        let stream = &mut self.stream;
        let sent = async {
            stream.write_all(packed).await?;
            stream.flush().await
        };
        timeout(self.response_timeout, sent).await.map_err(late)??;
        self.broken = false;
        self.awaited += replies;
        Ok(())
    }

    /// Reads until a reply is whole; returns its length.
    async fn fill(&mut self) -> Result<usize, RedisError> {
        loop {
            if let Some(size_bytes) = self.scanner.scan(&self.received)? {
                return Ok(size_bytes);
            }
            let expected = (self.last_size_bytes + self.last_size_bytes / 8).min(MOST_ROOM_BYTES);
            let room = expected.saturating_sub(self.received.len()).max(LEAST_ROOM_BYTES);
            self.received.reserve(room);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// The replies to what is sent here alone.
    async fn ask(&mut self, packed: &[u8], replies: usize) -> Result<Vec<Value>, RedisError> {
        if self.awaited > 0 {
            return Err(abandoned());
        }
        let asked_at = Instant::now();
        self.write(packed, replies).await?;
        let mut values = Vec::with_capacity(replies);
        for _ in 0..replies {
            values.push(redis::parse_redis_value(&self.receive().await?.bytes)?);
        }
        let took = asked_at.elapsed();
        self.round_trip = Some(self.round_trip.map_or(took, |shortest| shortest.min(took)));
        Ok(values)
    }
}

fn late(_: tokio::time::error::Elapsed) -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn abandoned() -> RedisError {
    io::Error::new(io::ErrorKind::BrokenPipe, "a command before this one was given up").into()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut replies = self.ask(&command.get_packed_command(), 1).await?;
            Ok(replies.pop().unwrap_or(Value::Nil))
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let mut replies = self.ask(&pipeline.get_packed_pipeline(), offset + count).await?;
            Ok(replies.split_off(offset))
        })
    }

    fn get_db(&self) -> i64 {
        0
    }
}
