//! Snapshots in a bucket: the disk of the gateway is worth nothing, and the service may fail.
//!
//! The bucket answers as S3 does, and fails as S3 does: it is away for a while, refuses
//! a put, or applies it and never says so.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::campaign::torment;
use crate::harness::check::unacknowledged;
use crate::harness::s3::{Fault, S3, Weather};
use crate::harness::{Gateway, Producers, RedisServer, Scraper};
use crate::harness::{check, eventually, producer, seed, turn, wait_for};

mod one_operation;

const KILLS: u32 = 8;
const EVENTS: u64 = 20_000;
const DEADLINE: Duration = Duration::from_secs(60);

/// The first try of a request and the client's own further ones.
const TRIES: usize = 4;

#[test]
fn another_disk_continues_where_a_killed_gateway_was() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let (mut gateway, producers) = three_checkpoints_under_load(&s3, &redis);
    // From here on it applies what no snapshot covers, as long as its lease lasts.
    s3.set(Weather::Unavailable);
    let before = gateway.total("processed");
    wait_for("events applied without a checkpoint", DEADLINE, || {
        match (gateway.total("processed"), checkpoint(&gateway, "failures")) {
            (processed, failures) if processed > before && failures > 0 => Ok(()),
            other => Err(format!("{other:?}; {}", gateway.status())),
        }
    });
    gateway.kill();
    let ledger = producers.wait();
    s3.set(Weather::Fine);

    let other = s3.gateway(&redis).start();
    other.wait_exact(&ledger, "on another disk");
    assert_tally(&other, &ledger);
    assert!(other.total("replayed") > 0, "nothing was replayed: {}", other.status());
    for gateway in [&gateway, &other] {
        let on_disk: Vec<_> = std::fs::read_dir(gateway.directory().join("data/default"))
            .expect("the journal of pushes is there")
            .map(|entry| entry.expect("a directory can be read").file_name())
            .collect();
        assert_eq!(on_disk, ["journal"]);
    }
    eventually("only two snapshots are kept", DEADLINE, || s3.snapshots().len() == 2);
}

#[test]
fn kills_under_load() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let seed = seed();
        let (redis, s3) = (RedisServer::start(&[]), S3::start());
        // The time in which a kill can hit a put.
        s3.set(Weather::Slow(Duration::from_millis(5)));
        let mut gateway = s3.gateway(&redis).set("Stream__Mode", mode).start();
        let scraper = Scraper::start(gateway.port());
        let plan = Plan { rate: 9_000.0, seed, ..producer::to_both(&redis) };
        let producers = Producers::start(&plan);
        torment(&mut gateway, &producers, KILLS, 2 * EVENTS, &mut Random::new(seed));
        let ledger = producers.stop();
        gateway.wait_exact(&ledger, &format!("{mode}, after {KILLS} kills, SEED={seed}"));
        assert_tally(&gateway, &ledger);
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_exact(&ledger, "after one kill more, at rest");
        assert_tally(&gateway, &ledger);
        scraper.finish();
    }
}

#[test]
fn the_last_snapshot_of_an_orderly_stop_holds_everything() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    // So rare that the only snapshot is the last one.
    let mut gateway = s3.gateway(&redis).set("Snapshot__Interval", "1h").start();
    let ledger = send(&redis, 5_000);
    gateway.wait_processed(ledger.events_acknowledged);
    assert_eq!(s3.snapshots(), Vec::<String>::new());
    gateway.stop();
    assert_eq!(s3.snapshots().len(), 1);

    redis.run::<()>(&["FLUSHALL"]);
    let other = s3.gateway(&redis).start();
    check::assert_exact(&ledger, &other.page(), "without Redis' help");
    assert_tally(&other, &ledger);
    assert_eq!(other.total("replayed"), 0, "{}", other.status());
}

