//! A redis-server of our own, on a free port, gone when dropped; and dumps, so that the two
//! sides of a comparison start from the same bytes without anybody filling Redis twice.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Connection, Pipeline};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::usage;

pub(crate) const QUEUE: &str = "prom-stream-gateway:metric-queue";
pub(crate) const STREAM: &str = "prom-stream-gateway:metric-stream";
pub(crate) const GROUP: &str = "prom-stream-gateway";

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// On a disk: the usual directory for temporary files may be in memory.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory")
}

pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    /// Removed when this is dropped.
    directory: Option<TempDir>,
}

/// What a Redis held.
pub(crate) struct Dump(TempDir);

impl Dump {
    pub(crate) fn of(fill: impl FnOnce(&mut Connection)) -> Self {
        let directory = directory();
        let redis = Redis::start_in(directory.path());
        let mut connection = redis.connect();
        fill(&mut connection);
        redis::cmd("SAVE").exec(&mut connection).expect("SAVE");
        drop(redis);
        Self(directory)
    }

    /// These elements in the list.
    pub(crate) fn of_list(elements: impl Iterator<Item = String>) -> Self {
        Self::of(|connection| push_all(connection, QUEUE, elements))
    }

    /// Events dealt out to lists in turn.
    pub(crate) fn of_lists(keys: &[String], events: impl Iterator<Item = String>) -> Self {
        Self::dealt_out(keys, events, |pipe, key, event| {
            pipe.cmd("LPUSH").arg(key).arg(event).ignore();
        })
    }

    /// Events dealt out to streams in turn.
    pub(crate) fn of_streams(keys: &[String], events: impl Iterator<Item = String>) -> Self {
        Self::dealt_out(keys, events, |pipe, key, event| {
            pipe.cmd("XADD").arg(key).arg("*").arg("data").arg(event).ignore();
        })
    }

    fn dealt_out(
        keys: &[String],
        events: impl Iterator<Item = String>,
        send: impl Fn(&mut Pipeline, &str, String),
    ) -> Self {
        Self::of(|connection| {
            let mut events = keys.iter().cycle().zip(events).peekable();
            while events.peek().is_some() {
                let mut pipe = redis::pipe();
                for (key, event) in events.by_ref().take(10_000) {
                    send(&mut pipe, key, event);
                }
                pipe.query::<()>(connection).expect("redis takes the events");
            }
        })
    }
}

/// As producers do, a thousand elements a command.
pub(crate) fn push_all(
    connection: &mut Connection,
    key: &str,
    elements: impl Iterator<Item = String>,
) {
    let mut elements = elements.peekable();
    while elements.peek().is_some() {
        let some: Vec<_> = elements.by_ref().take(1000).collect();
        redis::cmd("LPUSH").arg(key).arg(some).exec(connection).expect("LPUSH");
    }
}

impl Redis {
    /// Empty.
    pub(crate) fn start() -> Self {
        let directory = directory();
        let mut redis = Self::start_in(directory.path());
        redis.directory = Some(directory);
        redis
    }

    /// Empty, and one that syncs before it answers.
    pub(crate) fn start_that_syncs() -> Self {
        let redis = Self::start();
        let mut connection = redis.connect();
        for (name, value) in [("appendfsync", "always"), ("appendonly", "yes")] {
            let set = redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut connection);
            set.expect("CONFIG SET");
        }
        redis
    }

    /// Holding what was dumped, which stays as it is.
    pub(crate) fn start_from(Dump(directory): &Dump) -> Self {
        Self::start_in(directory.path())
    }

    /// A dump that lies in the directory is loaded.
    fn start_in(directory: &Path) -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .args(["--rdbcompression", "no"])
            .current_dir(directory)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server; `make bench` installs it");
        let redis = Self { child, port, directory: None };
        let deadline = Instant::now() + PATIENCE;
        while !redis.is_loaded() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    fn is_loaded(&self) -> bool {
        let pong = self
            .client()
            .get_connection()
            .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
        pong.is_ok()
    }

    pub(crate) fn client(&self) -> redis::Client {
        redis::Client::open(("127.0.0.1", self.port)).expect("a valid address")
    }

    pub(crate) fn connect(&self) -> Connection {
        self.client().get_connection().expect("redis answers")
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        usage::cpu_seconds(self.child.id())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}
