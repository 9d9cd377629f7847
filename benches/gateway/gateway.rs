//! A gateway of our own, on a free port, gone when dropped.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::redis_server::free_port;
use crate::{http_client, usage};

const PATIENCE: Duration = Duration::from_secs(180);

/// Between looks: often enough for the figure, seldom enough not to become one.
const LOOK_EVERY: Duration = Duration::from_millis(3);

pub(crate) struct Gateway {
    child: Child,
    pub(crate) port: u16,
}

/// What `/api/v1/status` says of checkpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) successes: u64,
    pub(crate) cut_seconds: f64,
    pub(crate) duration_seconds: f64,
    pub(crate) size_bytes: f64,
}

impl Gateway {
    /// At a Redis, or at a proxy before it.
    pub(crate) fn start(redis_port: u16, data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(&mut Command::new(Self::executable()), redis_port, data, settings)
    }

    /// One that reads no Redis.
    pub(crate) fn start_without_redis(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(&mut Command::new(Self::executable()), data, settings)
    }

    /// Through a command that is given the gateway's executable to run.
    pub(crate) fn spawn(
        command: &mut Command,
        redis_port: u16,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        command.env("Redis__ConnectionString", format!("127.0.0.1:{redis_port}"));
        Self::launch(command, data, settings)
    }

    fn launch(command: &mut Command, data: &Path, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let child = command
            .env("Http__Listen", format!("127.0.0.1:{port}"))
            .env("Snapshot__Url", data)
            .env("Logging__Level", "error")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, port }
    }

    pub(crate) fn executable() -> &'static str {
        env!("CARGO_BIN_EXE_prom-stream-gateway")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        usage::cpu_seconds(self.pid())
    }

    pub(crate) fn get(&self, path: &str) -> Option<Vec<u8>> {
        http_client::get(self.port, path)
    }

    pub(crate) fn status(&self) -> Value {
        let body = self.get("/api/v1/status").expect("the status is always there");
        serde_json::from_slice(&body).expect("the status is JSON")
    }

    /// Events of all sources that are part of the state.
    pub(crate) fn processed(&self) -> u64 {
        let status = self.status();
        let sources = status["sources"].as_array().expect("a list of sources");
        sources.iter().filter_map(|source| source["processed"].as_u64()).sum()
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let status = self.status();
        let checkpoint = &status["checkpoint"];
        let number = |name: &str| checkpoint[name].as_f64().expect("a number");
        Checkpoint {
            successes: checkpoint["successes"].as_u64().expect("a count"),
            cut_seconds: number("cut_seconds"),
            duration_seconds: number("duration_seconds"),
            size_bytes: number("size_bytes"),
        }
    }

    pub(crate) fn wait(&self, what: &str, reached: impl FnMut(&Self) -> bool) {
        self.wait_looking_every(LOOK_EVERY, what, reached);
    }

    /// Looks seldom, where CPU time is measured and looking would be a part of it.
    pub(crate) fn wait_looking_every(
        &self,
        pause: Duration,
        what: &str,
        mut reached: impl FnMut(&Self) -> bool,
    ) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self) {
            assert!(Instant::now() < deadline, "the gateway did not get to: {what}");
            std::thread::sleep(pause);
        }
    }

    pub(crate) fn wait_ready(&self) {
        self.wait("ready", |gateway| gateway.get("/-/ready").is_some());
    }

    pub(crate) fn wait_processed(&self, events: u64) {
        self.wait("all events", |gateway| gateway.processed() >= events);
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
