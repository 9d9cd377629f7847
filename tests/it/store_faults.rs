//! A snapshot store on disk that cannot be written: full, limited, in the way, failing.
//!
//! As long as it lasts, events are applied and served, nothing is acknowledged, and the
//! gateway says where, what and what to do. It survives kills meanwhile, and recovers by
//! itself once the fault is gone.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::producer::Plan;
use rustix::process::{Resource, Rlimit, prlimit};

use crate::harness::check::unacknowledged;
use crate::harness::disk::SmallDisk;
use crate::harness::{Gateway, Producers, RedisServer, STREAM};
use crate::harness::{check, eventually, producer, turn, wait_for};

#[cfg(feature = "failpoints")]
mod injected;

const DEADLINE: Duration = Duration::from_secs(60);
const BEFORE: u64 = 2_000;
const DURING: u64 = 3_000;

/// Noise of the allocator: some twenty bytes an event, were they kept.
const MOST_GROWTH_BYTES: f64 = 5e6;

/// What happens to the store, and how it is told.
struct Fault<'a> {
    begin: Box<dyn Fn(&Gateway) + 'a>,
    end: Box<dyn Fn(&Gateway) + 'a>,
    /// What the error is called.
    error: &'static str,
    /// What a start does meanwhile.
    start: Start,
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// The snapshot can be read, so it serves.
    Serves,
    /// It waits until it can be read.
    Waits,
}

#[test]
fn a_full_disk() {
    let _turn = turn::shared();
    let Some(disk) = SmallDisk::mount() else { return };
    let redis = RedisServer::start(&[]);
    let place = disk.path().display().to_string();
    let gateway = Gateway::of(&redis).set("Snapshot__Url", &place);
    let fault = Fault {
        begin: Box::new(|_| disk.fill()),
        end: Box::new(|_| disk.free()),
        error: "No space left on device",
        start: Start::Serves,
    };
    rides_out(&redis, gateway, &place, &fault);
}

#[test]
fn snapshots_that_are_no_directory() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis);
    let place = gateway.directory().join("data").display().to_string();
    let away = |gateway: &Gateway| gateway.snapshots().with_file_name("away");
    let fault = Fault {
        begin: Box::new(|gateway| {
            fs::rename(gateway.snapshots(), away(gateway)).expect("they can be moved");
            fs::write(gateway.snapshots(), "in the way").expect("a file can be written");
        }),
        end: Box::new(|gateway| {
            fs::remove_file(gateway.snapshots()).expect("it is a file");
            fs::rename(away(gateway), gateway.snapshots()).expect("they can be moved");
        }),
        error: "Not a directory",
        start: Start::Waits,
    };
    rides_out(&redis, gateway, &place, &fault);
}

