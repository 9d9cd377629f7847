//! What keeps the pushes, seen from outside: where it may lie, what it may cost, what it shows.

use std::fs;
use std::os::unix::fs::symlink;

use super::{DEADLINE, answered, served};
use crate::harness::{Gateway, http, turn, wait_for};

const MIB: usize = 1 << 20;

/// Pushes only; no Redis.
fn gateway() -> Gateway {
    Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Redis__ConnectionString", "127.0.0.1:1")
        .set("Snapshot__Interval", "150ms")
}

/// A key and what a push with it adds.
const BODY: &str = "# TYPE j_total counter\nj_total 1\n";

#[track_caller]
fn own_metrics(gateway: &Gateway) -> String {
    gateway.get("/-/metrics").expect("an answer").body
}

/// In the snapshots' own directory: as it is spelled, through a link, and below them.
#[test]
fn a_journal_in_the_directory_of_the_snapshots() {
    let _turn = turn::shared();
    for place in ["data", "link", "data/default", "data/default/snapshots"] {
        let mut gateway = gateway();
        let root = gateway.directory().to_owned();
        fs::create_dir_all(root.join("data")).expect("a directory");
        symlink(root.join("data"), root.join("link")).expect("a link");
        gateway.assign("Push__Journal", root.join(place).to_str().expect("UTF-8"));
        for pushes in 1..=3 {
            gateway.launch();
            gateway.wait_ready();
            answered(&gateway, "POST /metrics", BODY, 200);
            served(&gateway, "j_total", &[&format!("j_total {pushes}")]);
            gateway.kill();
        }
    }
}

/// Nothing that was applied is held, whether there are checkpoints or not.
#[test]
fn a_journal_in_memory_holds_what_is_not_applied() {
    const PUSHES: usize = 100;
    let _turn = turn::shared();
    let gateway = gateway().set("Push__Journal", "memory").set("Snapshot__Interval", "1h").start();
    let body = format!("{BODY}# {}\n", "x".repeat(2 * MIB));
    answered(&gateway, "POST /metrics", &body, 200);
    let before = super::limits::peak_memory(&gateway);
    for _ in 1..PUSHES {
        answered(&gateway, "POST /metrics", &body, 200);
    }
    served(&gateway, "j_total", &[&format!("j_total {PUSHES}")]);
    let grown = super::limits::peak_memory(&gateway) - before;
    assert!(grown < PUSHES * 2 * MIB / 4, "{} MiB for {PUSHES} pushes", grown / MIB);
    wait_for("nothing held", DEADLINE, || {
        let status = gateway.status();
        match status["sources"][0]["pending_entries"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(status.to_string()),
        }
    });
}

/// As where the root is read-only and snapshots go to a bucket: everything but pushes goes on.
#[test]
fn a_journal_that_cannot_be_made_yet() {
    let _turn = turn::shared();
    let mut gateway = gateway();
    let obstacle = gateway.directory().join("disk");
    fs::write(&obstacle, "").expect("a file");
    gateway.assign("Push__Journal", obstacle.join("journal").to_str().expect("UTF-8"));
    gateway.launch();
    wait_for("a page", DEADLINE, || match gateway.get("/metrics") {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let answer = http::send(gateway.port(), "POST", "/metrics", &[], BODY.as_bytes());
    let answer = answer.expect("an answer");
    let cause = "Not a directory";
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains(cause), "{answer:?}");
    // What it reads and serves is all there: that is no reason to send it no scrapes.
    let ready = gateway.get("/-/ready").expect("an answer");
    assert_eq!(ready.status, 200, "{ready:?}");
    let status = gateway.status();
    assert_eq!(
        (&status["phase"], &status["missing"]),
        (&"serving".into(), &Vec::<u8>::new().into())
    );
    let degraded = status["degraded"][0].as_str().unwrap_or_default();
    for said in [cause, "Push.Journal", "Push.Enabled=false"] {
        assert!(degraded.contains(said), "{status}");
    }
    assert!(status["checkpoint"].get("last_error").is_none(), "{status}");
    assert!(own_metrics(&gateway).contains("prom_stream_gateway_degraded 1\n"));
    fs::remove_file(&obstacle).expect("removed");
    wait_for("a journal", DEADLINE, || {
        match gateway.status()["degraded"].as_array().map(Vec::len) {
            Some(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    answered(&gateway, "POST /metrics", BODY, 200);
    served(&gateway, "j_total", &["j_total 1"]);
    assert!(own_metrics(&gateway).contains("prom_stream_gateway_degraded 0\n"));
    // It is one like any other.
    answered(&gateway, "POST /metrics", BODY, 200);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    served(&gateway, "j_total", &["j_total 2"]);
    gateway.stop();
}

/// A machine that begins with an empty disk each time leaves nothing behind but its events.
#[test]
fn a_new_journal_with_each_start() {
    let _turn = turn::shared();
    let mut gateway = gateway();
    let journal = gateway.directory().join("journal");
    gateway.assign("Push__Journal", journal.to_str().expect("UTF-8"));
    let mut series = Vec::new();
    for start in 1..=4 {
        gateway.launch();
        gateway.wait_ready();
        answered(&gateway, "POST /metrics", BODY, 200);
        served(&gateway, "j_total", &[&format!("j_total {start}")]);
        let own = own_metrics(&gateway);
        let processed = "prom_stream_gateway_processed_metrics_total";
        let processed = own.lines().find(|line| line.starts_with(processed));
        let expected = format!("{{queueKey=\"journal\",worker=\"0\"}} {start}");
        assert!(processed.is_some_and(|line| line.ends_with(&expected)), "{processed:?}");
        series.push(own.lines().filter(|line| line.contains("journal")).count());
        let shown = [own, gateway.status().to_string()].concat();
        let names = fs::read_to_string(journal.join("default/journal-id")).expect("its names");
        for name in names.lines() {
            assert!(!shown.contains(name), "{name} is shown");
        }
        gateway.stop();
        fs::remove_dir_all(&journal).expect("removed");
    }
    assert!(series[0] > 10 && series.iter().all(|count| *count == series[0]), "{series:?}");
}

/// What was answered and is in no snapshot waits on its machine, and is counted when that is back:
/// once, whichever journals were used meanwhile.
#[test]
fn a_journal_that_comes_back() {
    let _turn = turn::shared();
    let mut gateway = gateway().set("Snapshot__Interval", "1h");
    let root = gateway.directory().to_owned();
    for (journal, pushes, expected) in
        [("one", 1, 1), ("other", 1, 1), ("one", 0, 2), ("other", 1, 3), ("one", 0, 3)]
    {
        gateway.assign("Push__Journal", root.join(journal).to_str().expect("UTF-8"));
        gateway.launch();
        gateway.wait_ready();
        for _ in 0..pushes {
            answered(&gateway, "POST /metrics", BODY, 200);
        }
        // A page would wait for a snapshot, and the first push is to be in none.
        if expected == 1 && journal == "one" {
            gateway.kill();
        } else {
            served(&gateway, "j_total", &[&format!("j_total {expected}")]);
            gateway.stop();
        }
    }
}
