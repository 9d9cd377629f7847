//! A redis-server and a gateway of our own, on free ports, gone when dropped.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

pub(crate) const QUEUE: &str = "prom-stream-gateway:metric-queue";
pub(crate) const STREAM: &str = "prom-stream-gateway:metric-stream";
pub(crate) const GROUP: &str = "prom-stream-gateway";

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    /// Removed when this is dropped.
    _directory: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("a temporary directory"));
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server; `make bench` installs it");
        let redis = Self { child, port, _directory: directory };
        let deadline = Instant::now() + PATIENCE;
        while redis.client().get_connection().is_err() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    pub(crate) fn client(&self) -> redis::Client {
        redis::Client::open(("127.0.0.1", self.port)).expect("a valid address")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}

pub(crate) struct Gateway {
    child: Child,
    pub(crate) port: u16,
}

impl Gateway {
    pub(crate) fn start(redis: &Redis, data: &std::path::Path, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_prom-stream-gateway"))
            .env("Redis__ConnectionString", format!("127.0.0.1:{}", redis.port))
            .env("Http__Listen", format!("127.0.0.1:{port}"))
            .env("Snapshot__Url", data)
            .env("Logging__Level", "error")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .expect("the gateway starts");
        Self { child, port }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The response's body, `None` unless the status is 200.
    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).ok()?;
        let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
        response[..end].split(|byte| *byte == b' ').nth(1).filter(|code| *code == b"200")?;
        Some(response.split_off(end + 4))
    }

    pub(crate) fn status(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.get("/api/v1/status")?).ok()
    }

    pub(crate) fn wait(&self, what: &str, mut reached: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self) {
            assert!(Instant::now() < deadline, "the gateway did not get to: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn wait_ready(&self) {
        self.wait("ready", |gateway| gateway.get("/-/ready").is_some());
    }

    /// SIGTERM, and the end of the process.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("SIGTERM");
        self.child.wait().expect("the gateway ends");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}
