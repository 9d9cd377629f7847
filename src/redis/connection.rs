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
            let asked_for = replies.split_off(offset);
            // Of a transaction that is the reply to EXEC, which may be a refusal.
            match offset {
                0 => Ok(asked_for),
                _ => asked_for.into_iter().map(Value::extract_error).collect(),
            }
        })
    }

    fn get_db(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn connect() -> (Connection, DuplexStream) {
        let (ours, server) = tokio::io::duplex(1 << 10);
        (Connection::new(Box::new(ours), PATIENCE), server)
    }

    #[tokio::test(start_paused = true)]
    async fn replies_come_in_the_order_asked_for_and_late_ones_spoil_the_connection() {
        let (mut connection, mut server) = connect();
        for command in ["A", "B"] {
            connection.send(&redis::cmd(command)).await.expect("room to write");
        }
        server.write_all(b"$1\r\na\r\n*1\r\n$1\r\nb\r\n+PO").await.expect("room to write");
        assert_eq!(connection.receive().await.expect("a").bytes, &b"$1\r\na\r\n"[..]);
        assert_eq!(connection.receive().await.expect("b").bytes, &b"*1\r\n$1\r\nb\r\n"[..]);

        let ping = redis::cmd("PING");
        let began = Instant::now();
        let late = ping.query_async::<Value>(&mut connection).await.expect_err("half a reply");
        assert!(late.is_timeout() && began.elapsed() == PATIENCE, "{late}");
        // Its reply is not the next command's.
        server.write_all(b"NG\r\n").await.expect("room to write");
        let refused = ping.query_async::<Value>(&mut connection).await.expect_err("out of step");
        assert!(refused.to_string().contains("given up"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_was_not_sent_whole_is_the_last() {
        let (mut connection, server) = connect();
        let large = redis::cmd("ECHO").arg(vec![0; 1 << 20]).to_owned();
        let late = connection.send(&large).await.expect_err("nobody reads");
        assert!(late.is_timeout(), "{late}");
        drop(server);
        let refused = connection.send(&redis::cmd("PING")).await.expect_err("broken");
        assert!(refused.to_string().contains("given up"), "{refused}");
    }

    #[tokio::test]
    async fn a_pipeline_gives_each_reply_or_those_of_its_transaction() {
        let (mut connection, mut server) = connect();
        let replies = b"+OK\r\n-ERR no\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n";
        server.write_all(replies).await.expect("room to write");
        let mut pipe = redis::pipe();
        pipe.cmd("A").cmd("B").ignore_errors();
        let each: Vec<Result<Value, RedisError>> =
            pipe.query_async(&mut connection).await.expect("replies");
        assert!(matches!(each.as_slice(), [Ok(Value::Okay), Err(_)]), "{each:?}");
        let mut transaction = redis::pipe();
        transaction.atomic().cmd("A").cmd("B");
        let both: (i64, i64) = transaction.query_async(&mut connection).await.expect("replies");
        assert_eq!(both, (1, 2));
        let replies = b"+OK\r\n-OOM no\r\n+QUEUED\r\n-EXECABORT discarded\r\n";
        server.write_all(replies).await.expect("room to write");
        let refused = transaction.query_async::<()>(&mut connection).await.expect_err("refused");
        assert_eq!(refused.code(), Some("EXECABORT"), "{refused}");
    }
}
