//! A segment of a list: read oldest first, and continued in its middle after a kill.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, LIST, Producers, RedisServer, eventually, producer, turn};

const EVENTS: u64 = 20_000;
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn the_item_pushed_last_is_applied_last() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    for value in 1..=50 {
        let event = format!(r#"{{"name":"level","type":"gauge","value":{value}}}"#);
        redis.run::<u64>(&["LPUSH", LIST, &event]);
    }
    let gateway = Gateway::of(&redis).list_only().start();
    gateway.wait_value("level", &[], 50.0);
    assert_eq!(gateway.total("processed"), 50);
}

#[test]
fn a_segment_that_a_kill_interrupted_is_continued() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let plan = Plan { total: Some(EVENTS), rate: 0.0, ..producer::to_list(&redis) };
    let ledger = Producers::start(&plan).wait();
    // One item at a time, so that the snapshots stand in the middle of the only segment.
    let mut gateway = Gateway::of(&redis).list_only().set("Redis__MetricQueuePopCount", "1");
    gateway.launch();
    eventually("it listens", DEADLINE, || gateway.get("/-/healthy").is_ok());
    gateway.wait_checkpoint(3);
    gateway.kill();
    let left: u64 = redis.run(&["LLEN", &format!("{{{LIST}}}:seg:default:1")]);
    assert!(left > 0, "the segment was read to its end before the kill");
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after a kill in the middle of a segment");
    assert_eq!(gateway.total("processed"), EVENTS);
    assert_eq!(gateway.total("lost"), 0);
}
