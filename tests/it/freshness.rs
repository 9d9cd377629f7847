//! How soon an event is on the page of a gateway that has nothing else to do.

use std::thread::sleep;
use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{Gateway, LIST, RedisServer, STREAM, turn};

const TRIES: u32 = 15;
const LIST_WITHIN: Duration = Duration::from_millis(150);
const STREAM_WITHIN: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(5);

/// Longer than a poll's backoff takes to reach its end: each try finds an idle gateway.
const IDLE: Duration = Duration::from_millis(250);

#[test]
fn list() {
    let _turn = turn::alone();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).list_only().start();
    let push = |event: &str| {
        redis.run::<u64>(&["LPUSH", LIST, event]);
    };
    assert_fresh(&gateway, push, LIST_WITHIN);
}

#[test]
fn stream_group() {
    stream("group");
}

#[test]
fn stream_reader() {
    stream("reader");
}

fn stream(mode: &str) {
    let _turn = turn::alone();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).stream_only(mode).start();
    let add = |event: &str| {
        redis.run::<String>(&["XADD", STREAM, "*", "data", event]);
    };
    assert_fresh(&gateway, add, STREAM_WITHIN);
}

#[track_caller]
fn assert_fresh(gateway: &Gateway, send: impl Fn(&str), within: Duration) {
    let mut delays: Vec<_> = (1..=TRIES)
        .map(|count| {
            sleep(IDLE);
            send(r#"{"name":"fresh_total","value":1}"#);
            let sent = Instant::now();
            let line = format!("\nfresh_total {count}\n");
            while !gateway.text().contains(&line) {
                assert!(sent.elapsed() < DEADLINE, "event {count} never came");
                sleep(Duration::from_millis(1));
            }
            sent.elapsed()
        })
        .collect();
    eprintln!("on the page after {delays:?}");
    delays.sort_unstable();
    let median = delays[delays.len() / 2];
    assert!(median <= within, "median {median:?}, expected at most {within:?}: {delays:?}");
}
