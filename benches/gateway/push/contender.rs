//! Who takes part: our gateway in its dialects, and the peers that are installed.

use std::any::Any;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::redis_server::{Redis, directory, free_port};

const PATIENCE: Duration = Duration::from_secs(30);

const PUSHGATEWAY: &str = "Pushgateway";
const GRAVEL: &str = "gravel-gateway";

/// Durable on disk before it answers, which no peer offers.
const REPLACE: &str = "replace, journal on disk";
const AGGREGATE: &str = "aggregate, journal on disk";

/// Kept as the peers keep it.
const REPLACE_IN_MEMORY: &str = "replace, journal in memory";
const AGGREGATE_IN_MEMORY: &str = "aggregate, journal in memory";

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// What is pushed to it adds up.
    pub(crate) adds_up: bool,
    /// A push takes the square of its series.
    pub(crate) is_quadratic: bool,
    kind: Kind,
}

enum Kind {
    Ours { dialect: &'static str, journal: &'static str },
    Pushgateway(PathBuf),
    Gravel(PathBuf),
}

/// A running server, gone when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    _process: Box<dyn Any>,
    _data: TempDir,
}

struct Peer(Child);

pub(crate) fn all() -> Vec<Contender> {
    let ours = |name, dialect, journal| Contender {
        name,
        adds_up: dialect == "aggregate",
        is_quadratic: false,
        kind: Kind::Ours { dialect, journal },
    };
    let mut all = vec![
        ours(AGGREGATE_IN_MEMORY, "aggregate", "memory"),
        ours(AGGREGATE, "aggregate", "default"),
        ours(REPLACE_IN_MEMORY, "replace", "memory"),
        ours(REPLACE, "replace", "default"),
    ];
    if let Some(path) = find("PUSHGATEWAY", &["prometheus-pushgateway", "pushgateway"]) {
        let kind = Kind::Pushgateway(path);
        all.push(Contender { name: PUSHGATEWAY, adds_up: false, is_quadratic: false, kind });
    }
    if let Some(path) = find("GRAVEL", &["gravel-gateway"]) {
        let kind = Kind::Gravel(path);
        all.push(Contender { name: GRAVEL, adds_up: true, is_quadratic: true, kind });
    }
    all
}

/// Each peer that takes part, and ours that does the same, or the same and more.
pub(crate) fn comparisons(contenders: &[Contender]) -> Vec<(usize, usize)> {
    let index = |name| contenders.iter().position(|contender| contender.name == name);
    let pairs = [
        (PUSHGATEWAY, REPLACE_IN_MEMORY),
        (PUSHGATEWAY, REPLACE),
        (GRAVEL, AGGREGATE_IN_MEMORY),
        (GRAVEL, AGGREGATE),
    ];
    pairs.into_iter().filter_map(|(peer, ours)| Some((index(peer)?, index(ours)?))).collect()
}

/// An executable that the environment names, or one in the path; says so when there is none.
fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path)
        .flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    if found.is_none() {
        println!("without {}: not in the path, and {variable} does not name it", names[0]);
    }
    found
}

impl Contender {
    pub(crate) fn start(&self) -> Server {
        let data = directory();
        match &self.kind {
            Kind::Ours { dialect, journal } => start_ours(data, dialect, journal),
            Kind::Pushgateway(path) => {
                let port = free_port();
                let listen = format!("--web.listen-address=127.0.0.1:{port}");
                start_peer(path, &[&listen, "--persistence.file="], port, data)
            }
            Kind::Gravel(path) => {
                let port = free_port();
                start_peer(path, &["-l", &format!("127.0.0.1:{port}")], port, data)
            }
        }
    }
}

fn start_ours(data: TempDir, dialect: &str, journal: &str) -> Server {
    let redis = Redis::start();
    let settings =
        [("Push__Dialect", dialect), ("Push__Journal", journal), ("Metrics__MaxSeries", "2000000")];
    let gateway = Gateway::start(redis.port, data.path(), &settings);
    gateway.wait_ready();
    Server { port: gateway.port, _process: Box::new((gateway, redis)), _data: data }
}

fn start_peer(path: &Path, arguments: &[&str], port: u16, data: TempDir) -> Server {
    let child = Command::new(path)
        .args(arguments)
        .current_dir(data.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", path.display()));
    let server = Server { port, _process: Box::new(Peer(child)), _data: data };
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "{} does not listen", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
    server
}

impl Server {
    /// The body of an answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in UTF-8");
        answer.split_once("\r\n\r\n").expect("a head and a body").1.into()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}
