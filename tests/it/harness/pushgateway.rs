//! A real Pushgateway, to compare with: `prometheus-pushgateway` of the path.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::ports::free_port;
use super::process::Process;
use super::{http, wait_for};

const START_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Pushgateway {
    // Dropped first: a failure prints the log, which lies in the directory.
    _process: Process,
    _directory: TempDir,
    port: u16,
}

impl Pushgateway {
    /// Without persistence.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new("prometheus-pushgateway");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--persistence.file=");
        let process = Process::spawn(&mut command, &directory.path().join("log"));
        wait_for("the Pushgateway", START_DEADLINE, || {
            http::get(port, "/-/ready").map_err(|error| error.to_string())
        });
        Self { _process: process, _directory: directory, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