#[test]
fn an_outage_of_the_bucket_delays_acknowledgements_and_nothing_else() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let gateway = s3.gateway(&redis).set("Snapshot__LeaseTtl", "1m").start();
    let mut ledger = send(&redis, 2_000);
    gateway.wait_exact(&ledger, "before the outage");
    eventually("everything is acknowledged", DEADLINE, || unacknowledged(&redis) == 0);

    s3.set(Weather::Unavailable);
    ledger.merge(&send(&redis, 3_000));
    gateway.wait_exact(&ledger, "during the outage");
    // One that was all but finished may have succeeded until then.
    eventually("a failure", DEADLINE, || checkpoint(&gateway, "failures") >= 1);
    let successes = checkpoint(&gateway, "successes");
    eventually("two failures", DEADLINE, || checkpoint(&gateway, "failures") >= 2);
    assert_eq!(unacknowledged(&redis), 3_000, "Redis must keep what no snapshot covers");
    assert_eq!(checkpoint(&gateway, "successes"), successes);
    let error = gateway.status()["checkpoint"]["last_error"].to_string();
    assert!(error.contains("s3://") && error.contains("503"), "{error}");
    let page = gateway.page();
    let metered = page.value("prom_stream_gateway_checkpoint_failures_total", &[]);
    assert!(metered >= Some(2.0), "{metered:?}");
    assert_eq!(page.value("prom_stream_gateway_ready", &[]), Some(1.0));

    s3.set(Weather::Fine);
    eventually("everything is acknowledged again", DEADLINE, || unacknowledged(&redis) == 0);
    assert!(checkpoint(&gateway, "successes") > successes);
    assert!(gateway.status()["checkpoint"]["last_error"].is_null(), "{}", gateway.status());
    check::assert_exact(&ledger, &gateway.page(), "after the outage");
}

#[test]
fn a_start_waits_for_the_bucket() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut gateway = s3.gateway(&redis).start();
    let ledger = send(&redis, 1_000);
    gateway.wait_exact(&ledger, "at first");
    gateway.kill();
    s3.set(Weather::Unavailable);
    gateway.launch();
    wait_for("a reason not to serve", DEADLINE, || match gateway.get("/api/v1/status") {
        Ok(answer) if answer.body.contains("503") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(gateway.get("/metrics").expect("it answers").status, 503);
    s3.set(Weather::Fine);
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after the bucket came back");
}

#[test]
fn a_stop_without_the_bucket_fails_and_loses_nothing() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut gateway = s3.gateway(&redis).set("Snapshot__LeaseTtl", "10s").start();
    gateway.wait_checkpoint(1);
    s3.set(Weather::Unavailable);
    let ledger = send(&redis, 2_000);
    gateway.wait_exact(&ledger, "before the stop");
    let (status, elapsed) = gateway.terminate();
    assert_eq!(status.code(), Some(1));
    assert!(elapsed < Duration::from_secs(15), "took {elapsed:?}");
    s3.set(Weather::Fine);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "at the next start");
    assert_tally(&gateway, &ledger);
}

#[test]
fn a_put_of_head_that_was_applied_counts_whatever_the_answer_was() {
    let _turn = turn::shared();
    let refused_again =
        [&[Fault::AppliedWith500][..], &[Fault::RefusedWith500; TRIES - 1]].concat();
    for faults in [&[Fault::AppliedWith500][..], &[Fault::AppliedWithoutAnswer], &refused_again] {
        let (failures, preconditions_failed) = failures_after(faults);
        assert_eq!(failures, 0, "{faults:?}");
        // The client's own second try is the one that finds `head` changed.
        assert!(faults.len() > 1 || preconditions_failed > 0, "{faults:?}");
    }
}

#[test]
fn a_put_of_head_that_was_not_applied_is_a_failure_to_recover_from() {
    let _turn = turn::shared();
    for fault in [Fault::RefusedWith500, Fault::NeitherAppliedNorAnswered] {
        assert_eq!(failures_after(&[fault; TRIES]).0, 1, "{fault:?}");
    }
}

