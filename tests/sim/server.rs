//! The simulated server's end of each connection, and what goes wrong on the way.
//!
//! A dropped connection may or may not have carried the command; a half-open one
//! swallows the reply, so that the client waits until its time-out; and what it
//! swallowed may be carried out long after the client has given up.

use std::fmt;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use prom_stream_gateway::config::connection_string::Endpoint;
use prom_stream_gateway::redis::{ByteStream, Dial};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::crash::{Operation, When};
use prom_stream_gateway::source::group::ledger::{ACKNOWLEDGE, COUNT_PENDING, GONE, SETTLE};
use prom_stream_gateway::source::reader::look::LOOK;

use crate::redis_model::scripts::{CLAIM, RENAME};
use crate::resp::{Command, Reply, take_command};
use crate::world::World;

/// A half-open connection is noticed by the server after this long.
const HALF_OPEN: Duration = Duration::from_secs(20);

/// Bytes that a connection holds before its writer waits.
const CONNECTION_BYTES: usize = 64 << 10;

/// How one life reaches the server; cutting it closes all its connections.
#[derive(Clone)]
pub(crate) struct Cable {
    pub(crate) world: World,
    pub(crate) cut: CancellationToken,
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated network")
    }
}

#[async_trait]
impl Dial for Cable {
    async fn dial(&self, _endpoint: &Endpoint) -> io::Result<Box<dyn ByteStream>> {
        let number = self.world.connection_number();
        if self.world.goes_wrong(1) {
            self.world.note(&format!("c{number} refused"));
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(CONNECTION_BYTES);
        let (world, cut) = (self.world.clone(), self.cut.clone());
        let stream = theirs;
        let buffer = Vec::new();
        let connection =
            Connection { world, cut, number, stream, buffer, queued: None, deaf: false };
        let killed = self.world.killable(number);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // What it has not executed by then, it never will.
                () = killed.cancelled() => {}
                () = connection.serve() => {}
            }
        });
        Ok(Box::new(ours))
    }
}

/// What becomes of one command.
enum Fate {
    Answered {
        before: u64,
        after: u64,
    },
    Refused(&'static str),
    DroppedBefore,
    DroppedAfter,
    /// Half-open from here on: the command never arrived.
    Lost,
    /// Half-open from here on: the reply never arrives.
    Unanswered,
    /// Half-open from here on, and carried out after this long.
    CarriedOutLate {
        milliseconds: u64,
    },
    Crash(When),
}

struct Connection {
    world: World,
    cut: CancellationToken,
    number: u32,
    stream: DuplexStream,
    buffer: Vec<u8>,
    /// What `EXEC` will execute.
    queued: Option<Vec<Command>>,
    /// Replies go nowhere, and a client that left is not noticed.
    deaf: bool,
}

impl Connection {
    async fn serve(mut self) {
        while let Some(command) = self.next_command().await {
            if let Some(reply) = self.queue(&command) {
                self.answer(&reply).await;
                continue;
            }
            let fate = fate(&self.world, &command);
            let done = match fate {
                Fate::Answered { before, after } => {
                    pause(before).await;
                    let reply = self.execute(&command).await;
                    pause(after).await;
                    self.answer(&reply).await
                }
                Fate::Refused(error) => {
                    self.note(&command, error);
                    self.answer(&Reply::Error(error.into())).await
                }
                Fate::DroppedBefore => {
                    self.note(&command, "dropped before");
                    return;
                }
                Fate::DroppedAfter => {
                    self.execute(&command).await;
                    self.note(&command, "dropped after");
                    return;
                }
                Fate::Lost => {
                    self.note(&command, "half-open, never arrived");
                    return sleep(HALF_OPEN).await;
                }
                Fate::Unanswered => {
                    self.note(&command, "half-open, no answer");
                    self.deaf = true;
                    self.execute(&command).await;
                    return sleep(HALF_OPEN).await;
                }
                Fate::CarriedOutLate { milliseconds } => {
                    self.note(&command, "half-open, carried out late");
                    self.deaf = true;
                    pause(milliseconds).await;
                    self.execute(&command).await;
                    true
                }
                Fate::Crash(when) => return self.crash(&command, when).await,
            };
            if !done {
                return;
            }
        }
    }

    async fn crash(&mut self, command: &Command, when: When) {
        if when == When::After {
            self.execute(command).await;
        }
        self.note(command, &format!("CRASH {when:?}"));
        self.world.crash_now();
        if let When::Late { milliseconds } = when
            && command[0] != b"RENAMENX"
        {
            self.deaf = true;
            pause(milliseconds).await;
            self.execute(command).await;
        }
    }

    /// Within `MULTI` commands wait for `EXEC`; nothing goes wrong with them before.
    fn queue(&mut self, command: &Command) -> Option<Reply> {
        match (command[0].as_slice(), &mut self.queued) {
            (b"MULTI", _) => {
                self.queued = Some(Vec::new());
                Some(Reply::Simple("OK"))
            }
            (b"EXEC", _) | (_, None) => None,
            (_, Some(queued)) => {
                queued.push(command.clone());
                Some(Reply::Simple("QUEUED"))
            }
        }
    }

