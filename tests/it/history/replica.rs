//! A replica that lagged behind becomes the primary: it lacks what was read and acknowledged last.

use prom_stream_gateway::commands::load::producer::Plan;

use super::{DEADLINE, group_is_at_the_end, send, wait_logged};
use crate::harness::replication::{REPLICATING, replica_of, wait_in_step};
use crate::harness::{Gateway, LAST_TAKER, OWNER, RedisServer, STREAM, Scraper};
use crate::harness::{eventually, producer, turn, wait_for};

const OLDER: &str = "Redis came back in an older state";
const GROUP: &str = "prom-stream-gateway";

fn pending(redis: &RedisServer) -> u64 {
    let (count, ..): (u64, redis::Value, redis::Value, redis::Value) =
        redis.run(&["XPENDING", STREAM, GROUP]);
    count
}

/// `settled`: what came first is acknowledged when the replica begins to lag.
fn promote(
    mode: fn(Gateway) -> Gateway,
    plan: fn(&RedisServer) -> Plan,
    told: Option<&str>,
    settled: fn(&RedisServer) -> bool,
    durable: fn(&RedisServer) -> bool,
    then: [u64; 2],
) {
    let _turn = turn::shared();
    let mut primary = RedisServer::start(&REPLICATING);
    let replica = replica_of(&primary);
    let both = format!("{},{}", primary.address(), replica.address());
    let gateway = mode(Gateway::of(&primary)).set("Redis__ConnectionString", &both);
    // Long enough for the replica to stop listening before anything is acknowledged.
    let mut gateway = gateway.set("Snapshot__Interval", "3s").start();
    let scraper = Scraper::start(gateway.port());
    let mut ledger = send(plan(&primary), 1_000);
    gateway.wait_exact(&ledger, "in step");
    // That was a page of new series, for which there was a checkpoint; for these there is none yet.
    ledger.merge(&send(plan(&primary), 100));
    gateway.wait_processed(ledger.events_acknowledged);
    eventually("settled", DEADLINE, || settled(&primary));
    wait_in_step(&primary, &replica);
    // It hears no more from here on.
    replica.run::<()>(&["REPLICAOF", "NO", "ONE"]);
    let [before, after] = then;
    if before > 0 {
        ledger.merge(&send(plan(&primary), before));
        gateway.wait_exact(&ledger, "what the replica lacks");
    }
    // What is in no snapshot yet would be in Redis no more, and a crash would lose it.
    eventually("all is durable", DEADLINE, || durable(&primary));
    // Entries that were never on the old primary, above all that it had.
    ledger.merge(&send(plan(&replica), after));
    primary.kill();
    gateway.wait_exact(&ledger, "on the new primary");
    if let Some(words) = told {
        wait_logged(&gateway, words);
    }
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after a crash");
    wait_for("no loss", DEADLINE, || match gateway.total("lost") {
        0 => Ok(()),
        lost => Err(format!("lost {lost}")),
    });
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged);
    scraper.finish();
}

fn group(gateway: Gateway) -> Gateway {
    gateway.stream_only("group")
}

fn is_acknowledged(redis: &RedisServer) -> bool {
    pending(redis) == 0
}

#[test]
fn a_group_that_lacks_deliveries() {
    let plan = producer::to_stream;
    promote(group, plan, Some(OLDER), is_acknowledged, is_acknowledged, [500, 300]);
}

#[test]
fn a_group_that_lacks_deliveries_and_acknowledgements() {
    let settled = |redis: &RedisServer| pending(redis) > 0;
    promote(group, producer::to_stream, Some(OLDER), settled, is_acknowledged, [500, 300]);
}

#[test]
fn a_group_that_lacks_acknowledgements_alone() {
    let settled = |redis: &RedisServer| pending(redis) > 0;
    promote(group, producer::to_stream, Some("pending again"), settled, is_acknowledged, [0, 300]);
}

#[test]
fn a_reader_s_stream_with_newer_entries() {
    let mode = |gateway: Gateway| gateway.stream_only("reader");
    // Uncounted, a stream that grew beyond the position looks like the one before.
    let told = RedisServer::counts_entries().then_some(OLDER);
    // Fewer new entries than it lacks, and more.
    for after in [300, 700] {
        let settled = group_is_at_the_end;
        promote(mode, producer::to_stream, told, settled, settled, [500, after]);
    }
}

#[test]
fn a_list() {
    let durable = |redis: &RedisServer| redis.keys() == [OWNER, LAST_TAKER];
    promote(Gateway::list_only, producer::to_list, Some(OLDER), durable, durable, [500, 300]);
}

/// Two servers took entries at the same time, and the one that the gateway read is gone: what the
/// other has is new, though its ids are lower than what was applied.
#[test]
fn a_group_on_the_other_side_of_a_fork() {
    let _turn = turn::shared();
    let mut primary = RedisServer::start(&REPLICATING);
    let replica = replica_of(&primary);
    let both = format!("{},{}", primary.address(), replica.address());
    let gateway = group(Gateway::of(&primary)).set("Redis__ConnectionString", &both).start();
    let add = |redis: &RedisServer, entries: u32| {
        let event = r#"{"name":"sent_total","value":1}"#;
        for _ in 0..entries {
            redis.run::<String>(&["XADD", STREAM, "*", "data", event]);
        }
    };
    add(&primary, 100);
    gateway.wait_value("sent_total", &[], 100.0);
    eventually("all is acknowledged", DEADLINE, || is_acknowledged(&primary));
    wait_in_step(&primary, &replica);
    replica.run::<()>(&["REPLICAOF", "NO", "ONE"]);
    add(&replica, 30);
    // The clock gives the ids, and no two entries may have the same.
    std::thread::sleep(std::time::Duration::from_millis(5));
    add(&primary, 50);
    gateway.wait_value("sent_total", &[], 150.0);
    eventually("all is acknowledged", DEADLINE, || is_acknowledged(&primary));
    primary.kill();
    gateway.wait_value("sent_total", &[], 180.0);
    wait_logged(&gateway, OLDER);
    assert_eq!(gateway.total("lost"), 0);
}