#[test]
fn a_conflict_with_nobody_is_tried_again_and_no_other_owner() {
    let _turn = turn::shared();
    assert_eq!(failures_after(&[Fault::Conflict]).0, 0);
    assert_eq!(failures_after(&[Fault::Conflict; TRIES]).0, 1);
}

/// Puts of `head` fail while taking over and under load: the checkpoints that failed in total, and
/// the puts whose condition did not hold.
#[track_caller]
fn failures_after(faults: &[Fault]) -> (u64, u64) {
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    s3.expect(faults);
    // Time enough for the client's own retries.
    let mut gateway = s3.gateway(&redis).set("Snapshot__LeaseTtl", "15s").start();
    assert_eq!(s3.faults_left(), 0, "the first put of head takes the identity over");
    let producers = Producers::start(&Plan { rate: 4_000.0, ..producer::to_both(&redis) });
    gateway.wait_checkpoint(2);
    s3.expect(faults);
    eventually("every fault has happened", DEADLINE, || s3.faults_left() == 0);
    gateway.wait_checkpoint(3);
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, &format!("after {faults:?}"));
    let failures = checkpoint(&gateway, "failures");
    let (status, _) = gateway.terminate();
    assert_eq!(status.code(), Some(0), "{faults:?}");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, &format!("one start after {faults:?}"));
    assert_tally(&gateway, &ledger);
    (failures, s3.preconditions_failed())
}

#[test]
fn a_truncated_object_falls_back_to_the_snapshot_before() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let (mut gateway, producers) = three_checkpoints_under_load(&s3, &redis);
    gateway.kill();
    let ledger = producers.wait();

    let newest = s3.head()["retained"][0].clone();
    let generation = [&newest["epoch"], &newest["sequence"]].map(|number| {
        let number = number.as_u64().expect("head names its snapshots by number");
        format!("{number:020}")
    });
    let snapshots = s3.snapshots();
    let named = snapshots.iter().find(|key| key.ends_with(&(generation.join("-") + ".snap")));
    let named = named.unwrap_or_else(|| panic!("{newest} is not among {snapshots:?}"));
    s3.damage(named, |bytes| bytes.truncate(bytes.len() / 2));

    let other = s3.gateway(&redis).start();
    other.wait_exact(&ledger, "after the fallback");
    assert_tally(&other, &ledger);
    let log = other.directory().join("log");
    let output = std::fs::read_to_string(log).expect("the log can be read");
    assert!(output.contains("trying the one before"), "{output}");
}

/// A gateway with three checkpoints in the bucket, and the producers that go on meanwhile.
fn three_checkpoints_under_load(s3: &S3, redis: &RedisServer) -> (Gateway, Producers) {
    let gateway = s3.gateway(redis).set("Snapshot__LeaseTtl", "10s").start();
    let plan = Plan { total: Some(EVENTS), rate: 10_000.0, ..producer::to_both(redis) };
    let producers = Producers::start(&plan);
    gateway.wait_checkpoint(3);
    (gateway, producers)
}

/// Sends that many events to list and stream, one each in a payload, until Redis has the last.
fn send(redis: &RedisServer, events: u64) -> Ledger {
    let plan = Plan { total: Some(events), rate: 0.0, seed: events, ..producer::to_both(redis) };
    let ledger = Producers::start(&plan).wait();
    assert_eq!(ledger.events_acknowledged, events);
    ledger
}

#[track_caller]
fn assert_tally(gateway: &Gateway, ledger: &Ledger) {
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{}", gateway.status());
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
}

/// A counter of the checkpoints in the status.
#[track_caller]
fn checkpoint(gateway: &Gateway, counter: &str) -> u64 {
    let status = gateway.status();
    status["checkpoint"][counter].as_u64().unwrap_or_else(|| panic!("no {counter} in {status}"))
}
