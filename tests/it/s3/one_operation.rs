//! One kind of request fails or takes its time, and the others work.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;

use super::{DEADLINE, assert_tally, checkpoint, send, unacknowledged};
use crate::harness::s3::{Operation, S3, Weather};
use crate::harness::{Gateway, Producers, RedisServer};
use crate::harness::{eventually, producer, turn, wait_for};

/// Much longer than the interval of checkpoints in these tests.
const SLOW: Duration = Duration::from_millis(700);

/// Longer than the lease of these tests lasts.
const SLOWER_THAN_THE_LEASE: Duration = Duration::from_millis(2_500);

#[test]
fn a_start_waits_for_whatever_it_needs_and_says_why() {
    let _turn = turn::shared();
    for broken in [Operation::List, Operation::Get] {
        let (redis, s3) = (RedisServer::start(&[]), S3::start());
        let mut gateway = s3.gateway(&redis).start();
        let ledger = send(&redis, 1_000);
        gateway.wait_exact(&ledger, "at first");
        gateway.kill();
        s3.set(Weather::Broken(broken));
        gateway.launch();
        wait_for("the reason", DEADLINE, || match gateway.get("/-/ready") {
            Ok(answer) if answer.body.contains("s3://") && answer.body.contains("503") => Ok(()),
            other => Err(format!("{broken:?}: {other:?}")),
        });
        eventually("it is logged", DEADLINE, || gateway.log().contains("cannot restore yet"));
        assert_eq!(gateway.get("/metrics").expect("it answers").status, 503);
        s3.set(Weather::Fine);
        gateway.wait_ready();
        gateway.wait_exact(&ledger, &format!("{broken:?} works again"));
        assert_tally(&gateway, &ledger);
        assert!(gateway.status()["checkpoint"]["last_error"].is_null(), "{}", gateway.status());
    }
}

#[test]
fn snapshots_that_cannot_be_deleted_are_deleted_later() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let gateway = s3.gateway(&redis).set("Snapshot__LeaseTtl", "20s").start();
    let producers = Producers::start(&Plan { rate: 2_000.0, ..producer::to_both(&redis) });
    s3.set(Weather::Broken(Operation::Delete));
    eventually("snapshots pile up", DEADLINE, || s3.snapshots().len() >= 5);
    assert_eq!(checkpoint(&gateway, "failures"), 0);
    assert!(gateway.log().contains("cannot delete an old snapshot"), "{}", gateway.log());
    s3.set(Weather::Fine);
    let ledger = producers.stop();
    eventually("two are left", DEADLINE, || s3.snapshots().len() == 2);
    gateway.wait_exact(&ledger, "in the end");
    eventually("everything is acknowledged", DEADLINE, || unacknowledged(&redis) == 0);
}

#[test]
fn a_put_slower_than_the_interval_delays_the_next_and_nothing_else() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut gateway = s3.gateway(&redis).start();
    s3.set(Weather::SlowTo(Operation::PutSnapshot, SLOW));
    let producers = Producers::start(&Plan { rate: 3_000.0, ..producer::to_both(&redis) });
    gateway.wait_checkpoint(3);
    let took = gateway.status()["checkpoint"]["duration_seconds"].as_f64();
    assert!(took >= Some(SLOW.as_secs_f64()), "{took:?}");
    let ledger = producers.stop();
    kill_and_compare(&mut gateway, &s3, &ledger);
    assert_eq!(checkpoint(&gateway, "failures"), 0);
}

#[test]
fn the_owner_stays_owner_while_a_request_outlasts_the_lease() {
    let _turn = turn::shared();
    for slow in [Operation::PutSnapshot, Operation::Delete, Operation::List] {
        let (redis, s3) = (RedisServer::start(&[]), S3::start());
        let mut gateway = s3.gateway(&redis).start();
        s3.set(Weather::SlowTo(slow, SLOWER_THAN_THE_LEASE));
        let producers = Producers::start(&Plan { rate: 2_000.0, ..producer::to_both(&redis) });
        let mut standby = s3.gateway(&redis);
        standby.launch();
        let before = checkpoint(&gateway, "successes");
        // The third is the first that displaces a snapshot.
        eventually("three slow checkpoints", DEADLINE, || {
            let status = gateway.status();
            assert_eq!(status["ownership"]["owner"], true, "{slow:?}: {status}");
            status["checkpoint"]["successes"].as_u64() >= Some(before + 3)
        });
        assert!(!standby.is_ready(), "{slow:?}: two owners");
        drop(standby);
        let ledger = producers.stop();
        kill_and_compare(&mut gateway, &s3, &ledger);
    }
}

#[track_caller]
fn kill_and_compare(
    gateway: &mut Gateway,
    s3: &S3,
    ledger: &prom_stream_gateway::commands::load::ledger::Ledger,
) {
    gateway.wait_exact(ledger, "before the kill");
    gateway.kill();
    s3.set(Weather::Fine);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(ledger, "after the kill");
    assert_tally(gateway, ledger);
}
