//! Who may ask and over what: TLS, client certificates, passwords, and their change while the
//! gateway runs. The clients are those that people use: curl, Prometheus, and the gateway's own
//! health check.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::certificates::{self, Certificates};
use crate::harness::{Gateway, wait_for};

mod passwords;
mod reload;
mod tls;

const DEADLINE: Duration = Duration::from_secs(30);

/// A page that is there from the first moment.
const PAGE: &str = "/-/healthy";

/// What curl saw.
#[derive(Debug)]
struct Seen {
    /// 0 unless the exchange failed.
    code: i32,
    /// 0 without an answer.
    status: u16,
    /// Headers and body.
    text: String,
}

fn curl(gateway: &Gateway, scheme: &str, path: &str, arguments: &[&str]) -> Seen {
    let mut command = Command::new("curl");
    command.args(["-s", "-i", "-w", "\n%{http_code}", "--max-time", "10", "--noproxy", "*"]);
    command.args(arguments).arg(format!("{scheme}://127.0.0.1:{}{path}", gateway.port()));
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start curl: {error}. `make test` installs what the tests need")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.lines().last().and_then(|status| status.parse().ok());
    Seen {
        code: output.status.code().unwrap_or(-1),
        status: status.unwrap_or_else(|| panic!("curl says no status: {text}")),
        text,
    }
}

/// A gateway that needs nobody else, and the web configuration in its directory.
fn gateway(web_config: &str) -> Gateway {
    let gateway = Gateway::bare()
        .list_only()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Redis__ConnectionString", "127.0.0.1:1")
        .set("Http__WebConfigFile", "web.yml");
    write(gateway.directory(), "web.yml", web_config);
    gateway
}

/// Launched, and listening.
#[track_caller]
fn launched(mut gateway: Gateway) -> Gateway {
    gateway.launch();
    wait_for("the listener", DEADLINE, || {
        assert_eq!(gateway.exited(), None, "{}", gateway.log());
        std::net::TcpStream::connect(("127.0.0.1", gateway.port())).map_err(|e| e.to_string())
    });
    gateway
}

/// Replaced as a whole: a reader sees the old content or the new.
fn write(directory: &Path, name: &str, text: &str) {
    let new = directory.join(format!("{name}.new"));
    std::fs::write(&new, text).expect("the directory can be written to");
    std::fs::rename(&new, directory.join(name)).expect("a file can be renamed");
}

fn hash(password: &str) -> String {
    bcrypt::hash(password, 5).expect("a valid cost")
}

/// `tls_server_config` with the certificate, and more lines of the section.
fn tls(certificates: &Certificates, more: &str) -> String {
    let Certificates { certificate, key, .. } = certificates;
    format!(
        "tls_server_config:\n  cert_file: {}\n  key_file: {}\n{more}",
        certificate.display(),
        key.display()
    )
}

/// An authority of its own, and the directory that holds it.
fn authority() -> (tempfile::TempDir, Certificates) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let certificates = certificates::make(directory.path());
    (directory, certificates)
}
