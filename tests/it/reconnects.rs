//! Connections that break while a backlog is replayed: every item counts once all the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::{Gateway, RedisServer, STREAM, turn};

const ITEMS: u32 = 3_000;
const BETWEEN_CUTS: Duration = Duration::from_millis(15);

/// Cuts every other connection again and again while `work` runs.
fn while_cutting(redis: &RedisServer, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _: u64 = redis.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
                std::thread::sleep(BETWEEN_CUTS);
            }
        });
        work();
        done.store(true, Ordering::Relaxed);
    });
}

/// Replays `ITEMS` while connections break, and counts them without.
fn replay(redis: &RedisServer, mut gateway: Gateway) {
    while_cutting(redis, || {
        gateway.launch();
        std::thread::sleep(Duration::from_secs(1));
    });
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], f64::from(ITEMS));
    assert_eq!(gateway.total("processed"), u64::from(ITEMS));
    assert_eq!(gateway.total("lost"), 0);
}

const EVENT: &str = r#"{"name":"sent_total","value":1}"#;

#[test]
fn segments_of_an_earlier_process_are_each_read_once() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    for segment in 1..=ITEMS {
        let key = format!("{{prom-stream-gateway:metric-queue}}:seg:default:{segment}");
        let _: u64 = redis.run(&["LPUSH", &key, EVENT]);
    }
    replay(&redis, Gateway::of(&redis).list_only());
}

#[test]
fn entries_of_a_group_are_each_read_once() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    for _ in 0..ITEMS {
        let _: String = redis.run(&["XADD", STREAM, "*", "data", EVENT]);
    }
    let gateway = Gateway::of(&redis).stream_only("group").set("Stream__BatchSize", "3");
    replay(&redis, gateway);
}

#[test]
fn a_reply_that_would_take_too_long_is_asked_for_in_pieces() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let event = format!(r#"{{"name":"sent_total","value":1,"help":"{}"}}"#, "x".repeat(900_000));
    for _ in 0..60 {
        let _: String = redis.run(&["XADD", STREAM, "*", "data", &event]);
    }
    let gateway = Gateway::of(&redis).stream_only("group").start();
    gateway.wait_value("sent_total", &[], 60.0);
}
