//! The list: Redis remembers which segments were taken, and so does the state.

use super::{
    DEADLINE, Strike, assert_strike_costs_nothing, far_away, restart_from_dump,
    restart_from_dump_beside, send, wait_accounted, wait_logged, without_checkpoints,
};
use crate::harness::{Gateway, LAST_TAKER, LIST, OWNER, RedisServer};
use crate::harness::{eventually, producer, turn, wait_for};

const OLDER: &str = "Redis came back in an older state";
const FIRST_SEGMENT: &str = "{prom-stream-gateway:metric-queue}:seg:default:1";

/// So many items that they take seconds to come from far away.
const BACKLOG: u64 = 30_000;
const QUEUED: u64 = 500;

#[test]
fn an_older_dump_costs_nothing_that_was_applied() {
    let _turn = turn::shared();
    for gateway_runs in [true, false] {
        let mut redis = RedisServer::start(&[]);
        let mut gateway = Gateway::of(&redis).list_only().start();
        let mut ledger = send(producer::to_list(&redis), 1_000);
        gateway.wait_exact(&ledger, "before the dump");
        redis.run::<()>(&["SAVE"]);
        ledger.merge(&send(producer::to_list(&redis), 500));
        gateway.wait_exact(&ledger, "after the dump");
        restart_from_dump_beside(&mut redis, &mut gateway, gateway_runs);
        ledger.merge(&send(producer::to_list(&redis), 300));
        gateway.wait_exact(&ledger, "after the rollback");
        wait_logged(&gateway, OLDER);
        assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
        let told = gateway.log().matches(OLDER).count();
        gateway.terminate();
        gateway.launch();
        gateway.wait_ready();
        assert_eq!(gateway.log().matches(OLDER).count(), told, "told once");
    }
}

#[test]
fn items_that_an_older_dump_brings_back_count_again_and_segments_do_not() {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).list_only().set("Snapshot__Interval", "1h").start();
    let push = |value: u32| {
        let event = format!(r#"{{"name":"sent_total","value":{value}}}"#);
        redis.run::<u64>(&["LPUSH", LIST, &event]);
    };
    push(1);
    gateway.wait_processed(1);
    gateway.kill();
    push(10);
    redis.run::<()>(&["SAVE"]);
    assert_eq!(redis.keys(), [LIST, FIRST_SEGMENT, OWNER, LAST_TAKER]);
    let mut gateway = gateway.set("Snapshot__Interval", "150ms").start();
    gateway.wait_value("sent_total", &[], 11.0);
    eventually("all is acknowledged", DEADLINE, || redis.keys() == [OWNER, LAST_TAKER]);

    restart_from_dump(&mut redis);
    gateway.wait_value("sent_total", &[], 21.0);
    wait_logged(&gateway, "items that were applied and are in the list again count again");
    eventually("the segment is removed unread", DEADLINE, || redis.keys() == [OWNER, LAST_TAKER]);
    gateway.wait_value("sent_total", &[], 21.0);
    assert_eq!(gateway.total("lost"), 0);
    gateway.terminate();
}

#[test]
fn what_waited_in_a_wiped_list_is_metered() {
    lost("FLUSHALL", "Redis forgot the list's owner", |redis| redis.run(&["FLUSHALL"]));
}

#[test]
fn what_a_restart_without_persistence_forgot_is_metered() {
    lost("kill", "Redis forgot the list's owner", restart_from_dump);
}

#[test]
fn an_evicted_queue_is_metered() {
    lost("DEL queue", "items vanished from the list", |redis| redis.run(&["DEL", LIST]));
}

#[test]
fn an_evicted_segment_is_metered() {
    lost("DEL segment", "Redis lost items of the list", |redis| redis.run(&["DEL", FIRST_SEGMENT]));
}

/// While a long segment is read and more waits in the queue.
#[track_caller]
fn lost(fault: &str, told: &str, strike: impl FnOnce(&mut RedisServer)) {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    let proxy = far_away(&redis);
    let gateway = Gateway::through(&proxy, &redis).list_only();
    let mut gateway = gateway.set("Redis__MetricQueuePopCount", "1");
    let mut ledger = send(producer::to_list(&redis), BACKLOG);
    gateway.launch();
    eventually("the segment is taken", DEADLINE, || redis.run::<u64>(&["EXISTS", LIST]) == 0);
    ledger.merge(&send(producer::to_list(&redis), QUEUED));
    eventually("it listens", DEADLINE, || gateway.get("/-/healthy").is_ok());
    // The second look from here on has seen all of them.
    let lag = || gateway.total("lag_entries");
    for look in ["first", "second"] {
        let before = lag();
        wait_for(&format!("the {look} look"), DEADLINE, || match lag() {
            now if now != before => Ok(()),
            now => Err(format!("lag {now}")),
        });
    }
    assert_eq!(redis.run::<u64>(&["LLEN", LIST]), QUEUED, "the segment is read already");
    strike(&mut redis);
    wait_accounted(&gateway, ledger.events_acknowledged);
    wait_logged(&gateway, told);
    let lost = gateway.total("lost");
    assert!(lost > 0, "{fault}: nothing was lost");

    send(producer::to_list(&redis), 100);
    wait_accounted(&gateway, ledger.events_acknowledged + 100);
    assert_eq!(gateway.total("lost"), lost, "{fault}: {}", gateway.status());
    gateway.wait_ready();
}

#[test]
fn a_redis_that_never_knew_an_owner_is_taken_over() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let ledger = send(producer::to_list(&redis), BACKLOG);
    let proxy = far_away(&redis);
    let gateway = Gateway::through(&proxy, &redis).list_only();
    let mut gateway = gateway.set("Redis__MetricQueuePopCount", "1");
    gateway.launch();
    eventually("it reads", DEADLINE, || redis.run::<u64>(&["EXISTS", FIRST_SEGMENT]) == 1);
    gateway.wait_checkpoint(2);
    gateway.kill();
    assert_eq!(redis.run::<u64>(&["DEL", OWNER, LAST_TAKER]), 2);
    let mut gateway = gateway.set("Redis__MetricQueuePopCount", "1000");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after an upgrade");
    wait_logged(&gateway, "the list's owner is known from here on");
    assert_eq!(gateway.total("lost"), 0);
}

/// What was applied since the last snapshot is in Redis no more, once it was wiped.
#[test]
fn what_a_wiped_list_no_longer_has_is_made_durable_before_reading_on() {
    let _turn = turn::shared();
    let push = |redis: &RedisServer, items: u32| {
        for _ in 0..items {
            redis.run::<u64>(&["LPUSH", LIST, r#"{"name":"sent_total","value":1}"#]);
        }
    };
    let strikes: [(&str, Strike); 2] = [
        ("FLUSHALL", |redis| redis.run(&["FLUSHALL"])),
        ("a restart without persistence", restart_from_dump),
    ];
    for (fault, strike) in strikes {
        let mut redis = RedisServer::start(&[]);
        let gateway = without_checkpoints(Gateway::of(&redis).list_only()).start();
        assert_strike_costs_nothing(fault, &mut redis, gateway, push, [100, 50, 50], strike);
    }
}
