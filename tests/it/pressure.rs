//! Whatever clients do, those who watch the gateway are answered: 512 connections of pushers, of
//! silent ones, of slow readers, and a log that nobody reads.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{Gateway, http, turn, wait_for};

/// As many as `Http.MaxConnections` allows unless it is set.
const CONNECTIONS: usize = 512;

/// Also the places for those who read are taken.
const MORE_THAN_ALL: usize = CONNECTIONS + 100;

/// Far below the limits of time by which connections end of themselves.
const SOON: Duration = Duration::from_secs(10);

const PUSH: &[u8] =
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\npushed_total 1";

fn push_only() -> Gateway {
    Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Push__Journal", "memory")
}

fn connect(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", gateway.port())).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a time");
    stream
}

/// A connection on which these bytes were sent and, perhaps, answered.
fn connection(gateway: &Gateway, bytes: &[u8], answered: bool) -> TcpStream {
    let mut stream = connect(gateway);
    stream.write_all(bytes).expect("it reads");
    if answered {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    stream
}

/// Asks for everything that is watched, and as the container's health check does.
#[track_caller]
fn watch(gateway: &Gateway, context: &str) {
    for path in ["/metrics", "/-/healthy", "/-/ready", "/-/metrics", "/api/v1/status"] {
        let asked = Instant::now();
        let answer = gateway.get(path).unwrap_or_else(|error| panic!("{context}: {path}: {error}"));
        assert_eq!(answer.status, 200, "{context}: {path}: {}", answer.body);
        assert!(asked.elapsed() < SOON, "{context}: {path} took {:?}", asked.elapsed());
    }
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let checked = gateway.command(arguments);
        assert!(checked.status.success(), "{context}: {arguments:?}: {checked:?}");
    }
}

#[track_caller]
fn own(gateway: &Gateway, name: &str) -> f64 {
    let page = gateway.get("/-/metrics").expect("an answer").body;
    let line =
        page.lines().find_map(|line| line.strip_prefix(&format!("prom_stream_gateway_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().expect("a number")
}

#[test]
fn who_watches_is_answered_whatever_all_connections_do() {
    let _turn = turn::shared();
    let gateway = push_only().start();
    let kinds: [(&str, &[u8], bool); 5] = [
        ("pushers that keep their connections", PUSH, true),
        ("connections that ask for nothing", b"", false),
        ("half a head", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", false),
        ("bodies that do not come", &PUSH[..PUSH.len() - 1], false),
        ("pushes, one after the other", PUSH, true),
    ];
    for (kind, bytes, answered) in kinds {
        let connections: Vec<_> =
            (0..MORE_THAN_ALL).map(|_| connection(&gateway, bytes, answered)).collect();
        watch(&gateway, kind);
        drop(connections);
    }
    assert!(own(&gateway, "http_idle_connections_closed_total") > 0.0);
    let log = gateway.log();
    assert_eq!(log.matches("as many HTTP connections are open").count(), 1, "{log}");
}

/// Those who push at the same time as all others wait for their turn, and are told when it does not come.
#[test]
fn pushes_beyond_the_limit_are_sent_away_and_counted() {
    let _turn = turn::shared();
    let gateway = push_only().set("Http__MaxConnections", "8").start();
    let unfinished = &PUSH[..PUSH.len() - 1];
    let mut stuck: Vec<_> = (0..8).map(|_| connection(&gateway, unfinished, false)).collect();
    wait_for("eight pushes under way", SOON, || match own(&gateway, "push_requests_in_flight") {
        8.0 => Ok(()),
        other => Err(format!("{other} under way")),
    });
    // More than there are places in the reserve.
    let beyond: Vec<_> = (0..40).map(|_| connection(&gateway, PUSH, false)).collect();
    watch(&gateway, "the reserve is full of pushes");
    assert!(own(&gateway, "http_requests_turned_away_total") > 0.0);
    // A place is free: those that still wait are served.
    for stream in &mut stuck {
        stream.write_all(&PUSH[PUSH.len() - 1..]).expect("it reads");
    }
    let mut told = [0, 0];
    for mut stream in beyond {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        match &answer[9..] {
            b"200" => told[0] += 1,
            b"503" => told[1] += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert!(told[0] > 0 && told[1] > 0, "[served, sent away] = {told:?}");
    let pushed = 8.0 + f64::from(told[0]);
    gateway.wait_value("pushed_total", &[], pushed);
}

#[test]
fn slow_readers_delay_no_scrape() {
    let _turn = turn::shared();
    let gateway = push_only().start();
    let mut body = String::new();
    for number in 0..3_000 {
        body.push_str(&format!("wide{{number=\"{number}\",padding=\"{number:0>8000}\"}} 1\n"));
    }
    let pushed = http::send(gateway.port(), "POST", "/metrics", &[], body.as_bytes());
    assert_eq!(pushed.expect("an answer").status, 200);
    const SCRAPE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut slow = Vec::new();
    // As many as are rendered at a time, then more than may be under way.
    for (readers, context) in [(4, "four"), (30, "more than may be under way")] {
        slow.extend((0..readers).map(|_| connection(&gateway, SCRAPE, true)));
        watch(&gateway, context);
    }
    assert!(own(&gateway, "http_pages_broken_off_total") > 0.0);
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let _turn = turn::shared();
    let mut gateway = push_only().set("Logging__Level", "trace").unread().start();
    let dropped = || own(&gateway, "log_lines_dropped_total");
    assert_eq!(dropped(), 0.0);
    let deadline = Instant::now() + Duration::from_secs(60);
    // Each push is logged, with its path.
    let path = format!("/metrics/job/{}", "long".repeat(5_000));
    while dropped() == 0.0 {
        assert!(Instant::now() < deadline, "no line is dropped");
        for _ in 0..100 {
            let asked = Instant::now();
            let pushed = http::send(gateway.port(), "POST", &path, &[], b"pushed_total 1\n");
            assert_eq!(pushed.expect("an answer").status, 200);
            assert!(asked.elapsed() < SOON, "a push took {:?}", asked.elapsed());
        }
        watch(&gateway, "an unread log");
    }
    let (status, took) = gateway.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < SOON, "stopping took {took:?}");
}
