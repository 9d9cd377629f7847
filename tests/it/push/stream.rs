//! `Push.Via=stream`: the stream keeps pushes, so several gateways may take them in.

use prom_stream_gateway::decode::PUSH_FIELD;
use prom_stream_gateway::decode::push::{BodyFormat, Dialect, Method, PushRequest};

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

/// As somebody writes it who may write to the stream, and asks no gateway.
fn add(redis: &RedisServer, method: Method, body: &str) {
    let request = PushRequest {
        ticket: 1,
        received_at_milliseconds: 1_700_000_000_000,
        dialect: Dialect::Aggregate,
        method,
        labels: Vec::new(),
        format: BodyFormat::Text,
        idempotency_key: None,
        body: body.into(),
    };
    let field = std::str::from_utf8(PUSH_FIELD).expect("UTF-8");
    let mut pipe = redis::pipe();
    pipe.cmd("XADD").arg(STREAM).arg("*").arg(field).arg(request.to_record());
    redis.query(&pipe);
}

#[test]
fn switches_hold_for_what_somebody_adds_to_the_stream() {
    let _turn = turn::shared();
    let events = |redis: &RedisServer, value: u32| {
        let event = format!(r#"{{"name":"x_total","value":{value}}}"#);
        redis.run::<String>(&["XADD", STREAM, "*", "data", &event]);
    };
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&[]);
        let forbidden = |gateway: &Gateway, count: u64| {
            let status = gateway.status();
            let dropped = status["sources"][0]["dropped"]["forbidden"].as_u64();
            assert_eq!(dropped, Some(count), "{status}");
        };
        // Wipes are off, as they are by default; other pushes are believed.
        let mut gateway = Gateway::of(&redis).stream_only(mode).start();
        events(&redis, 1);
        add(&redis, Method::Wipe, "");
        add(&redis, Method::Post, "# TYPE x_total counter\nx_total 2\n");
        gateway.wait_value("x_total", &[], 3.0);
        forbidden(&gateway, 1);
        let letters = gateway.get("/api/v1/dead-letters").expect("an answer").body;
        assert!(letters.contains("Push.EnableAdminApi is false"), "{letters}");
        // A name that HTTP would refuse.
        add(&redis, Method::Post, "{\"x.dots\"} 2\n");
        events(&redis, 1);
        gateway.wait_value("x_total", &[], 4.0);
        assert!(!gateway.text().contains("x.dots"), "{}", gateway.text());
        gateway.stop();
        // Pushes are off.
        gateway.assign("Push__Enabled", "false");
        gateway.launch();
        gateway.wait_ready();
        add(&redis, Method::Post, "# TYPE x_total counter\nx_total 2\n");
        events(&redis, 1);
        gateway.wait_value("x_total", &[], 5.0);
        forbidden(&gateway, 2);
        gateway.stop();
        // Wipes are on.
        gateway.unassign("Push__Enabled");
        gateway.assign("Push__EnableAdminApi", "true");
        gateway.launch();
        gateway.wait_ready();
        add(&redis, Method::Wipe, "");
        events(&redis, 7);
        gateway.wait_value("x_total", &[], 7.0);
        forbidden(&gateway, 2);
    }
}
