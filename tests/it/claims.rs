//! Entries that a consumer took and never acknowledged lie below what the gateway has applied:
//! only the exact set of applied ids tells that they are still to be applied.

use crate::harness::{Gateway, RedisServer, STREAM, turn};

const GROUP: &str = "prom-stream-gateway";

#[test]
fn claimed_entries_below_the_last_applied_id_are_applied() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let add = |count: u32| {
        for _ in 0..count {
            let event = r#"{"name":"claimed_total","value":1}"#;
            redis.run::<String>(&["XADD", STREAM, "*", "data", event]);
        }
    };
    add(3);
    redis.run::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    redis.run::<redis::Value>(&["XREADGROUP", "GROUP", GROUP, "gone", "STREAMS", STREAM, ">"]);
    add(2);
    let mut gateway =
        Gateway::of(&redis).stream_only("group").set("Stream__ClaimIdle", "1h").start();
    gateway.wait_value("claimed_total", &[], 2.0);
    gateway.stop();

    let mut gateway = gateway.set("Stream__ClaimIdle", "1s").start();
    gateway.wait_value("claimed_total", &[], 5.0);
    // Claimed once, applied once: also after a crash.
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("claimed_total", &[], 5.0);
    assert_eq!(gateway.total("lost"), 0);
}
