//! What a power failure would undo: nothing is renamed into place before its content is on the
//! disk, `head` names no snapshot whose directory entry is not, and no push is answered before the
//! journal has it there.
//!
//! No test can pull the plug, so this one looks at the system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, Producers, RedisServer, http, producer, turn};

const CALLS: &str = "fsync,fdatasync,rename,renameat,renameat2";
/// What the journal and the answers of pushes are written with.
const PUSH_CALLS: &str = "fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg";
const PUSHES: u32 = 30;
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
    gateway.stop();

    let text = fs::read_to_string(trace.path()).expect("the trace can be read");
    let heads = check(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(heads >= 3, "head was replaced {heads} times\n{text}");
}

#[test]
fn every_push_is_on_the_disk_before_it_is_answered() {
    let _turn = turn::shared();
    let trace = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Redis__ConnectionString", "127.0.0.1:1")
        // Its answer is no other request's.
        .set("Push__Dialect", "sum")
        .traced(PUSH_CALLS, trace.path())
        .start();
    for _ in 0..PUSHES {
        let answer = http::send(gateway.port(), "POST", "/metrics", &[], b"synced_total 1\n");
        assert_eq!(answer.expect("an answer").status, 202);
    }
    gateway.stop();
    let text = fs::read_to_string(trace.path()).expect("the trace can be read");
    let answers = check_pushes(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(answers, PUSHES, "{text}");
}

/// How many pushes were answered, one after the other; an error names the answer that came too
/// early.
fn check_pushes(trace: &str) -> Result<u32, String> {
    let (mut kept, mut answers) = (false, 0);
    let mut unsynced = BTreeSet::new();
    for line in calls(trace) {
        let path = between(&line, "<", ">").filter(|path| path.ends_with(".journal"));
        if line.contains("HTTP/1.0 202") {
            if !kept || !unsynced.is_empty() {
                return Err(format!("kept: {kept}, not synced: {unsynced:?} before: {line}"));
            }
            kept = false;
            answers += 1;
        } else if let Some(path) = path {
            if line.contains(" pwrite64(") {
                kept = true;
                unsynced.insert(path.to_owned());
            } else if line.contains("sync(") && line.ends_with(" = 0") {
                unsynced.remove(path);
            }
        }
    }
    Ok(answers)
}

#[test]
fn an_answer_before_its_push_is_synced_is_found() {
    let good = [
        r#"1 pwrite64(9</d/journal/0.journal>, "..."..., 90, 48) = 90"#,
        r"1 fdatasync(9</d/journal/0.journal>) = 0",
        r#"2 sendto(15<socket:[7]>, "HTTP/1.0 202 Accepted\r\n"..., 99, 0, NULL, 0) = 99"#,
    ];
    let twice = [good, good].concat().join("\n");
    assert_eq!(check_pushes(&twice), Ok(2));
    for missing in [0, 1] {
        let mut lines = [good, good].concat();
        lines.remove(3 + missing);
        check_pushes(&lines.join("\n")).expect_err(good[missing]);
    }
    let failed = twice.replacen(") = 0", ") = -1 EIO (Input/output error)", 1);
    check_pushes(&failed).expect_err("a sync that failed is none");
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
