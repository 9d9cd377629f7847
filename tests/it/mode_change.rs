//! `Stream.Mode` changed between two starts: nothing lost, nothing counted twice.

use std::time::Duration;

use redis::Value;

use crate::harness::{
    Gateway, Producers, RedisServer, STREAM, Scraper, eventually, producer, turn,
};

const EVENTS_BETWEEN: u64 = 4_000;
const EVENTS_DEADLINE: Duration = Duration::from_secs(30);
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

fn launch(gateway: Gateway, mode: &str) -> Gateway {
    let mut gateway = gateway.set("Stream__Mode", mode);
    gateway.launch();
    gateway
}

#[test]
fn after_orderly_stops_and_from_reader_after_kills_too() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).stream_only("group").start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&producer::to_stream(&redis));
    for (round, mode) in (1..).zip(["reader", "group", "reader", "group", "reader", "group"]) {
        gateway.wait_ready();
        producers.wait_acknowledged(round * EVENTS_BETWEEN, EVENTS_DEADLINE);
        if mode == "group" {
            gateway.kill();
        } else {
            let (status, _) = gateway.terminate();
            assert_eq!(status.code(), Some(0), "round {round}");
        }
        gateway = launch(gateway, mode);
    }
    gateway.wait_ready();
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, "after changes of mode");
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged);
    assert_eq!(gateway.total("lost"), 0);
    scraper.finish();
}

#[test]
fn from_group_with_unapplied_entries_is_refused_until_they_are_applied() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    // So rare that only what the group acknowledged is durable: what comes after is pending.
    let mut gateway = Gateway::of(&redis).stream_only("group").start();
    let send = |events: u32| {
        for _ in 0..events {
            let _: String =
                redis.run(&["XADD", STREAM, "*", "data", r#"{"name":"sent_total","value":1}"#]);
        }
    };
    send(500);
    gateway.wait_value("sent_total", &[], 500.0);
    gateway.terminate();
    gateway = gateway.set("Snapshot__Interval", "1h");
    gateway.launch();
    gateway.wait_ready();
    send(100);
    gateway.wait_value("sent_total", &[], 600.0);
    gateway.kill();

    let mut gateway = launch(gateway, "reader");
    eventually("the reason is told", REFUSED_WITHIN, || {
        gateway.get("/-/ready").is_ok_and(|answer| {
            answer.status == 503 && answer.body.contains("Stream.Mode changed from group to reader")
        })
    });
    gateway.kill();
    let mut gateway = launch(gateway, "group");
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 600.0);
    gateway.terminate();
    let mut gateway = launch(gateway, "reader");
    gateway.wait_ready();
    send(10);
    gateway.wait_value("sent_total", &[], 610.0);
}

#[test]
fn from_group_to_reader_after_a_stop_within_a_backlog() {
    const BACKLOG: u32 = 100_000;
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut pipe = redis::pipe();
    for _ in 0..BACKLOG {
        pipe.cmd("XADD")
            .arg(STREAM)
            .arg(&["*", "data", r#"{"name":"sent_total","value":1}"#])
            .ignore();
    }
    redis.query(&pipe);
    let mut gateway = Gateway::of(&redis).stream_only("group");
    gateway.launch();
    // Several pages are on their way: they were delivered, so they are to be applied.
    eventually("entries are delivered", EVENTS_DEADLINE, || {
        let pending = redis.try_run(&["XPENDING", STREAM, "prom-stream-gateway"]);
        pending.is_ok_and(|(count, ..): (u64, Value, Value, Value)| count > 0)
    });
    gateway.terminate();
    let mut gateway = launch(gateway, "reader");
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], f64::from(BACKLOG));
}
