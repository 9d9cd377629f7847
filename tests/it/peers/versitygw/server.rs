//! versitygw, an S3 server over a directory: a bucket is a folder, an object a file with its
//! metadata in extended attributes, and conditional writes of one key take turns.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::s3::{BUCKET, KEY_ID, SECRET, gateway_at};
use crate::harness::{Gateway, RedisServer, peers, wait_for};

const START_DEADLINE: Duration = Duration::from_secs(20);
const STOP_DEADLINE: Duration = Duration::from_secs(20);

pub(super) struct VersityGateway {
    // Dropped first: a failure prints the log, which lies in the directory.
    process: Option<Process>,
    directory: TempDir,
    port: u16,
}

/// How the server ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Term,
    Kill,
}

impl VersityGateway {
    #[track_caller]
    pub(super) fn start() -> Self {
        // Not in /tmp, which may be a file system without extended attributes.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        fs::create_dir_all(directory.path().join("buckets").join(BUCKET)).expect("a bucket");
        let mut server = Self { process: None, directory, port: free_port() };
        server.start_again();
        server
    }

    /// With what it stored in its earlier life.
    #[track_caller]
    pub(super) fn start_again(&mut self) {
        let mut command = peers::program("versitygw");
        command.args(["--access", KEY_ID, "--secret", SECRET, "--quiet"]);
        command.args(["--port", &format!("127.0.0.1:{}", self.port), "posix"]);
        command.arg(self.directory.path().join("buckets"));
        self.process = Some(Process::spawn(&mut command, &self.directory.path().join("log")));
        let port = self.port;
        wait_for("versitygw", START_DEADLINE, || {
            TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())
        });
    }

    #[track_caller]
    pub(super) fn stop(&mut self, end: End) {
        let mut process = self.process.take().expect("versitygw runs");
        match end {
            End::Term => {
                process.signal(Signal::TERM);
                process.wait_exit(STOP_DEADLINE);
            }
            End::Kill => process.kill(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// A gateway that keeps its snapshots here, and not running yet.
    pub(super) fn gateway(&self, redis: &RedisServer) -> Gateway {
        gateway_at(self.port, redis)
    }
}
