//! The `demo` command: what it shows is true, and it leaves nothing behind.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::{eventually, http, turn};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_prom-stream-gateway");
const DEADLINE: Duration = Duration::from_secs(30);

fn demo(port: u16, temporary: &std::path::Path) -> Command {
    let mut command = Command::new(EXECUTABLE);
    command.args(["demo", "--port", &port.to_string()]).env("TMPDIR", temporary);
    command
}

#[test]
fn totals_match_and_nothing_is_left() {
    let _turn = turn::shared();
    for between in [&[][..], &["--redis"]] {
        totals_match(between);
    }
}

fn totals_match(between: &[&str]) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let port = free_port();
    let mut command = demo(port, directory.path());
    let output = command
        .args(["--seconds", "4", "--kill-every", "2"])
        .args(between)
        .output()
        .expect("the executable starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    assert!(told.contains(&format!("curl http://127.0.0.1:{port}/metrics")), "{told}");
    assert!(told.contains("LPUSH") && told.contains("XADD"), "{told}");
    let last = told.lines().last().unwrap_or_default();
    let numbers: Vec<u64> = last
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [list, stream, served, kills] = numbers[..] else { panic!("not four totals: {last:?}") };
    assert_eq!(kills, 1, "{last}");
    assert!(list > 0 && stream > 0, "{last}");
    assert_eq!(served, list + stream, "{last}");
    assert_eq!(left(directory.path()), 0, "files are left behind");
    assert!(http::get(port, "/-/healthy").is_err(), "the gateway is left behind");
}

#[test]
fn a_signal_ends_it_and_what_it_started() {
    let _turn = turn::shared();
    for signal in [Signal::INT, Signal::TERM] {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let log = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let port = free_port();
        let mut process = Process::spawn(&mut demo(port, directory.path()), log.path());
        eventually("a served event", DEADLINE, || {
            http::get(port, "/metrics").is_ok_and(|answer| answer.body.contains("load_"))
        });
        process.signal(signal);
        assert_eq!(process.wait_exit(DEADLINE).code(), Some(0), "{}", process.output());
        assert_eq!(left(directory.path()), 0, "files are left behind");
        assert!(http::get(port, "/-/healthy").is_err(), "the gateway is left behind");
    }
}

/// How many files and directories there are.
fn left(directory: &std::path::Path) -> usize {
    std::fs::read_dir(directory).expect("the directory can be read").count()
}
