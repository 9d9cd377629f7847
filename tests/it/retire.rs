//! Gateways that end: an orderly stop leaves nothing in Redis that waits, `retire` not even a name.

use std::time::Duration;

use redis::Value;

use crate::harness::{Gateway, RedisServer, STREAM, eventually, turn};

const GROUP: &str = "prom-stream-gateway";
const QUEUE: &str = "prom-stream-gateway:metric-queue";
const EVENT: &str = r#"{"name":"sent_total","value":1}"#;
const DEADLINE: Duration = Duration::from_secs(30);

fn send(redis: &RedisServer, events: usize) {
    let mut pipe = redis::pipe();
    for _ in 0..events {
        pipe.cmd("LPUSH").arg(QUEUE).arg(EVENT).ignore();
        pipe.cmd("XADD").arg(STREAM).arg(&["*", "data", EVENT]).ignore();
    }
    redis.query(&pipe);
}

fn pending(redis: &RedisServer) -> u64 {
    let (count, ..): (u64, Value, Value, Value) = redis.run(&["XPENDING", STREAM, GROUP]);
    count
}

fn segments(redis: &RedisServer) -> Vec<String> {
    let is_number = |key: &String| key.rsplit(':').next().is_some_and(|n| n.parse::<u64>().is_ok());
    redis.keys().into_iter().filter(is_number).collect()
}

#[test]
fn a_stop_leaves_nothing_that_waits() {
    let _turn = turn::shared();
    for keep in ["1", "2", "4"] {
        let redis = RedisServer::start(&[]);
        let gateway = Gateway::of(&redis).set("Snapshot__Keep", keep);
        let mut gateway = gateway.set("Snapshot__Interval", "1h").start();
        for stop in 1..=3_u32 {
            send(&redis, 1_000);
            gateway.wait_value("sent_total", &[], f64::from(2_000 * stop));
            gateway.stop();
            assert_eq!(pending(&redis), 0, "keep {keep}, stop {stop}");
            assert_eq!(segments(&redis), Vec::<String>::new(), "keep {keep}, stop {stop}");
            gateway.launch();
            gateway.wait_ready();
        }
    }
}

#[test]
fn a_retired_identity_leaves_its_totals_and_no_trace_in_redis() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let of = |identity: &str| Gateway::of(&redis).set("Gateway__Identity", identity);
    let mut gateway = of("old").set("Snapshot__Interval", "1h").start();
    send(&redis, 500);
    gateway.wait_value("sent_total", &[], 1_000.0);
    let refused = gateway.command(&["retire", "--set", "Snapshot.LeaseTtl=1s"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("stop the gateway first"), "{told}");
    // Killed, so that everything is still to be drained; and something new waits for others.
    gateway.kill();
    send(&redis, 70);

    let retired = gateway.command(&["retire"]);
    let told = String::from_utf8_lossy(&retired.stderr).into_owned();
    assert!(retired.status.success(), "{told}");
    assert_eq!(pending(&redis), 0);
    let consumers: Vec<Value> = redis.run(&["XINFO", "CONSUMERS", STREAM, GROUP]);
    assert!(consumers.is_empty(), "{consumers:?}");
    let theirs = redis.keys().into_iter().filter(|key| key.contains("old"));
    assert_eq!(theirs.collect::<Vec<_>>(), Vec::<String>::new());
    let names: Vec<String> = redis.run(&["SMEMBERS", &format!("{{{STREAM}}}:{GROUP}:gateways")]);
    assert!(names.is_empty(), "{names:?}");
    assert_eq!(redis.run::<u64>(&["LLEN", QUEUE]), 70, "new items are left to others");

    let other = of("new").start();
    other.wait_value("sent_total", &[], 140.0);
    let exported = gateway.command(&["snapshot", "export"]);
    let exported = String::from_utf8_lossy(&exported.stdout).into_owned();
    assert!(exported.contains("sent_total 1000"), "{exported}");
    eventually("it is steady", DEADLINE, || other.total("lost") == 0);
}
