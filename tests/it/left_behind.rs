//! A source that is switched off, renamed or moved after a crash: what waits in it is told.

use std::time::Duration;

use crate::harness::http;
use crate::harness::{Gateway, LIST, RedisServer, STREAM, eventually, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);
const EVENT: &str = r#"{"name":"sent_total","value":1}"#;

/// Has applied one event durably, and three that no snapshot covers.
fn crashed(mut gateway: Gateway, send: impl Fn()) -> Gateway {
    gateway.launch();
    gateway.wait_ready();
    send();
    gateway.wait_value("sent_total", &[], 1.0);
    gateway.stop();
    let mut gateway = gateway.set("Snapshot__Interval", "1h");
    gateway.launch();
    gateway.wait_ready();
    for count in 2..=4 {
        send();
        gateway.wait_value("sent_total", &[], f64::from(count));
    }
    gateway.kill();
    gateway
}

fn degraded(gateway: &Gateway) -> String {
    gateway.status()["degraded"].to_string()
}

#[track_caller]
fn wait_degraded(gateway: &Gateway, expected: &str) {
    wait_for(expected, DEADLINE, || {
        let degraded = degraded(gateway);
        if degraded.contains(expected) { Ok(()) } else { Err(degraded) }
    });
    assert!(gateway.is_ready(), "that is no reason to send nobody here");
    assert_eq!(gateway.page().value("prom_stream_gateway_degraded", &[]), Some(1.0));
    eventually("a line of the log", DEADLINE, || {
        gateway.log().contains("the state knows a source that is not read any more")
    });
}

#[track_caller]
fn as_before(mut gateway: Gateway, key: &str, value: &str) {
    gateway.terminate();
    gateway.assign(key, value);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 4.0);
    assert_eq!(degraded(&gateway), "[]");
}

fn restart(mut gateway: Gateway, key: &str, value: &str) -> Gateway {
    gateway.assign(key, value);
    gateway.launch();
    gateway.wait_ready();
    gateway
}

#[test]
fn a_list_that_is_off_or_another() {
    let _turn = turn::shared();
    let waits = "3 items in 3 segments, 1 items in the queue; run once more";
    for (key, before, after) in
        [("Redis__MetricQueueEnabled", "true", "false"), ("Redis__MetricQueueKey", LIST, "another")]
    {
        let redis = RedisServer::start(&[]);
        let send = || {
            redis.run::<u64>(&["LPUSH", LIST, EVENT]);
        };
        let gateway = crashed(Gateway::of(&redis).list_only(), send);
        send();
        let gateway = restart(gateway, key, after);
        wait_degraded(&gateway, &format!("list:{LIST} is not read any more: {waits}"));
        redis.run::<String>(&["RPOP", LIST]);
        as_before(gateway, key, before);
    }
}

#[test]
fn it_is_degraded_until_nothing_waits() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let send = || {
        redis.run::<u64>(&["LPUSH", LIST, EVENT]);
    };
    let gateway = crashed(Gateway::of(&redis).list_only(), send);
    let gateway = restart(gateway, "Redis__MetricQueueEnabled", "false");
    wait_degraded(&gateway, "3 items in 3 segments");
    for segment in redis.keys().iter().filter(|key| key.contains(":seg:default:")) {
        redis.run::<u64>(&["DEL", segment]);
    }
    eventually("it is well again", DEADLINE, || degraded(&gateway) == "[]");
}

#[test]
fn a_group_that_is_off() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let send = || {
        redis.run::<String>(&["XADD", STREAM, "*", "data", EVENT]);
    };
    let gateway = Gateway::of(&redis).set("Stream__Mode", "group");
    let gateway = crashed(gateway, send);
    send();
    let gateway = restart(gateway, "Stream__Mode", "off");
    let waits = "3 entries pending in group `prom-stream-gateway`, 1 entries not delivered by it";
    wait_degraded(&gateway, &format!("group:{STREAM} is not read any more: {waits}"));
    let mut gateway = gateway.set("Stream__Mode", "reader");
    gateway.terminate();
    gateway.launch();
    let why =
        || gateway.get("/-/ready").map_or_else(|error| error.to_string(), |answer| answer.body);
    eventually("a change of mode is another matter", DEADLINE, || why().contains("Stream.Mode"));
}

#[test]
fn a_reader_of_another_stream() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let send = || {
        redis.run::<String>(&["XADD", STREAM, "*", "data", EVENT]);
    };
    let gateway = crashed(Gateway::of(&redis).stream_only("reader"), send);
    let gateway = restart(gateway, "Stream__Keys", "another");
    wait_degraded(&gateway, &format!("reader:{STREAM} is not read any more: 3 entries after "));
    as_before(gateway, "Stream__Keys", STREAM);
}

#[test]
fn what_ended_in_good_order_is_not_told() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    redis.run::<u64>(&["LPUSH", LIST, EVENT]);
    redis.run::<String>(&["XADD", STREAM, "*", "data", EVENT]);
    gateway.wait_value("sent_total", &[], 2.0);
    gateway.terminate();
    gateway.assign("Redis__MetricQueueEnabled", "false");
    gateway.assign("Stream__Keys", "another");
    // Only what is told comes after it: the state knows one more source, in which something waits.
    gateway.assign("Logging__Level", "info,prom_stream_gateway::gateway=debug");
    gateway.launch();
    gateway.wait_ready();
    eventually("both were looked at", DEADLINE, || {
        gateway.log().matches("nothing waits in a source that is not read any more").count() == 2
    });
    assert_eq!(degraded(&gateway), "[]");
}

#[test]
fn a_journal_that_is_elsewhere() {
    let _turn = turn::shared();
    let gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Snapshot__Interval", "150ms");
    let [before, after] =
        ["before", "after"].map(|name| gateway.directory().join(name).display().to_string());
    let port = gateway.port();
    let send = || {
        let answer = http::send(port, "POST", "/metrics", &[], b"sent_total 1\n");
        assert_eq!(answer.expect("an answer").status, 200);
    };
    let gateway = crashed(gateway.set("Push__Journal", &before), send);
    let gateway = restart(gateway, "Push__Journal", &after);
    wait_degraded(&gateway, "is not read any more: its records from ");
    as_before(gateway, "Push__Journal", &before);
}