/// `begin` … `end` under load, with kills within.
fn rides_out(redis: &RedisServer, gateway: Gateway, place: &str, fault: &Fault<'_>) {
    let mut gateway = gateway.start();
    let mut ledger = send(redis, BEFORE);
    gateway.wait_exact(&ledger, "before");
    eventually("everything is acknowledged", DEADLINE, || unacknowledged(redis) == 0);

    (fault.begin)(&gateway);
    ledger.merge(&send(redis, DURING));
    gateway.wait_exact(&ledger, "during the fault");
    nothing_is_acknowledged(redis, &gateway);
    it_is_told(&gateway, place, fault.error);
    it_is_not_ready_after_a_while(&gateway, fault.error);
    check::assert_exact(&ledger, &gateway.page(), "not ready, and served all the same");
    assert_eq!(unacknowledged(redis), DURING);

    gateway.kill();
    gateway.launch();
    match fault.start {
        Start::Serves => {
            gateway.wait_ready();
            gateway.wait_exact(&ledger, "started during the fault");
            ledger.merge(&send(redis, DURING));
            gateway.wait_exact(&ledger, "going on during the fault");
            nothing_is_acknowledged(redis, &gateway);
            gateway.kill();
            gateway.launch();
            gateway.wait_ready();
        }
        Start::Waits => {
            wait_for("why it waits", DEADLINE, || match gateway.get("/-/ready") {
                Ok(answer) if answer.status == 503 && answer.body.contains(fault.error) => {
                    assert!(answer.body.contains(place), "{}", answer.body);
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            });
            assert_eq!(gateway.get("/metrics").expect("it answers").status, 503);
        }
    }

    (fault.end)(&gateway);
    recovers(redis, &mut gateway, &ledger);
}

/// The fault is over: Redis may forget everything, and neither this process nor the next one counts
/// anything twice.
fn recovers(redis: &RedisServer, gateway: &mut Gateway, ledger: &Ledger) {
    gateway.wait_ready();
    eventually("everything is acknowledged in the end", DEADLINE, || unacknowledged(redis) == 0);
    gateway.wait_exact(ledger, "after the fault");
    assert!(gateway.status()["checkpoint"]["last_error"].is_null(), "{}", gateway.status());
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(ledger, "one start after the fault");
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{}", gateway.status());
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
}

/// While checkpoints fail, and fail again, Redis keeps what no snapshot covers.
#[track_caller]
fn nothing_is_acknowledged(redis: &RedisServer, gateway: &Gateway) {
    let failures = || gateway.status()["checkpoint"]["failures"].as_u64().unwrap_or(0);
    let (held, length) = (unacknowledged(redis), redis.run::<u64>(&["XLEN", STREAM]));
    assert!(held >= DURING, "{held} held");
    let before = failures();
    eventually("three more failures", DEADLINE, || failures() >= before + 3);
    assert_eq!(unacknowledged(redis), held, "{}", gateway.status());
    assert_eq!(redis.run::<u64>(&["XLEN", STREAM]), length, "the stream was trimmed");
    let counted = gateway.page().value("prom_stream_gateway_checkpoint_failures_total", &[]);
    assert!(counted >= Some(3.0), "{counted:?}");
}

/// In the status and in the log: where, what, and what to do.
#[track_caller]
fn it_is_told(gateway: &Gateway, place: &str, error: &str) {
    let told = gateway.status()["checkpoint"]["last_error"].to_string();
    assert!(told.contains(place) && told.contains(error), "{told}");
    let log = gateway.log();
    let line = log.lines().rfind(|line| line.contains("checkpoint failed"));
    let line = line.unwrap_or_else(|| panic!("no failure in the log:\n{log}"));
    for part in [place, error, "check that the place"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[track_caller]
fn it_is_not_ready_after_a_while(gateway: &Gateway, error: &str) {
    wait_for("readiness to tell", DEADLINE, || match gateway.get("/-/ready") {
        Ok(answer) if answer.status == 503 => {
            assert!(answer.body.contains(error), "{}", answer.body);
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    let degraded = gateway.page().value("prom_stream_gateway_degraded", &[]);
    assert_eq!(degraded, Some(1.0));
}

/// Not even the log can be written: a limit holds for every file.
#[test]
fn a_limit_of_the_size_of_files() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let mut ledger = send(&redis, BEFORE);
    gateway.wait_exact(&ledger, "before");
    eventually("everything is acknowledged", DEADLINE, || unacknowledged(&redis) == 0);

    let unlimited = prlimit(Some(gateway.pid()), Resource::Fsize, limit(Some(1)));
    let unlimited = unlimited.expect("a limit can be set");
    ledger.merge(&send(&redis, DURING));
    gateway.wait_exact(&ledger, "during the limit");
    nothing_is_acknowledged(&redis, &gateway);
    let told = gateway.status()["checkpoint"]["last_error"].to_string();
    assert!(told.contains("File too large"), "{told}");

    prlimit(Some(gateway.pid()), Resource::Fsize, unlimited).expect("a limit can be lifted");
    recovers(&redis, &mut gateway, &ledger);
}

/// The soft limit, which can be raised again.
fn limit(current: Option<u64>) -> Rlimit {
    Rlimit { current, maximum: None }
}

#[test]
fn snapshots_that_somebody_removed_are_written_again() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let mut ledger = send(&redis, BEFORE);
    gateway.wait_exact(&ledger, "before");
    eventually("everything is acknowledged", DEADLINE, || unacknowledged(&redis) == 0);
    let snapshots: PathBuf = gateway.snapshots();
    fs::remove_dir_all(&snapshots).expect("they can be removed");
    ledger.merge(&send(&redis, DURING));
    recovers(&redis, &mut gateway, &ledger);
    assert!(fs::read_dir(&snapshots).expect("it is there again").count() >= 1);
}

/// Of a list the position is a number, and of a stream with one owner too: what no snapshot covers
/// stays in Redis, and the series are as many as before.
#[test]
fn memory_does_not_grow_while_the_store_is_away() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Stream__Mode", "reader").start();
    eventually("a file is in the way", DEADLINE, || {
        // The gateway may make the directory in between, and then there is none to remove.
        fs::remove_dir_all(gateway.snapshots()).ok();
        fs::write(gateway.snapshots(), "in the way").is_ok()
    });
    let resident = || {
        let page = gateway.page();
        page.value("process_resident_memory_bytes", &[]).expect("the process tells")
    };
    // Buffers and the allocator's caches find their size first.
    let mut ledger = send(&redis, 60_000);
    gateway.wait_exact(&ledger, "at first");
    let before = resident();
    ledger.merge(&send(&redis, 250_000));
    gateway.wait_exact(&ledger, "in the end");
    let grown = resident() - before;
    assert!(grown < MOST_GROWTH_BYTES, "{grown} bytes more than {before}");
    let held = redis.run::<u64>(&["XLEN", STREAM]);
    assert!(held >= 140_000, "{held}");
    assert_eq!(gateway.status()["checkpoint"]["successes"], 0, "{}", gateway.status());
}

/// Sends that many events to list and stream, one each in a payload, until Redis has the last.
fn send(redis: &RedisServer, events: u64) -> Ledger {
    let plan = Plan { total: Some(events), rate: 0.0, seed: events, ..producer::to_both(redis) };
    let ledger = Producers::start(&plan).wait();
    assert_eq!(ledger.events_acknowledged, events);
    ledger
}
