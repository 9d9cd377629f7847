//! Pushes over a connection, up to the front that is not ready to apply them: whatever gets that
//! far is answered 503, all that is wrong before is said.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn what_is_well_formed_reaches_the_front() {
    let gateway = Gateway::start().await;
    let packed = gzip(b"jobs_total 1\n");
    let cases: [(&str, &str, &str, &[u8]); 9] = [
        ("POST", "/metrics", "", b"jobs_total 1\n"),
        ("POST", "/metrics/", "", b""),
        ("PUT", "/metrics/job/nightly", "", b"jobs_total 1\n"),
        ("POST", "/metrics/job/nightly/", "Content-Encoding: gzip\r\n", &packed),
        ("DELETE", "/metrics/job@base64/L3Zhci90bXA", "", b""),
        ("DELETE", "/metrics/job/x", "Content-Encoding: gzip\r\n", b""),
        ("POST", "/metrics?dialect=replace", "Idempotency-Key: a\r\n", b"x 1"),
        ("POST", "/metrics/job/x", "Dialect: sum\r\nExpect: 100-continue\r\n", b""),
        ("POST", "/api/v1/events", "Content-Type: text/html\r\n", b"{\"name\":\"x\"}"),
    ];
    for (method, path, headers, body) in cases {
        let answer = gateway.send(method, path, headers, body).await;
        assert_eq!(answer.status, 503, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"), "{method} {path}");
    }
    let own = gateway.get("/-/metrics").await.text();
    for line in [
        "push_requests_total{code=\"503\",dialect=\"aggregate\",method=\"post\"} 3",
        "push_requests_total{code=\"503\",dialect=\"aggregate\",method=\"events\"} 1",
        "push_requests_total{code=\"503\",dialect=\"replace\",method=\"post\"} 1",
        "push_requests_total{code=\"503\",dialect=\"sum\",method=\"post\"} 1",
        "push_body_bytes_total 54",
        "push_requests_in_flight 0",
        "push_duration_seconds_count 9",
    ] {
        let line = format!("prom_stream_gateway_{line}");
        assert!(own.lines().any(|candidate| candidate == line), "no {line} in\n{own}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let gateway = Gateway::start().await;
    let cases = [
        ("/metrics/job", "", 400, "labels must be defined in pairs: \"job\""),
        ("/metrics/job/%ff", "", 400, "not UTF-8"),
        ("/metrics/job@base64/%25", "", 400, "not URL-safe base64"),
        ("/metrics?dialect=mine", "", 400, "aggregate, sum or replace"),
        ("/metrics", "Dialect: mine\r\n", 400, "aggregate, sum or replace"),
        ("/metrics", "Idempotency-Key: a b\r\n", 400, "visible ASCII"),
        ("/metrics", "Content-Encoding: br\r\n", 415, "gzip, snappy, zstd"),
        ("/metrics", "Content-Encoding: gzip\r\n", 400, "Content-Encoding gzip"),
    ];
    for (path, headers, status, expected) in cases {
        let answer = gateway.send("POST", path, headers, b"jobs_total 1\n").await;
        assert_eq!(answer.status, status, "{path} {headers}");
        assert!(answer.text().contains(expected), "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let answer = gateway.send("POST", "/metrics", "Content-Encoding: br\r\n", b"").await;
    assert_eq!(answer.header("accept-encoding"), Some("gzip, snappy, zstd, identity"));
    let answer = gateway.send("POST", "/api/v1/events?dialect=mine", "", b"{}").await;
    assert_eq!(answer.status, 400);
    let refused = answer.json();
    assert_eq!((&refused["status"], &refused["reason"]), (&json!("error"), &json!("invalid_mode")));
    assert_eq!(refused["detail"], "dialect \"mine\": expected aggregate, sum or replace");
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_is_limited_in_size_however_it_comes() {
    let gateway =
        Gateway::configured(&["Push.MaxBodyBytes=100000", "Push.MaxBufferedBytes=200000"]).await;
    let (largest, too_large) = (vec![b'\n'; 100_000], vec![b'\n'; 100_001]);
    let gzip_header = "Content-Encoding: gzip\r\n";
    let cases: [(&str, &[u8], u16); 4] = [
        ("", &largest, 503),
        ("", &too_large, 413),
        (gzip_header, &gzip(&largest), 503),
        (gzip_header, &gzip(&too_large), 413),
    ];
    for (headers, body, status) in cases {
        let answer = gateway.send("POST", "/metrics", headers, body).await;
        assert_eq!(answer.status, status, "{} bytes {headers}", body.len());
        if status == 413 {
            assert!(answer.text().contains("Push.MaxBodyBytes"), "{}", answer.text());
        }
    }
    // Without a length nobody knows before.
    let mut client = Client::connect(gateway.address).await;
    client.ask("POST", "/metrics", "Transfer-Encoding: chunked\r\n").await;
    client.send(format!("{:x}\r\n", too_large.len()).as_bytes()).await;
    client.send(&too_large).await;
    client.send(b"\r\n0\r\n\r\n").await;
    let answer = timeout(LIMIT, client.answer("POST")).await.expect("in time");
    assert_eq!(answer.status, 413);
    gateway.stop().await;
}

#[tokio::test]
async fn all_bodies_together_are_limited() {
    let gateway =
        Gateway::configured(&["Push.MaxBodyBytes=100000", "Push.MaxBufferedBytes=200000"]).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(gateway.address).await;
        client.ask("POST", "/metrics", "Content-Length: 100000\r\n").await;
        client.send(&[b'\n'; 99_999]).await;
        slow.push(client);
    }
    let buffered = async |bytes: usize| {
        let line = format!("prom_stream_gateway_push_buffered_bytes {bytes}");
        let shown = async {
            while !gateway.get("/-/metrics").await.text().lines().any(|shown| shown == line) {}
        };
        timeout(LIMIT, shown).await.unwrap_or_else(|_| panic!("never {line}"));
    };
    buffered(200_000).await;
    let answer = gateway.send("POST", "/metrics", "", b"x 1\n").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text().contains("Push.MaxBufferedBytes"), "{}", answer.text());
    for client in &mut slow {
        client.send(b"\n").await;
        let answer = timeout(LIMIT, client.answer("POST")).await.expect("in time");
        assert!(!answer.text().contains("Push.MaxBufferedBytes"), "{}", answer.text());
    }
    buffered(0).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let gateway = Gateway::configured(&["Push.RequestTimeout=50ms"]).await;
    let mut client = Client::connect(gateway.address).await;
    client.ask("POST", "/metrics", "Content-Length: 10\r\n").await;
    client.send(b"jobs").await;
    let answer = timeout(LIMIT, client.answer("POST")).await.expect("in time");
    assert_eq!(answer.status, 408);
    timeout(LIMIT, client.closed()).await.expect("closed");
    gateway.stop().await;
}

#[tokio::test]
async fn without_pushes_there_are_no_routes_for_them() {
    let gateway = Gateway::configured(&["Push.Enabled=false", "Push.EnableAdminApi=true"]).await;
    for (method, path) in [
        ("POST", "/metrics/job/x"),
        ("GET", "/metrics/job/x"),
        ("POST", "/api/v1/events"),
        ("GET", "/api/v1/metrics"),
        ("PUT", "/api/v1/admin/wipe"),
    ] {
        assert_eq!(gateway.send(method, path, "", b"").await.status, 404, "{method} {path}");
    }
    let answer = gateway.send("POST", "/metrics", "", b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    gateway.stop().await;
}
