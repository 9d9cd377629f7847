//! Three sentinels that watch one primary and agree by two.

use std::fs;
use std::time::Duration;

use redis::{Client, FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::ports::free_port;
use super::process::Process;
use super::redis_executable::redis_server;
use super::{RedisServer, wait_for};

const SENTINELS: usize = 3;
const START_DEADLINE: Duration = Duration::from_secs(20);

/// What the primary is called.
pub(crate) const SERVICE: &str = "main";

pub(crate) struct Sentinels {
    // Dropped first: a failure prints the logs, which lie in the directory.
    _processes: Vec<Process>,
    _directory: TempDir,
    ports: Vec<u16>,
}

impl Sentinels {
    /// Sentinels that know each other, the primary and its replica.
    #[track_caller]
    pub(crate) fn of(primary: &RedisServer) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let ports: Vec<u16> = (0..SENTINELS).map(|_| free_port()).collect();
        let processes = ports.iter().map(|port| spawn(&directory, *port, primary.port())).collect();
        let sentinels = Self { _processes: processes, _directory: directory, ports };
        for at in 0..SENTINELS {
            wait_for("a sentinel that knows all the others", START_DEADLINE, || {
                sentinels.check(at)
            });
        }
        sentinels
    }

    fn check(&self, at: usize) -> Result<(), String> {
        let state: std::collections::HashMap<String, String> =
            self.run(at, &["SENTINEL", "MASTER", SERVICE]).map_err(|error| error.to_string())?;
        let count = |name: &str| state.get(name).map_or("", String::as_str);
        if count("num-slaves") == "1" && count("num-other-sentinels") == "2" {
            Ok(())
        } else {
            Err(format!("{state:?}"))
        }
    }

    /// In the syntax of Redis.ConnectionString.
    pub(crate) fn address(&self) -> String {
        let endpoints: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("{},serviceName={SERVICE}", endpoints.join(","))
    }

    /// Asks one of them.
    pub(crate) fn run<T: FromRedisValue>(&self, at: usize, words: &[&str]) -> RedisResult<T> {
        let client = Client::open(("127.0.0.1", self.ports[at]))?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut client.get_connection()?)
    }

    /// Waits until all of them name this server as the primary.
    #[track_caller]
    pub(crate) fn wait_primary(&self, primary: &RedisServer, deadline: Duration) {
        for at in 0..SENTINELS {
            wait_for("the sentinel's word on the primary", deadline, || {
                let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
                match self.run::<(String, u16)>(at, &ask) {
                    Ok((_, port)) if port == primary.port() => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            });
        }
    }
}

/// A sentinel writes into its own configuration, so each has a file.
#[track_caller]
fn spawn(directory: &TempDir, port: u16, primary_port: u16) -> Process {
    let file = directory.path().join(format!("{port}.conf"));
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\n\
         sentinel monitor {SERVICE} 127.0.0.1 {primary_port} 2\n\
         sentinel down-after-milliseconds {SERVICE} 500\n\
         sentinel failover-timeout {SERVICE} 5000\n",
        directory.path().display()
    );
    fs::write(&file, text).expect("the directory can be written to");
    let mut command = redis_server();
    command.arg(&file).arg("--sentinel");
    Process::spawn(&mut command, &directory.path().join(format!("{port}.log")))
}
