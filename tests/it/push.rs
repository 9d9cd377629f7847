//! Pushes over HTTP as a user sees them: what each dialect answers and serves, that a push is all
//! or nothing, and that one that was answered is there, now and after a crash.

use std::time::Duration;

use crate::harness::http::{self, Answer};
use crate::harness::{Gateway, LIST, RedisServer, turn};

mod aggregate;
mod atomic;
mod disk;
mod idempotency;
mod kills;
mod limits;
mod replace;
mod restarts;
mod stream;
mod sum;
mod windows;

const DEADLINE: Duration = Duration::from_secs(60);

/// One request, such as `PUT /metrics/job/a`.
#[track_caller]
fn send(gateway: &Gateway, request: &str, body: &str) -> Answer {
    send_with(gateway, request, &[], body)
}

#[track_caller]
fn send_with(gateway: &Gateway, request: &str, headers: &[&str], body: &str) -> Answer {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    http::send(gateway.port(), method, path, headers, body.as_bytes())
        .unwrap_or_else(|error| panic!("{request}: {error}"))
}

/// The request is answered so; what the answer says.
#[track_caller]
fn answered(gateway: &Gateway, request: &str, body: &str, status: u16) -> String {
    let answer = send(gateway, request, body);
    assert_eq!(answer.status, status, "{request} {body:?}: {}", answer.body);
    answer.body
}

/// The lines of the page that begin so, as they are served.
#[track_caller]
fn lines(gateway: &Gateway, prefix: &str) -> Vec<String> {
    // That it can be parsed at all is part of every promise here.
    gateway.page();
    let text = gateway.text();
    text.lines().filter(|line| line.starts_with(prefix)).map(Into::into).collect()
}

/// Exactly these lines of the page begin so, in whatever order.
#[track_caller]
fn served(gateway: &Gateway, prefix: &str, expected: &[&str]) {
    let (mut served, mut expected) = (lines(gateway, prefix), expected.to_vec());
    served.sort_unstable();
    expected.sort_unstable();
    assert_eq!(served, expected);
}

/// Without list and stream: pushes are its only source.
#[test]
fn no_redis_is_needed() {
    let _turn = turn::shared();
    let mut gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        // Nobody listens there.
        .set("Redis__ConnectionString", "127.0.0.1:1")
        .start();
    answered(&gateway, "POST /metrics/job/a", "runs 1\n", 200);
    served(&gateway, "runs", &["runs{job=\"a\"} 1"]);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    served(&gateway, "runs", &["runs{job=\"a\"} 1"]);
}

/// The dialect of a request is that of its query, of its header, or the configured one.
#[test]
fn every_request_may_choose_its_dialect() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    answered(&gateway, "POST /metrics", "chosen 1\n", 200);
    answered(&gateway, "POST /metrics?dialect=sum", "chosen 2\n", 202);
    let replace = "Dialect: replace";
    let answer = send_with(&gateway, "PUT /metrics/job/a", &[replace], "chosen_there 3\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    served(&gateway, "chosen", &["chosen 3", "chosen_there{instance=\"\",job=\"a\"} 3"]);
    let said = answered(&gateway, "POST /metrics?dialect=cobol", "chosen 1\n", 400);
    assert!(said.contains("cobol"), "{said}");
}

/// Whoever was answered finds it on the page that is asked for next.
#[test]
fn an_answered_push_is_on_the_next_page() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    for number in 1..=200 {
        answered(&gateway, "POST /metrics", "at_once 1\n", 200);
        served(&gateway, "at_once", &[&format!("at_once {number}")]);
    }
    answered(&gateway, "DELETE /metrics/job/a?dialect=replace", "", 202);
}

/// One event, an array, or one a line.
#[test]
fn events_are_pushed_as_they_are() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let event = r#"{"name":"events_total","value":2}"#;
    for body in [event, &format!("[{event},{event}]"), &format!("{event}\n{event}\n")] {
        answered(&gateway, "POST /api/v1/events", body, 200);
    }
    served(&gateway, "events_total", &["events_total 10"]);
    // One after the other, as through Redis.
    let info = |version: u8| {
        format!(
            r#"{{"type":"gauge","name":"v","value":1,"labels":{{"v":"{version}"}},"mode":"info"}}"#
        )
    };
    let both = format!("[{},{}]", info(1), info(2));
    answered(&gateway, "POST /api/v1/events", &both, 200);
    served(&gateway, "v{", &["v{v=\"2\"} 1"]);
    redis.run::<u64>(&["LPUSH", LIST, &both.replace("\"v\",\"value", "\"w\",\"value")]);
    gateway.wait_value("w", &[("v", "2")], 1.0);
    served(&gateway, "w{", &["w{v=\"2\"} 1"]);
    let half = format!("[{event},{{\"name\":\"9\"}}]");
    answered(&gateway, "POST /api/v1/events", &half, 400);
    served(&gateway, "events_total", &["events_total 10"]);
}

/// What every client's default registry says of its process. On the page the producer's families
/// stand; what the gateway says of itself has a page of its own.
#[test]
fn producers_tell_of_their_processes() {
    const PROCESS: &str = "# TYPE process_cpu_seconds_total counter\n\
        process_cpu_seconds_total{pid=\"7\"} 0.25\n\
        # TYPE process_open_fds gauge\nprocess_open_fds{pid=\"7\"} 12\n\
        # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds{pid=\"7\"} 1700000000.5\n";
    let _turn = turn::shared();
    for (dialect, labels, status) in [
        ("aggregate", "job=\"a\",pid=\"7\"", 200),
        ("sum", "job=\"a\",pid=\"7\"", 202),
        ("replace", "instance=\"\",job=\"a\",pid=\"7\"", 200),
    ] {
        let gateway = Gateway::bare()
            .set("Redis__MetricQueueEnabled", "false")
            .set("Stream__Mode", "off")
            .set("Push__Dialect", dialect)
            .start();
        answered(&gateway, "POST /metrics/job/a", PROCESS, status);
        served(&gateway, "process_open_fds", &[&format!("process_open_fds{{{labels}}} 12")]);
        served(
            &gateway,
            "process_cpu_seconds_total",
            &[&format!("process_cpu_seconds_total{{{labels}}} 0.25")],
        );
        let own = gateway.get("/-/metrics").expect("an answer").body;
        let own: Vec<_> = own.lines().filter(|line| line.starts_with("process_open_fds")).collect();
        assert!(matches!(own[..], [line] if line != "process_open_fds 12"), "{own:?}");
    }
}

#[test]
fn a_push_that_is_switched_off() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Push__Enabled", "false").start();
    let answer = send(&gateway, "POST /metrics/job/a", "off 1\n");
    assert!((400..500).contains(&answer.status), "{answer:?}");
    served(&gateway, "off", &[]);
}
