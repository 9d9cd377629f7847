//! A clock that is set while the gateway runs, or between two starts: what has an age keeps it.
//! The test's own clock goes on.

use super::{DEADLINE, answered, send_with, served};
use crate::harness::{Gateway, WallClock, turn, wait_for};

/// Longer than any deadline here.
const HOUR_MILLISECONDS: i64 = 3_600_000;

/// By a clock that is wrong by so much at first.
fn gateway(wrong_by: i64) -> (WallClock, Gateway) {
    let clock = WallClock::new();
    clock.set(wrong_by);
    let gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Redis__ConnectionString", "127.0.0.1:1")
        .set("Snapshot__Interval", "150ms")
        .set("Push__IdempotencyWindow", "5s");
    let gateway = clock.shown_to(gateway).start();
    (clock, gateway)
}

/// Sent again and again with one key; the sum of what counted.
#[track_caller]
fn push_with_key(gateway: &Gateway, key: &str) -> f64 {
    let key_header = format!("Idempotency-Key: {key}");
    let body = format!("# TYPE k_total counter\nk_total{{key=\"{key}\"}} 1\n");
    let answer = send_with(gateway, "POST /metrics", &[&key_header], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    gateway.page().value("k_total", &[("key", key)]).expect("it is served")
}

#[track_caller]
fn forgotten_in_time(gateway: &Gateway, key: &str) {
    wait_for("the key is forgotten", DEADLINE, || match push_with_key(gateway, key) {
        1.0 => Err("known".into()),
        _ => Ok(()),
    });
}

#[test]
fn a_key_is_known_for_its_window_and_no_longer() {
    let _turn = turn::shared();
    for (from, to) in [(0, -HOUR_MILLISECONDS), (0, HOUR_MILLISECONDS), (9 * HOUR_MILLISECONDS, 0)]
    {
        let (clock, gateway) = gateway(from);
        assert_eq!(push_with_key(&gateway, "one"), 1.0);
        clock.set(to);
        assert_eq!(push_with_key(&gateway, "one"), 1.0, "from {from} to {to}");
        forgotten_in_time(&gateway, "one");
    }
}

#[test]
fn a_clock_that_is_set_between_two_starts() {
    let _turn = turn::shared();
    let (clock, mut gateway) = gateway(HOUR_MILLISECONDS);
    assert_eq!(push_with_key(&gateway, "one"), 1.0);
    answered(&gateway, "POST /metrics", "# TYPE w gauge\nw{clearmode=\"sum5s\"} 6\n", 200);
    gateway.stop();
    clock.set(0);
    gateway.launch();
    gateway.wait_ready();
    assert_eq!(push_with_key(&gateway, "one"), 1.0);
    served(&gateway, "w", &["w 6"]);
    decayed(&gateway);
    forgotten_in_time(&gateway, "one");
    // And what was moved is what a snapshot has.
    clock.set(HOUR_MILLISECONDS);
    answered(&gateway, "POST /metrics", "# TYPE w gauge\nw{clearmode=\"sum5s\"} 7\n", 200);
    clock.set(0);
    served(&gateway, "w", &["w 7"]);
    gateway.stop();
    gateway.launch();
    gateway.wait_ready();
    decayed(&gateway);
}

#[track_caller]
fn decayed(gateway: &Gateway) {
    wait_for("the window decays", DEADLINE, || match gateway.page().value("w", &[]) {
        Some(0.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_window_decays_in_its_time() {
    let _turn = turn::shared();
    let (clock, gateway) = gateway(0);
    let body = "# TYPE w gauge\nw{clearmode=\"sum5s\"} 6\n\
                # TYPE long gauge\nlong{clearmode=\"mean1h\"} 6\n";
    for to in [-HOUR_MILLISECONDS, 3 * HOUR_MILLISECONDS, 0] {
        answered(&gateway, "POST /metrics", body, 200);
        clock.set(to);
        served(&gateway, "long", &["long 6"]);
        let short = gateway.page().value("w", &[]);
        assert!(short.is_some_and(|sum| sum >= 6.0), "{short:?}: it came just now");
        decayed(&gateway);
    }
}