    /// What was sent arrives, also when the sender is gone; `None` when nothing more will come.
    async fn next_command(&mut self) -> Option<Command> {
        loop {
            if let Some(command) = take_command(&mut self.buffer) {
                return Some(command);
            }
            let mut bytes = [0; 4096];
            let read = tokio::select! {
                biased;
                read = self.stream.read(&mut bytes) => read.ok()?,
                () = self.cut.cancelled() => return None,
            };
            if read == 0 {
                return None;
            }
            self.buffer.extend_from_slice(&bytes[..read]);
        }
    }

    /// Executes the command; one that blocks waits for entries, its time, or the client's leaving.
    async fn execute(&mut self, command: &Command) -> Reply {
        let deadline = blocks(command).map(|block| Instant::now() + block);
        let reply = loop {
            if let Some(reply) = self.client_command(command) {
                break reply;
            }
            let world = self.world.clone();
            let changed = world.changed();
            let reply = match self.queued.take() {
                Some(all) => Reply::Array(all.iter().map(|one| self.world.execute(one)).collect()),
                None => self.world.execute(command),
            };
            let (Some(deadline), Reply::NilArray) = (deadline, &reply) else { break reply };
            tokio::select! {
                biased;
                () = self.cut.cancelled(), if !self.deaf => break Reply::NilArray,
                () = changed => {}
                () = sleep_until(deadline) => break Reply::NilArray,
            }
        };
        self.note(command, &reply.summary());
        reply
    }

    /// What concerns connections, and not keys.
    fn client_command(&self, command: &Command) -> Option<Reply> {
        let verb = command.get(1)?.as_slice();
        match (command[0].as_slice(), verb) {
            (b"INFO", _) => Some(Reply::text("redis_mode:standalone\r\nrole:master\r\n")),
            (b"CLIENT", b"INFO") => {
                let number = self.number;
                Some(Reply::text(format!("id={number} addr=sim:{number} name=\n")))
            }
            (b"CLIENT", b"KILL") => {
                let number = std::str::from_utf8(command.get(3)?).ok()?.parse().ok()?;
                Some(Reply::Int(i64::from(self.world.kill(number))))
            }
            _ => None,
        }
    }

    /// Whether the client is still there.
    async fn answer(&mut self, reply: &Reply) -> bool {
        if self.deaf {
            return true;
        }
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        self.stream.write_all(&bytes).await.is_ok()
    }

    fn note(&self, command: &Command, what: &str) {
        let shown = command.iter().take(24).map(|part| match part.len() {
            _ if part == CLAIM.as_bytes() => "claim.lua".into(),
            _ if part == RENAME.as_bytes() => "rename.lua".into(),
            _ if part == ACKNOWLEDGE.as_bytes() => "acknowledge.lua".into(),
            _ if part == COUNT_PENDING.as_bytes() => "count_pending.lua".into(),
            _ if part == LOOK.as_bytes() => "look.lua".into(),
            _ if part == SETTLE.as_bytes() => "settle.lua".into(),
            _ if part == GONE.as_bytes() => "gone.lua".into(),
            0..48 => String::from_utf8_lossy(part).into_owned(),
            length => format!("<{length} bytes>"),
        });
        let shown: Vec<_> = shown.collect();
        self.world.note(&format!("c{} {} -> {what}", self.number, shown.join(" ")));
    }
}

async fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        sleep(Duration::from_millis(milliseconds)).await;
    }
}

fn blocks(command: &Command) -> Option<Duration> {
    let at = command.iter().position(|part| part == b"BLOCK")?;
    let text = std::str::from_utf8(command.get(at + 1)?).ok()?;
    text.parse().ok().map(Duration::from_millis)
}

fn fate(world: &World, command: &Command) -> Fate {
    let name = command[0].as_slice();
    let writes = matches!(
        name,
        b"RENAMENX" | b"UNLINK" | b"LTRIM" | b"XACK" | b"XTRIM" | b"XGROUP" | b"XCLAIM" | b"EVAL"
    );
    if !matches!(name, b"CLIENT" | b"INFO") {
        let operation = if writes { Operation::RedisWrite } else { Operation::RedisRead };
        if let Some(when) = world.crashes_at(operation) {
            return Fate::Crash(when);
        }
    }
    let weight = if writes || name == b"XREADGROUP" { 3 } else { 1 };
    if world.goes_wrong(weight) {
        return match world.below(10) {
            0 | 1 => Fate::DroppedBefore,
            2 | 3 => Fate::DroppedAfter,
            4 => Fate::Lost,
            5 => Fate::Unanswered,
            6 | 7 => Fate::CarriedOutLate { milliseconds: 1 + world.below(8000) },
            8 if denied_at_maxmemory(command) => {
                Fate::Refused("OOM command not allowed when used memory > 'maxmemory'.")
            }
            8 if writes => Fate::Refused("READONLY You can't write against a read only replica."),
            _ => Fate::Refused("LOADING Redis is loading the dataset in memory"),
        };
    }
    match world.below(8) {
        0 => Fate::Answered { before: world.below(4), after: world.below(4) },
        1 => Fate::Answered { before: world.below(40), after: world.below(40) },
        _ => Fate::Answered { before: 0, after: 0 },
    }
}

fn denied_at_maxmemory(command: &Command) -> bool {
    match command[0].as_slice() {
        b"XCLAIM" | b"SADD" | b"SET" => true,
        b"XGROUP" => command[1] == b"CREATE",
        _ => false,
    }
}
