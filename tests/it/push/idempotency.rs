//! A push that is sent again with its key counts once.

use super::{answered, send_with, served};
use crate::harness::http::Answer;
use crate::harness::{Gateway, RedisServer, turn};

#[track_caller]
fn push(gateway: &Gateway, key: &str, path: &str, body: &str) -> Answer {
    send_with(gateway, &format!("POST {path}"), &[&format!("Idempotency-Key: {key}")], body)
}

#[test]
fn a_repeated_push_counts_once_also_after_a_crash() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    for _ in 0..3 {
        assert_eq!(push(&gateway, "one", "/metrics", "k_total 1\n").status, 200);
        assert_eq!(push(&gateway, "two", "/metrics?dialect=sum", "k_total 10\n").status, 202);
        assert_eq!(
            push(&gateway, "three", "/api/v1/events", "{\"name\":\"k_events\",\"value\":4}").status,
            200
        );
    }
    served(&gateway, "k_", &["k_events 4", "k_total 11"]);
    // From the journal first, from the snapshot then.
    for _ in 0..2 {
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        assert_eq!(push(&gateway, "one", "/metrics", "k_total 1\n").status, 200);
        assert_eq!(push(&gateway, "two", "/metrics?dialect=sum", "k_total 10\n").status, 202);
        served(&gateway, "k_", &["k_events 4", "k_total 11"]);
        answered(&gateway, "POST /metrics", "other 1\n", 200);
        gateway.wait_checkpoint(1);
    }
    assert_eq!(push(&gateway, "four", "/metrics", "k_total 1\n").status, 200);
    served(&gateway, "k_total", &["k_total 12"]);
}

#[test]
fn a_key_stands_for_one_request() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    assert_eq!(push(&gateway, "one", "/metrics", "o_total 1\n").status, 200);
    for (path, body) in [
        ("/metrics", "o_total 2\n"),
        ("/metrics/job/a", "o_total 1\n"),
        ("/metrics?dialect=sum", "o_total 1\n"),
    ] {
        let answer = push(&gateway, "one", path, body);
        assert_eq!(answer.status, 422, "{path} {body:?}: {answer:?}");
    }
    served(&gateway, "o_total", &["o_total 1"]);
    // A push that was refused may be put right.
    assert_eq!(push(&gateway, "two", "/metrics", "o_total one\n").status, 400);
    assert_eq!(push(&gateway, "two", "/metrics", "o_total 1\n").status, 200);
    served(&gateway, "o_total", &["o_total 2"]);
}
