//! Real clients of Redis, unchanged, and what they sent is served: see `tests/clients/door.py`.

use std::process::Command;

use serde_json::Value;

use super::*;
use crate::harness::turn;

/// Those that a language's package registry brings; the others depend on the distribution.
const LEAST_CLIENTS: usize = 8;

#[test]
fn without_a_login() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    all_push(&gateway.start(), port, &[], 0);
}

#[test]
fn with_a_login() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.set("Redis__ListenUsers", "default=secret,me=hunter2").start();
    all_push(&gateway, port, &["--user", "me", "--password", "hunter2"], 0);
    all_push(&gateway, port, &["--password", "secret"], 1);
}

/// All push, to a gateway where each did so as often before.
#[track_caller]
fn all_push(gateway: &Gateway, port: u16, login: &[&str], before: u32) {
    let reports = reports(port, login);
    assert!(reports.len() >= LEAST_CLIENTS, "{} clients", reports.len());
    for report in &reports {
        let client = report["client"].as_str().expect("a name");
        let sum = report["sum"].as_f64().expect("a number");
        let total = f64::from(before + 1) * sum;
        gateway.wait_value("door_client_total", &[("client", client)], total);
    }
    let letters = gateway.get("/api/v1/dead-letters").expect("an answer").body;
    assert_eq!(letters.trim(), "[]");
}

/// What each client says that it sent.
#[track_caller]
fn reports(port: u16, login: &[&str]) -> Vec<Value> {
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/door.py"))
        .args(["--port", &port.to_string(), "--door"])
        .args(login)
        .output()
        .expect("python3");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{told}");
    told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
