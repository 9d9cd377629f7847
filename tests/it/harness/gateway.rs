//! The real executable, set up through its environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::check::differences;
use super::http::{self, Answer};
use super::ports::free_port;
use super::process::Process;
use super::{Page, Proxy, RedisServer, wait_for};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_prom-stream-gateway");
const READY_DEADLINE: Duration = Duration::from_secs(60);
const DRAIN_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Gateway {
    // Dropped first: a failure prints the log, which lies in the directory.
    process: Option<Process>,
    directory: TempDir,
    port: u16,
    settings: BTreeMap<String, String>,
    arguments: Vec<String>,
    /// What starts it, if not the executable itself.
    launcher: Vec<String>,
    /// Standard output is a pipe that nobody reads.
    unread: bool,
}

impl Gateway {
    /// A gateway that is not running yet: list and stream, with snapshots in a directory of
    /// its own.
    pub(crate) fn of(redis: &RedisServer) -> Self {
        Self::bare()
            .set("Redis__ConnectionString", &redis.address())
            .set("Snapshot__Interval", "150ms")
    }

    /// The same, with a proxy between it and its Redis; the test itself speaks to Redis directly.
    pub(crate) fn through(proxy: &Proxy, redis: &RedisServer) -> Self {
        Self::of(redis).set("Redis__ConnectionString", &proxy.address())
    }

