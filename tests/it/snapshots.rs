//! A snapshot that cannot be read is never taken for an empty one.

use std::fs;
use std::path::PathBuf;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, Producers, RedisServer, producer, turn};

const EVENTS: u64 = 20_000;

#[test]
fn a_truncated_snapshot_falls_back_to_the_one_before() {
    falls_back(|bytes| bytes.truncate(bytes.len() / 2));
}

#[test]
fn a_flipped_bit_falls_back_to_the_one_before() {
    falls_back(|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    });
}

#[test]
fn zeros_fall_back_to_the_snapshot_before() {
    falls_back(|bytes| bytes.fill(0));
}

#[test]
fn a_missing_snapshot_falls_back_to_the_one_before() {
    let _turn = turn::shared();
    let (redis, mut gateway, ledger) = killed_under_load();
    fs::remove_file(newest(&gateway)).expect("the newest snapshot can be removed");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "without the newest snapshot");
    drop(redis);
}

#[test]
fn a_corrupt_or_missing_head_costs_nothing() {
    let _turn = turn::shared();
    let (redis, mut gateway, ledger) = killed_under_load();
    let head = gateway.snapshots().with_file_name("head");
    fs::write(&head, "not a head").expect("head can be written");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "with a corrupt head");
    gateway.wait_checkpoint(1);
    gateway.kill();
    fs::remove_file(&head).expect("head can be removed");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "without a head");
    assert_eq!(gateway.total("lost"), 0);
    drop(redis);
}

#[test]
fn when_no_snapshot_is_readable_the_start_is_refused() {
    let _turn = turn::shared();
    let (redis, mut gateway, _) = killed_under_load();
    let files = snapshots(&gateway);
    for file in &files {
        fs::write(file, "garbage").expect("a snapshot can be written");
    }
    gateway.launch();
    let (status, output) = gateway.wait_exit();
    assert_eq!(status.code(), Some(1), "{output}");
    let tail = output.lines().rev().take(10).collect::<Vec<_>>().join("\n");
    for file in &files {
        let name = file.file_name().expect("a file has a name").to_string_lossy();
        assert!(tail.contains(&*name), "{name} is not named:\n{tail}");
        assert_eq!(fs::read(file).expect("it is still there"), b"garbage");
    }
    let advises = ["move", "remove", "delete", "restore"].iter().any(|verb| tail.contains(verb));
    assert!(advises, "nothing says what to do:\n{tail}");
    drop(redis);
}

/// A gateway that was killed with at least two snapshots, in the middle of its work.
fn killed_under_load() -> (RedisServer, Gateway, Ledger) {
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let plan = Plan { total: Some(EVENTS), rate: 10_000.0, ..producer::to_both(&redis) };
    let producers = Producers::start(&plan);
    gateway.wait_checkpoint(3);
    gateway.kill();
    let ledger = producers.wait();
    assert_eq!(ledger.events_acknowledged, EVENTS);
    (redis, gateway, ledger)
}

fn falls_back(damage: fn(&mut Vec<u8>)) {
    let _turn = turn::shared();
    let (redis, mut gateway, ledger) = killed_under_load();
    let file = newest(&gateway);
    let mut bytes = fs::read(&file).expect("the newest snapshot can be read");
    damage(&mut bytes);
    fs::write(&file, bytes).expect("the newest snapshot can be written");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after the fallback");
    assert_eq!(gateway.total("processed"), EVENTS);
    assert_eq!(gateway.total("lost"), 0);
    // The next checkpoints and starts are not in the way of what was left behind.
    gateway.wait_checkpoint(2);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "one start later");
    drop(redis);
}

/// The snapshot files, oldest first: their names sort by epoch and sequence.
fn snapshots(gateway: &Gateway) -> Vec<PathBuf> {
    let directory = gateway.snapshots();
    let entries =
        fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let number = |path: &PathBuf| -> Vec<u64> {
        let stem = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let parse = |part: &str| part.parse().unwrap_or_else(|error| panic!("{stem}: {error}"));
        stem.split('-').map(parse).collect()
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the directory can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .collect();
    files.sort_by_key(number);
    assert!(files.len() >= 2, "{files:?}");
    files
}

fn newest(gateway: &Gateway) -> PathBuf {
    snapshots(gateway).pop().expect("there are at least two")
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let _turn = turn::shared();
    let gateway = Gateway::bare();
    let missing = gateway.directory().join("data");
    for command in ["list", "verify", "inspect", "export"] {
        let output = gateway.command(&["snapshot", command]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        let expected = format!("`{}`: No such file or directory", missing.display());
        assert!(text.contains(&expected), "{text}");
    }
    assert!(!missing.exists(), "looking makes nothing");
}
