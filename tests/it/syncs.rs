//! What a power failure would undo: nothing is renamed into place before its content is on the
//! disk, and `head` names no snapshot whose directory entry is not.
//!
//! No test can pull the plug, so this one looks at the system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, Producers, RedisServer, producer, turn};

const CALLS: &str = "fsync,fdatasync,rename,renameat,renameat2";
const EVENTS: u64 = 2_000;

#[test]
fn every_file_is_synced_before_it_is_renamed_and_its_directory_before_head() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let trace = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut gateway = Gateway::of(&redis).traced(CALLS, trace.path()).start();
    let plan = producer::to_both(&redis);
    let producers = Producers::start(&Plan { total: Some(EVENTS), ..plan });
    let ledger = producers.wait();
    gateway.wait_exact(&ledger, "under strace");
    let (status, _) = gateway.terminate();
    assert_eq!(status.code(), Some(0));

    let text = fs::read_to_string(trace.path()).expect("the trace can be read");
    let heads = check(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(heads >= 3, "head was replaced {heads} times\n{text}");
}

/// How often `head` was replaced; an error names the call that came too early.
fn check(trace: &str) -> Result<u32, String> {
    let mut synced = BTreeSet::new();
    let mut unsynced_directories = BTreeSet::new();
    let mut heads = 0;
    for line in calls(trace).iter().filter(|line| line.ends_with(" = 0")) {
        if let Some(path) = between(line, "sync(", ")").and_then(|call| between(call, "<", ">")) {
            synced.insert(path.to_owned());
            unsynced_directories.remove(path);
        } else if line.contains(" rename") {
            let mut paths = line.split('"').skip(1).step_by(2);
            let (Some(from), Some(to)) = (paths.next(), paths.next()) else {
                return Err(format!("not a rename of one path to another: {line}"));
            };
            // Once only: the next file of that name is another one.
            if !synced.remove(from) {
                return Err(format!("renamed before it was synced: {line}"));
            }
            let to = Path::new(to);
            if to.ends_with("head") {
                heads += 1;
                if !unsynced_directories.is_empty() {
                    return Err(format!("{unsynced_directories:?} not synced before: {line}"));
                }
            }
            let directory = to.parent().expect("a file lies in a directory");
            unsynced_directories.insert(directory.display().to_string());
        }
    }
    match unsynced_directories.is_empty() {
        true => Ok(heads),
        false => Err(format!("{unsynced_directories:?} were never synced")),
    }
}

/// One line a call; strace breaks in two what overlaps with another thread's.
fn calls(trace: &str) -> Vec<String> {
    let mut begun = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let thread = line.split(' ').next().unwrap_or_default();
        if let Some(call) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, call);
        } else if let Some((_, rest)) = line.split_once(" resumed>") {
            calls.push(format!("{}{rest}", begun.remove(thread).unwrap_or_default()));
        } else {
            calls.push(line.to_owned());
        }
    }
    calls
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner)
}

#[test]
fn a_file_or_a_directory_that_is_not_synced_is_found() {
    let good = [
        r"1 fsync(12</d/snapshots/1.snap#1>) = 0",
        r#"1 rename("/d/snapshots/1.snap#1", "/d/snapshots/1.snap") = 0"#,
        r"1 fsync(12</d/snapshots>) = 0",
        r"1 fsync(12</d/head#1>) = 0",
        r#"1 rename("/d/head#1", "/d/head") = 0"#,
        r"1 fsync(12</d>) = 0",
    ];
    assert_eq!(check(&good.join("\n")), Ok(1));
    let interleaved = good.join("\n").replace(
        "1 fsync(12</d/head#1>) = 0",
        "1 fsync(12</d/head#1> <unfinished ...>\n2 fsync(9</x>) = 0\n1 <... fsync resumed>) = 0",
    );
    assert_eq!(check(&interleaved), Ok(1));
    for missing in [0, 2, 3, 5] {
        let mut lines = good.to_vec();
        lines.remove(missing);
        check(&lines.join("\n")).expect_err(good[missing]);
    }
}
