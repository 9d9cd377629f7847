//! What all these clients push together, read by parsers that are not ours: those of the Python
//! client for both text formats, the second of them strict, and promtool's.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Client, go, replacing, shell};
use crate::harness::{RedisServer, http, turn};

const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0";

#[test]
fn strangers_read_the_page() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = replacing(&redis);
    let port = gateway.port();
    Client::Node.run(&format!("http://127.0.0.1:{port}"), "push");
    shell::pushgateway(port);
    go::push(port);
    // Before the Python client pushes: it states when a counter `x` began as a gauge `x_created`,
    // which the strict format keeps for the counter itself.
    reads(Client::Python.command().args(["", "parse-openmetrics"]), &page(port, OPENMETRICS));
    Client::Python.run(&format!("127.0.0.1:{port}"), "push");
    let text = page(port, "Accept: text/plain");
    reads(Client::Python.command().args(["", "parse-text"]), &text);
    let told = fed(Command::new("promtool").args(["check", "metrics"]), &text);
    assert!(!told.1.contains("parsing error"), "{}", told.1);
}

fn page(port: u16, accept: &str) -> String {
    let answer = http::send(port, "GET", "/metrics", &[accept], b"").expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    for name in ["node_orders", "curl_rows", "go_backup_records", "go_backup_duration_seconds"] {
        assert!(answer.body.contains(name), "{name} is not in {}", answer.body);
    }
    answer.body
}

/// The parser accepts the page, and not one that was cut within a line.
#[track_caller]
fn reads(parser: &mut Command, page: &str) {
    let (succeeded, said) = fed(parser, page);
    assert!(succeeded, "{said}\n{page}");
    let (succeeded, _) = fed(parser, "x{y=\"");
    assert!(!succeeded, "the parser accepts anything");
}

/// Runs a program with this for its input: whether it succeeded, and what it said.
#[track_caller]
fn fed(command: &mut Command, input: &str) -> (bool, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("cannot start {name}: {error}. `make test` installs what the tests need")
    });
    let mut stdin = child.stdin.take().expect("the input is piped");
    // A program that has seen enough closes its input.
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success() && written.is_ok(), said.concat())
}