    /// A gateway with no more settings than a test needs to find it.
    pub(crate) fn bare() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let port = free_port();
        let snapshots = directory.path().join("data").display().to_string();
        let gateway = Self {
            directory,
            port,
            settings: BTreeMap::new(),
            arguments: Vec::new(),
            launcher: Vec::new(),
            unread: false,
            process: None,
        };
        gateway
            .set("Http__Listen", &format!("127.0.0.1:{port}"))
            .set("Snapshot__Url", &snapshots)
            // Where nothing names a Redis, each would want the same port.
            .set("Redis__Listen", "off")
    }

    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// As `set`, from the next launch on.
    pub(crate) fn assign(&mut self, key: &str, value: &str) {
        self.settings.insert(key.into(), value.into());
    }

    #[track_caller]
    pub(crate) fn setting(&self, key: &str) -> String {
        self.settings.get(key).unwrap_or_else(|| panic!("{key} is not set")).clone()
    }

    pub(crate) fn unassign(&mut self, key: &str) {
        self.settings.remove(key);
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs it under `strace`, which writes the calls of these names to the file. The gateway stays
    /// the process that is killed.
    pub(crate) fn traced(mut self, calls: &str, file: &Path) -> Self {
        let file = file.display().to_string();
        let calls = format!("trace={calls}");
        let strace = ["strace", "-D", "-f", "-y", "-o", &file, "-e", &calls, EXECUTABLE];
        self.launcher = strace.map(Into::into).to_vec();
        self
    }

    /// Runs it under `strace`, which lets system calls fail as told.
    pub(crate) fn failing(mut self, injection: &str) -> Self {
        let file = self.directory.path().join("strace").display().to_string();
        let (calls, _) = injection.split_once(':').expect("calls and what becomes of them");
        let (trace, inject) = (format!("trace={calls}"), format!("inject={injection}"));
        let strace = ["strace", "-D", "-f", "-o", &file, "-e", &trace, "-e", &inject, EXECUTABLE];
        self.launcher = strace.map(Into::into).to_vec();
        self
    }

    /// Its log goes to a pipe that nobody reads.
    pub(crate) fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    pub(crate) fn list_only(self) -> Self {
        self.set("Stream__Mode", "off")
    }

    pub(crate) fn stream_only(self, mode: &str) -> Self {
        self.set("Redis__MetricQueueEnabled", "false").set("Stream__Mode", mode)
    }

    /// Starts it and waits until it serves.
    #[track_caller]
    pub(crate) fn start(mut self) -> Self {
        self.launch();
        self.wait_ready();
        self
    }

    /// Starts it, again perhaps, without waiting.
    #[track_caller]
    pub(crate) fn launch(&mut self) {
        let mut command = Command::new(self.launcher.first().map_or(EXECUTABLE, String::as_str));
        command.args(self.launcher.iter().skip(1));
        command.args(&self.arguments).env_clear().envs(&self.settings);
        command.current_dir(self.directory.path());
        let log = self.directory.path().join("log");
        self.process = Some(match self.unread {
            false => Process::spawn(&mut command, &log),
            true => Process::spawn_unread(&mut command, &log),
        });
    }

    /// What another command of the executable does with the same settings.
    #[track_caller]
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(EXECUTABLE);
        command.args(&self.arguments).args(arguments).env_clear().envs(&self.settings);
        command.current_dir(self.directory.path()).output().expect("the executable can be started")
    }

    /// Waits until `/-/ready` answers 200; fails at once when the process has ended.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        let port = self.port;
        let process = self.process.as_mut().expect("the gateway was launched");
        wait_for("readiness", READY_DEADLINE, || {
            if let Some(status) = process.exited() {
                panic!("the gateway ended while starting: {status}");
            }
            match http::get(port, "/-/ready") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    pub(crate) fn is_ready(&self) -> bool {
        http::get(self.port, "/-/ready").is_ok_and(|answer| answer.status == 200)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// SIGSTOP: it does nothing, and its clock goes on.
    pub(crate) fn pause(&self) {
        self.process.as_ref().expect("the gateway runs").signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.process.as_ref().expect("the gateway runs").signal(Signal::CONT);
    }

    /// Whether it has ended by itself, and how.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(Process::exited)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("the gateway runs").signal(signal);
    }

    /// SIGTERM: the exit status, and how long it took.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> (ExitStatus, Duration) {
        let mut process = self.process.take().expect("the gateway runs");
        let sent = Instant::now();
        process.signal(Signal::TERM);
        let status = process.wait_exit(STOP_DEADLINE);
        (status, sent.elapsed())
    }

    /// SIGTERM, and an orderly stop.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let (status, _) = self.terminate();
        assert_eq!(status.code(), Some(0), "an orderly stop: {status}");
    }

    /// Waits for it to end by itself: the exit status and everything it printed.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> (ExitStatus, String) {
        let mut process = self.process.take().expect("the gateway was launched");
        let status = process.wait_exit(STOP_DEADLINE);
        (status, process.output())
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.as_ref().expect("the gateway runs").pid()
    }

    /// Everything it has logged, in all its lives.
    pub(crate) fn log(&self) -> String {
        let log = self.directory.path().join("log");
        std::fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where its snapshots lie.
    pub(crate) fn snapshots(&self) -> PathBuf {
        let identity = self.settings.get("Gateway__Identity").map_or("default", String::as_str);
        self.directory.path().join("data").join(identity).join("snapshots")
    }

    pub(crate) fn get(&self, path: &str) -> std::io::Result<Answer> {
        http::get(self.port, path)
    }

    /// The page as it is served.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        let answer = self.get("/metrics").unwrap_or_else(|error| panic!("/metrics: {error}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    #[track_caller]
    pub(crate) fn page(&self) -> Page {
        let text = self.text();
        Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let answer = self.get("/api/v1/status").unwrap_or_else(|error| panic!("status: {error}"));
        serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("status: {error}: {}", answer.body))
    }

    /// A number of every source in the status, added up.
    #[track_caller]
    pub(crate) fn total(&self, field: &str) -> u64 {
        let status = self.status();
        let sources = status["sources"].as_array().unwrap_or_else(|| panic!("{status}"));
        assert!(!sources.is_empty(), "no sources: {status}");
        let number = |source: &Value| {
            source[field].as_u64().unwrap_or_else(|| panic!("no {field} in {source}"))
        };
        sources.iter().map(number).sum()
    }

    /// Waits until the page is what the ledger says.
    #[track_caller]
    pub(crate) fn wait_exact(&self, ledger: &Ledger, context: &str) {
        wait_for(context, DRAIN_DEADLINE, || {
            let found = differences(ledger, &self.page());
            match found.len() {
                0 => Ok(()),
                count => Err(format!(
                    "{count} samples differ\n{}\n{}",
                    found.iter().take(20).cloned().collect::<Vec<_>>().join("\n"),
                    self.status()
                )),
            }
        });
    }

    /// Waits until one sample has the value.
    #[track_caller]
    pub(crate) fn wait_value(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        wait_for(&format!("{name} {labels:?} = {value}"), DRAIN_DEADLINE, || {
            match self.page().value(name, labels) {
                Some(served) if served == value => Ok(()),
                other => Err(format!("served {other:?}; {}", self.status())),
            }
        });
    }

    /// Waits until so many events were applied, and asks for no page: that would see to it that a
    /// snapshot has its series.
    #[track_caller]
    pub(crate) fn wait_processed(&self, events: u64) {
        wait_for(&format!("{events} events"), DRAIN_DEADLINE, || match self.total("processed") {
            processed if processed == events => Ok(()),
            processed => Err(format!("{processed}: {}", self.status())),
        });
    }

    /// Waits for a checkpoint that was begun after this call.
    #[track_caller]
    pub(crate) fn wait_checkpoint(&self, successes: u64) {
        let count = || self.status()["checkpoint"]["successes"].as_u64().unwrap_or(0);
        let before = count();
        wait_for("a checkpoint", READY_DEADLINE, || match count() {
            now if now >= before + successes => Ok(()),
            now => Err(format!("{before} before, {now} now; {}", self.status())),
        });
    }
}
