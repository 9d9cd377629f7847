//! `Push.Via=stream`: the stream keeps pushes, so several gateways may take them in.

use super::{DEADLINE, answered, send_with, served};
use crate::harness::{Gateway, RedisServer, STREAM, turn, wait_for};

fn gateway(redis: &RedisServer) -> Gateway {
    Gateway::of(redis).stream_only("group").set("Push__Via", "stream")
}

#[test]
fn kills_lose_nothing() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    super::kills::campaign(gateway(&redis));
}

#[test]
fn pushes_and_events_share_a_stream() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = gateway(&redis).start();
    redis.run::<String>(&["XADD", STREAM, "*", "data", r#"{"name":"x_total","value":1}"#]);
    gateway.wait_value("x_total", &[], 1.0);
    answered(&gateway, "POST /metrics", "# TYPE x_total counter\nx_total 2\n", 200);
    served(&gateway, "x_total", &["x_total 3"]);
    answered(&gateway, "PUT /metrics/job/a?dialect=replace", "x_group 1\n", 200);
    answered(&gateway, "POST /metrics", "x_total{ 2\n", 400);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    served(&gateway, "x_", &["x_group{instance=\"\",job=\"a\"} 1", "x_total 3"]);
}

/// It says so, and takes pushes again when Redis is back.
#[test]
fn redis_is_away() {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&["--appendonly", "yes"]);
    let gateway = gateway(&redis).start();
    let key = ["Idempotency-Key: one"];
    redis.kill();
    let answer = send_with(&gateway, "POST /metrics", &key, "a_total 1\n");
    assert!((500..=504).contains(&answer.status), "{answer:?}");
    redis.start_again();
    wait_for("pushes are taken again", DEADLINE, || {
        match send_with(&gateway, "POST /metrics", &key, "a_total 1\n") {
            answer if answer.status == 200 => Ok(()),
            answer => Err(format!("{answer:?}")),
        }
    });
    served(&gateway, "a_total", &["a_total 1"]);
}
