//! Keys among ours that are not ours, and names that look like one another.

use std::time::Duration;

use crate::harness::{Gateway, LAST_TAKER, LIST, OWNER, RedisServer, eventually, turn};

const DEADLINE: Duration = Duration::from_secs(20);
const EVENT: &str = r#"{"name":"sent_total","value":1}"#;
const NOBODYS: &str = r#"{"name":"nobodys_total","value":1}"#;
const TOLD: &str = "that no gateway made";

fn segment(suffix: &str) -> String {
    format!("{{{LIST}}}:seg:default:{suffix}")
}

/// One after the other, so that each is taken as a segment of its own.
#[track_caller]
fn push_each(
    redis: &RedisServer,
    queue: &str,
    gateway: &Gateway,
    counts: std::ops::RangeInclusive<u32>,
) {
    for count in counts {
        redis.run::<u64>(&["LPUSH", queue, EVENT]);
        gateway.wait_value("sent_total", &[], f64::from(count));
    }
}

#[test]
fn what_lies_among_our_keys_and_is_not_ours_is_told_and_stepped_over() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let absurd = ["18446744073709551614", "18446744073709551615", "9007199254740993", "007", "0"];
    for suffix in absurd {
        redis.run::<u64>(&["LPUSH", &segment(suffix), NOBODYS]);
    }
    for suffix in ["x", "3"] {
        redis.run::<()>(&["SET", &segment(suffix), "somebody's"]);
    }
    redis.run::<u64>(&["HSET", &segment("\u{1f600}"), "a", "b"]);
    let mut gateway = Gateway::of(&redis).list_only().start();
    push_each(&redis, LIST, &gateway, 1..=4);
    // The next number, and one far above.
    for suffix in ["6", "50000000"] {
        redis.run::<u64>(&["LPUSH", &segment(suffix), NOBODYS]);
    }
    // Each is met, whether something waits in the queue or not.
    eventually("the next one is met", DEADLINE, || gateway.log().contains(&segment("6")));
    push_each(&redis, LIST, &gateway, 5..=6);
    assert_eq!(redis.run::<u64>(&["HGET", OWNER, "segment"]), 8, "3 and 6 are stepped over");

    gateway.kill();
    redis.run::<u64>(&["LPUSH", LIST, EVENT]);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 7.0);
    push_each(&redis, LIST, &gateway, 8..=9);
    assert_eq!(gateway.page().value("nobodys_total", &[]), None);
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
    let theirs = ["x", "3", "\u{1f600}", "6", "50000000"].into_iter().chain(absurd);
    let mut left: Vec<String> = theirs.map(segment).collect();
    for key in &left {
        // By each of the two processes.
        let told = |line: &&str| line.contains(TOLD) && line.contains(&format!("{key}\""));
        let times = gateway.log().lines().filter(told).count();
        let expected = if *key == segment("50000000") { 1 } else { 2 };
        assert_eq!(times, expected, "{key}: {}", gateway.log());
    }
    left.extend([OWNER.to_owned(), LAST_TAKER.to_owned()]);
    left.sort();
    eventually("only theirs are left", DEADLINE, || redis.keys() == left);
}

#[test]
fn a_gap_between_segments_costs_nothing() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    // Redis does not know yet that no gateway made it.
    for suffix in ["2", "50000000"] {
        redis.run::<u64>(&["LPUSH", &segment(suffix), EVENT]);
    }
    let gateway = Gateway::of(&redis).list_only().start();
    gateway.wait_value("sent_total", &[], 2.0);
    push_each(&redis, LIST, &gateway, 3..=5);
    eventually("all is removed", DEADLINE, || redis.keys() == [OWNER, LAST_TAKER]);
}

#[test]
fn a_queue_renamed_within_its_braces_counts_nothing_twice() {
    for (before, after) in [("jobs", "{jobs}"), ("{jobs}", "jobs")] {
        let _turn = turn::shared();
        let redis = RedisServer::start(&[]);
        // So many snapshots are kept that nothing is removed.
        let gateway = Gateway::of(&redis).list_only().set("Snapshot__Keep", "100");
        let mut gateway = gateway.set("Redis__MetricQueueKey", before).start();
        push_each(&redis, before, &gateway, 1..=2);
        gateway.wait_checkpoint(1);
        push_each(&redis, before, &gateway, 3..=5);
        gateway.wait_checkpoint(1);
        gateway.kill();
        assert!(redis.keys().len() >= 5, "applied segments are left: {:?}", redis.keys());

        redis.run::<u64>(&["LPUSH", before, EVENT]);
        gateway.assign("Redis__MetricQueueKey", after);
        gateway.launch();
        gateway.wait_ready();
        push_each(&redis, after, &gateway, 6..=9);
        assert_eq!((gateway.total("processed"), gateway.total("lost")), (9, 0), "{after}");
        // What was pushed under the name before waits there.
        let waits = format!("list:{before} is not read any more: 1 items in the queue");
        eventually("that is told", DEADLINE, || {
            gateway.status()["degraded"].to_string().contains(&waits)
        });

        gateway.kill();
        gateway.assign("Redis__MetricQueueKey", before);
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_value("sent_total", &[], 10.0);
        push_each(&redis, before, &gateway, 11..=12);
    }
}

#[test]
fn a_name_beside_which_a_cluster_keeps_nothing_is_refused() {
    let _turn = turn::shared();
    for (key, name) in [("Redis__MetricQueueKey", "a}b"), ("Stream__Keys", "{}x")] {
        let mut gateway = Gateway::bare().set(key, name);
        gateway.launch();
        let (status, output) = gateway.wait_exit();
        assert_eq!(status.code(), Some(64), "{output}");
        assert!(output.contains(&format!("{name:?}, beside which no other key")), "{output}");
    }
}
