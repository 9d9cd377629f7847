//! The `load` command: its ledger is what Redis holds.

use std::process::Command;
use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use rustix::process::Signal;

use crate::harness::process::Process;
use crate::harness::{LIST, RedisServer, STREAM, eventually, turn};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_prom-stream-gateway");
const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn the_ledger_counts_what_redis_holds() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let file = redis.directory().join("ledger.json");
    let mut command = Command::new(EXECUTABLE);
    command.args(["load", "--redis", &redis.address(), "--list", LIST, "--stream", STREAM]);
    command.args(["--rate", "0", "--total", "1001", "--batch", "10", "--pipeline", "7"]);
    let output = command.arg("--ledger").arg(&file).output().expect("the executable starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let ledger = Ledger::read(&file).expect("the ledger is there");
    assert_eq!(ledger.events_acknowledged, 1001);
    assert_eq!(ledger.events_attempted, 1001);
    // 501 events in arrays of ten, and 500.
    assert_eq!(redis.run::<u64>(&["LLEN", LIST]), 51);
    assert_eq!(redis.run::<u64>(&["XLEN", STREAM]), 50);
    let payloads: Vec<String> = redis.run(&["LRANGE", LIST, "0", "-1"]);
    let events = payloads.iter().map(|payload| {
        serde_json::from_str::<Vec<serde_json::Value>>(payload).expect("an array").len()
    });
    assert_eq!(events.sum::<usize>(), 501);
}

#[test]
fn a_stopped_load_leaves_a_whole_ledger() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let file = redis.directory().join("ledger.json");
    for signal in [Signal::TERM, Signal::INT] {
        redis.run::<()>(&["FLUSHALL"]);
        let mut command = Command::new(EXECUTABLE);
        command.args(["load", "--redis", &redis.address(), "--list", LIST, "--rate", "0"]);
        command.arg("--ledger").arg(&file);
        let mut load = Process::spawn(&mut command, &redis.directory().join("load.log"));
        eventually("some events", DEADLINE, || redis.run::<u64>(&["LLEN", LIST]) > 1000);
        load.signal(signal);
        assert_eq!(load.wait_exit(DEADLINE).code(), Some(0), "{}", load.output());
        let ledger = Ledger::read(&file).expect("the ledger is there");
        assert_eq!(ledger.events_acknowledged, redis.run::<u64>(&["LLEN", LIST]));
        assert_eq!(ledger.events_attempted, ledger.events_acknowledged);
    }
}

#[test]
fn a_wrong_password_ends_the_load() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let url = format!("redis://someone:wr0ng@{}", redis.address());
    let mut command = Command::new(EXECUTABLE);
    command.args(["load", "--redis", &url, "--list", LIST, "--duration", "60"]);
    let output = command.output().expect("the executable starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("Redis") && !told.contains("wr0ng"), "{told}");
}

#[test]
fn without_redis_it_ends() {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    redis.kill();
    let mut command = Command::new(EXECUTABLE);
    command.args(["load", "--redis", &redis.address(), "--stream", STREAM]);
    let mut load = Process::spawn(&mut command, &redis.directory().join("load.log"));
    assert_eq!(load.wait_exit(DEADLINE).code(), Some(1), "{}", load.output());
    let expected = format!("cannot connect to Redis at {}", redis.address());
    assert!(load.output().contains(&expected), "{}", load.output());
}

#[test]
fn the_usage_names_both_targets() {
    let output = Command::new(EXECUTABLE).arg("load").output().expect("the executable starts");
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("--list <KEY>") && text.contains("--stream <KEY>"), "{text}");
}
