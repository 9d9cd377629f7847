//! Redis closes a connection rather than keep a large reply for it: less is asked for then.

use std::time::Duration;

use crate::harness::{Gateway, LIST, RedisServer, STREAM, eventually, turn};

const DEADLINE: Duration = Duration::from_secs(60);

/// All that may wait to be sent to one client, the pages that it asked for ahead together.
const LIMIT: &str = "normal 1mb 0 0";

const SMALL: usize = 3_000;
const LARGE: usize = 20;

/// Two of them are more than the limit.
const LARGE_BYTES: usize = 700 << 10;

#[test]
fn a_list_is_read_in_pieces_that_redis_keeps_for_us() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    fill(&redis, &["LPUSH", LIST]);
    read_all(&redis, Gateway::of(&redis).list_only());
}

#[test]
fn a_group_is_read_in_pieces_that_redis_keeps_for_us() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    fill(&redis, &["XADD", STREAM, "*", "data"]);
    read_all(&redis, Gateway::of(&redis).stream_only("group"));
}

#[test]
fn a_reader_is_read_in_pieces_that_redis_keeps_for_us() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    fill(&redis, &["XADD", STREAM, "*", "data"]);
    read_all(&redis, Gateway::of(&redis).stream_only("reader"));
}

/// Pages grow over small events until large ones come, and again afterwards.
fn fill(redis: &RedisServer, command: &[&str]) {
    let event = |padding: &str| format!(r#"{{"name":"sent_total","value":1,"note":"{padding}"}}"#);
    let (small, large) = (event(""), event(&"x".repeat(LARGE_BYTES)));
    let mut pipe = redis::pipe();
    for (event, count) in [(&small, SMALL), (&large, LARGE), (&small, SMALL)] {
        for _ in 0..count {
            pipe.cmd(command[0]).arg(&command[1..]).arg(event).ignore();
        }
    }
    redis.query(&pipe);
}

#[track_caller]
fn read_all(redis: &RedisServer, mut gateway: Gateway) {
    redis.run::<()>(&["CONFIG", "SET", "client-output-buffer-limit", LIMIT]);
    gateway.launch();
    eventually("the page is complete", DEADLINE, || gateway.is_ready());
    gateway.wait_value("sent_total", &[], (2 * SMALL + LARGE) as f64);
    assert_eq!(gateway.total("processed"), (2 * SMALL + LARGE) as u64);
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
    let log = gateway.log();
    assert!(log.contains("client-output-buffer-limit"), "no page was too large: {log}");
}
