//! A redis-server of one test: free port, unix socket, temporary directory.
//!
//! The tests themselves speak to it over the unix socket, whatever the port demands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::{Client, Connection, FromRedisValue, RedisResult};
use rustix::process::Signal;
use tempfile::TempDir;

use super::ports::free_port;
use super::process::Process;
use super::redis_executable::redis_server;
use super::wait_for;

const START_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct RedisServer {
    // Dropped first: a failure prints the log, which lies in the directory.
    process: Option<Process>,
    directory: TempDir,
    port: u16,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Without persistence unless the arguments say otherwise.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut server = Self::prepare(arguments);
        server.start_again();
        server
    }

    #[track_caller]
    pub(crate) fn start_at(port: u16, arguments: &[&str]) -> Self {
        let mut server = Self { port, ..Self::prepare(arguments) };
        server.start_again();
        server
    }

    /// A server that is not running yet.
    pub(crate) fn prepare(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { directory, port: free_port(), arguments, process: None }
    }

    /// Starts the server in the directory of its earlier life.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        let mut command = redis_server();
        let port = self.port.to_string();
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(self.directory.path()).arg("--unixsocket").arg(self.socket());
        command.args(&self.arguments);
        self.process = Some(Process::spawn(&mut command, &self.directory.path().join("log")));
        wait_for("redis-server's answer", START_DEADLINE, || {
            let mut connection = self.try_connect().map_err(|error| error.to_string())?;
            redis::cmd("PING").exec(&mut connection).map_err(|error| error.to_string())
        });
    }

    /// SIGKILL: what was not persisted is gone.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn pause(&self) {
        self.process.as_ref().expect("redis-server runs").signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.process.as_ref().expect("redis-server runs").signal(Signal::CONT);
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// In the syntax of Redis.ConnectionString.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    #[track_caller]
    pub(crate) fn connection(&self) -> Connection {
        self.try_connect().unwrap_or_else(|error| panic!("cannot connect to Redis: {error}"))
    }

    fn try_connect(&self) -> RedisResult<Connection> {
        Client::open(format!("unix://{}", self.socket().display()))?.get_connection()
    }

    /// Runs one command.
    #[track_caller]
    pub(crate) fn run<T: FromRedisValue>(&self, arguments: &[&str]) -> T {
        self.try_run(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    pub(crate) fn try_run<T: FromRedisValue>(&self, arguments: &[&str]) -> RedisResult<T> {
        let mut command = redis::cmd(arguments[0]);
        for argument in &arguments[1..] {
            command.arg(argument);
        }
        command.query(&mut self.try_connect()?)
    }

    /// Runs several commands on one connection.
    #[track_caller]
    pub(crate) fn query(&self, pipe: &redis::Pipeline) {
        let mut connection = self.try_connect().unwrap_or_else(|error| panic!("{error}"));
        pipe.exec(&mut connection).unwrap_or_else(|error| panic!("{pipe:?}: {error}"));
    }

    /// Whether streams count what was ever added to them, which Redis before 7.0 does not: there
    /// nobody can tell what was trimmed ahead, or that a stream which was rolled back grew again.
    #[track_caller]
    pub(crate) fn counts_entries() -> bool {
        let output = redis_server().arg("--version").output().expect("the server can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let major = text.split("v=").nth(1).and_then(|version| version.split('.').next());
        let major: Option<u32> = major.and_then(|major| major.parse().ok());
        major.unwrap_or_else(|| panic!("no version in {text:?}")) >= 7
    }

    /// Every key that exists, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.run(&["KEYS", "*"]);
        keys.sort();
        keys
    }
}
