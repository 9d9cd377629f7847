//! The demo's processes and their directory; none of them outlives the demo.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

const START_DEADLINE: Duration = Duration::from_secs(20);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const REQUEST_DEADLINE: Duration = Duration::from_secs(2);
const POLL_EVERY: Duration = Duration::from_millis(20);

/// How much of the gateway's log an error shows.
const SHOWN_LINES: usize = 10;

/// A temporary directory that goes with its owner.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn create() -> anyhow::Result<Self> {
        let name = format!("prom-stream-gateway-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// A redis-server without persistence.
pub(super) struct RedisChild {
    pub(super) port: u16,
    /// Killed when it is dropped.
    _process: Child,
}

impl RedisChild {
    pub(super) async fn start(directory: &Directory) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"]);
        command.arg(&directory.0);
        let mut process = spawn(&mut command, &directory.0.join("redis.log")).context(
            "cannot start redis-server, which must be on the PATH: `make demo REDIS=1` installs it",
        )?;
        let deadline = Instant::now() + START_DEADLINE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = process.try_wait()? {
                bail!("redis-server ended while starting: {status}");
            }
            if Instant::now() >= deadline {
                bail!("redis-server does not answer on port {port} within {START_DEADLINE:?}");
            }
            sleep(POLL_EVERY).await;
        }
        Ok(Self { port, _process: process })
    }
}

/// The gateway: this executable once more.
pub(super) struct GatewayChild {
    port: u16,
    /// Where events are sent: its own port for them, or Redis'.
    pub(super) events_port: u16,
    log: PathBuf,
    settings: Vec<(&'static str, String)>,
    process: Option<Child>,
}

impl GatewayChild {
    /// One that reads the Redis at that port, or takes events itself.
    pub(super) fn new(
        directory: &Directory,
        port: u16,
        redis_port: Option<u16>,
    ) -> anyhow::Result<Self> {
        // Found out now rather than from the log of a gateway that ended.
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is not free; choose another with --port"))?;
        let (events, events_port) = match redis_port {
            Some(port) => ("Redis__ConnectionString", port),
            None => ("Redis__Listen", free_port()?),
        };
        let settings = vec![
            ("Http__Listen", format!("127.0.0.1:{port}")),
            (events, format!("127.0.0.1:{events_port}")),
            ("Snapshot__Url", directory.0.join("snapshots").display().to_string()),
            ("Snapshot__Interval", "1s".into()),
            ("Logging__Format", "text".into()),
        ];
        Ok(Self {
            port,
            events_port,
            log: directory.0.join("gateway.log"),
            settings,
            process: None,
        })
    }

    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let this = std::env::current_exe().context("the path of this executable")?;
        let mut command = Command::new(this);
        command
            .arg("serve")
            .env_clear()
            .envs(self.settings.iter().map(|(key, value)| (key, value)));
        self.process = Some(spawn(&mut command, &self.log).context("cannot start the gateway")?);
        Ok(())
    }

    pub(super) async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while self.get("/-/ready").await.is_none() {
            let process = self.process.as_mut().context("the gateway is not started")?;
            if let Some(status) = process.try_wait()? {
                bail!("the gateway ended while starting: {status}");
            }
            if Instant::now() >= deadline {
                bail!("the gateway is not ready within {START_DEADLINE:?}");
            }
            sleep(POLL_EVERY).await;
        }
        Ok(())
    }

    /// SIGKILL, and waits for the end.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        match &mut self.process {
            Some(process) => process.kill().await.context("cannot kill the gateway"),
            None => Ok(()),
        }
    }

    /// SIGTERM; SIGKILL when that is not enough.
    pub(super) async fn stop(&mut self) {
        let Some(process) = &mut self.process else { return };
        let pid = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            kill_process(pid, Signal::TERM).ok();
        }
        if timeout(STOP_DEADLINE, process.wait()).await.is_err() {
            eprintln!("the gateway does not stop within {STOP_DEADLINE:?}: killing it");
            process.kill().await.ok();
        }
    }

    /// How many events the served state contains; `None` while it does not serve.
    pub(super) async fn served(&self) -> Option<u64> {
        self.get("/-/ready").await?;
        let status: serde_json::Value =
            serde_json::from_str(&self.get("/api/v1/status").await?).ok()?;
        status["sources"].as_array()?.iter().map(|source| source["processed"].as_u64()).sum()
    }

    pub(super) fn log_tail(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// The body of a 200.
    async fn get(&self, path: &str) -> Option<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
            // HTTP/1.0: unchunked, and ends with the connection.
            let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            Some(answer)
        };
        let answer = timeout(REQUEST_DEADLINE, exchange).await.ok()??;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        (head.split(' ').nth(1)? == "200").then(|| body.to_owned())
    }
}

/// A child with its output in a file, killed with its handle, and out of reach of the
/// terminal's Ctrl-C, which is for the demo to act on.
fn spawn(command: &mut Command, log: &Path) -> anyhow::Result<Child> {
    let file = File::options().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    Ok(command.process_group(0).kill_on_drop(true).spawn()?)
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
