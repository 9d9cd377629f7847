//! Errors that no disk gives on demand, put where the storage is asked: before it did what
//! it was asked to, or after.

use prom_stream_gateway::commands::load::producer::Plan;

use super::{DEADLINE, recovers, unacknowledged};
use crate::harness::{Gateway, Producers, RedisServer, eventually, producer, turn, wait_for};

/// So many pass until the fault begins.
const FINE: u32 = 6;
/// So many fail, at seven a second or less.
const FAILING: u32 = 20;

#[test]
fn every_error_at_every_write() {
    let _turn = turn::shared();
    for (point, kind, error) in [
        ("storage-write", "ENOSPC", "No space left on device"),
        ("storage-write-sync", "EIO", "Input/output error"),
        ("storage-head", "EACCES", "Permission denied"),
        ("storage-head-sync", "EIO", "Input/output error"),
    ] {
        fails_for_a_while(point, kind, error);
        fails_at_start(point, kind, error);
    }
}

fn fails_for_a_while(point: &str, kind: &str, error: &str) {
    let redis = RedisServer::start(&[]);
    let faults = format!("{point}={FINE}*off->{FAILING}*return({kind})");
    let mut gateway = Gateway::of(&redis).set("FAILPOINTS", &faults).start();
    let producers = Producers::start(&Plan { rate: 3_000.0, ..producer::to_both(&redis) });
    wait_for("a failure", DEADLINE, || {
        let status = gateway.status();
        match status["checkpoint"]["last_error"].as_str() {
            Some(told) if told.contains(error) => Ok(()),
            other => Err(format!("{other:?}; {status}")),
        }
    });
    let held = unacknowledged(&redis);
    eventually("all failures", DEADLINE, || {
        // In this order: the last failure may be followed by a success at once.
        let still_held = unacknowledged(&redis);
        let status = gateway.status();
        let failures = status["checkpoint"]["failures"].as_u64().unwrap_or(0);
        // As long as one fails after the other, nothing leaves Redis.
        assert!(failures >= u64::from(FAILING) || still_held >= held, "{point}");
        failures >= u64::from(FAILING)
    });
    let ledger = producers.stop();
    let restarts_without_faults = &mut gateway;
    recovers(&redis, restarts_without_faults, &ledger);
}

/// Killed while it fails, started while it fails, and once more when it is over.
fn fails_at_start(point: &str, kind: &str, error: &str) {
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let producers = Producers::start(&Plan { rate: 3_000.0, ..producer::to_both(&redis) });
    gateway.wait_checkpoint(2);
    gateway.kill();
    gateway = gateway.set("FAILPOINTS", &format!("{point}=return({kind})"));
    gateway.launch();
    gateway.wait_ready();
    wait_for("a failure", DEADLINE, || match gateway.log() {
        log if log.contains(error) => Ok(()),
        log => Err(log),
    });
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, &format!("{point} fails"));
    gateway.kill();
    gateway = gateway.set("FAILPOINTS", "");
    gateway.launch();
    recovers(&redis, &mut gateway, &ledger);
}
