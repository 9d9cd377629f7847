//! What was pushed in one format is served in all of them: exemplars, units, times, native
//! histograms, names of any characters. Each scrape asks as a real reader asks.

use std::io::Read as _;
use std::time::Duration;

use crate::harness::{Gateway, LIST, RedisServer, eventually, http, turn, wait_for};

mod native;

const DEADLINE: Duration = Duration::from_secs(40);

const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0";
const PROTOBUF: &str = "Accept: application/vnd.google.protobuf; \
                        proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Pushes are its only source; no checkpoint comes in between.
fn push_only() -> Gateway {
    Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Snapshot__Interval", "1h")
}

/// Pushed in the dialect `aggregate`; how that was answered.
#[track_caller]
fn push(gateway: &Gateway, content_type: &str, body: &[u8]) -> u16 {
    let content_type = format!("Content-Type: {content_type}");
    let answer = http::exchange(gateway.port(), "POST", "/metrics", &[&content_type], body);
    answer.expect("an answer").0
}

/// The page as it is sent to whoever asks with this header.
#[track_caller]
fn bytes(gateway: &Gateway, header: &str) -> Vec<u8> {
    let answer = http::exchange(gateway.port(), "GET", "/metrics", &[header], b"");
    let (status, body) = answer.expect("an answer");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    body
}

/// Those lines of the page in which the word stands, but for our own metrics.
#[track_caller]
fn lines(gateway: &Gateway, header: &str, word: &str) -> Vec<String> {
    let page = String::from_utf8(bytes(gateway, header)).expect("UTF-8");
    let lines = page.lines().filter(|line| !line.contains("prom_stream_gateway_"));
    lines.filter(|line| line.contains(word)).map(Into::into).collect()
}

fn restart(gateway: &mut Gateway) {
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
}

#[test]
fn exemplars_and_units_are_served_as_pushed() {
    const BODY: &str = "# TYPE wait_seconds histogram\n\
        # UNIT wait_seconds seconds\n\
        # HELP wait_seconds How \\\"long\\\".\n\
        wait_seconds_bucket{path=\"/\",le=\"0.5\"} 1 # {trace_id=\"4b\\\"f9\"} 0.25 1700000000.125\n\
        wait_seconds_bucket{path=\"/\",le=\"+Inf\"} 3\n\
        wait_seconds_sum{path=\"/\"} 4.5\n\
        wait_seconds_count{path=\"/\"} 3\n\
        # TYPE waits counter\n\
        waits_total{path=\"/\"} 3 # {trace_id=\"é\"} 1\n\
        # EOF\n";
    let _turn = turn::shared();
    let mut gateway = push_only().start();
    assert_eq!(push(&gateway, "application/openmetrics-text; version=1.0.0", BODY.as_bytes()), 200);
    for _ in 0..2 {
        let mut served = lines(&gateway, OPENMETRICS, "wait");
        served.sort_unstable();
        let mut pushed: Vec<_> = BODY.lines().filter(|line| line.contains("wait")).collect();
        pushed.sort_unstable();
        assert_eq!(served, pushed);
        restart(&mut gateway);
    }
    gateway.kill();
    gateway.assign("Metrics__CreatedSamples", "true");
    gateway.launch();
    gateway.wait_ready();
    let created = |gateway: &Gateway| lines(gateway, OPENMETRICS, "_created");
    let before = created(&gateway);
    assert!(before.iter().any(|line| line.starts_with("wait_seconds_created{path=\"/\"} 1")));
    assert!(before.iter().any(|line| line.starts_with("waits_created{path=\"/\"} 1")));
    restart(&mut gateway);
    assert_eq!(created(&gateway), before);
}

/// Events do not say when they happened: those that are replayed count since the snapshot, or since
/// nobody knows when, but never since the restart.
#[test]
fn a_series_of_events_does_not_begin_later_after_a_crash() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis)
        .list_only()
        .set("Snapshot__Interval", "1h")
        .set("Metrics__CreatedSamples", "true")
        .start();
    let created = |gateway: &Gateway, name: &str| -> Option<f64> {
        let lines = lines(gateway, OPENMETRICS, &format!("{name}_created "));
        lines.first().and_then(|line| line.rsplit(' ').next()?.parse().ok())
    };
    for name in ["without", "with", "orderly"] {
        let has_snapshot = name != "without";
        if name == "with" {
            gateway.kill();
            gateway.assign("Snapshot__Interval", "100ms");
            gateway.launch();
            gateway.wait_ready();
            redis.run::<u64>(&["LPUSH", LIST, r#"{"name":"first_total","value":1}"#]);
            eventually("a snapshot", DEADLINE, || {
                gateway.status()["checkpoint"]["successes"].as_u64() > Some(0)
            });
            gateway.kill();
            gateway.assign("Snapshot__Interval", "1h");
            gateway.launch();
            gateway.wait_ready();
        }
        if name == "orderly" {
            // The snapshot says that its writer stopped in good order, and the next one does not live
            // to write any.
            gateway.terminate();
            gateway.launch();
            gateway.wait_ready();
        }
        let total = format!("{name}_total");
        let event = format!(r#"{{"name":"{total}","value":1}}"#);
        redis.run::<u64>(&["LPUSH", LIST, &event]);
        gateway.wait_value(&total, &[], 1.0);
        let before = created(&gateway, name).expect("it began when it was taken");
        restart(&mut gateway);
        gateway.wait_value(&total, &[], 1.0);
        let after = created(&gateway, name);
        assert_eq!(after.is_some(), has_snapshot, "{after:?}");
        assert!(after.is_none_or(|after| after <= before), "{after:?}, before {before}");
    }
}

#[test]
fn names_of_any_characters_are_quoted_or_spelled() {
    const BODY: &[u8] = b"{\"my.metric\",\"label.a\"=\"x\"} 1\n";
    const QUOTED: &str = "Accept: text/plain;version=1.0.0;escaping=allow-utf-8";
    let _turn = turn::shared();
    let mut gateway = push_only().set("Metrics__Utf8Names", "true").start();
    assert_eq!(push(&gateway, "text/plain", BODY), 200);
    for _ in 0..2 {
        for (accept, line) in [
            (QUOTED, r#"{"my.metric","label.a"="x"} 1"#),
            (
                "Accept: text/plain;version=1.0.0;escaping=dots",
                r#"my_dot_metric{label_dot_a="x"} 1"#,
            ),
            ("Accept: text/plain", r#"my_metric{label_a="x"} 1"#),
            ("Accept: */*", r#"my_metric{label_a="x"} 1"#),
        ] {
            let served = lines(&gateway, accept, "\"x\"} ");
            assert_eq!(served, [line], "{accept}");
        }
        restart(&mut gateway);
    }
    let classic = push_only().start();
    assert_eq!(push(&classic, "text/plain", BODY), 400);
    assert_eq!(lines(&classic, QUOTED, "metric\","), [""; 0]);
}

#[test]
fn a_window_empties_and_fills_again_across_a_restart() {
    let _turn = turn::shared();
    let mut gateway = push_only().start();
    let body = b"# TYPE w_sum gauge\nw_sum{clearmode=\"sum2s\"} 6\n\
                 # TYPE w_mean gauge\nw_mean{clearmode=\"mean2s\"} 6\n";
    for _ in 0..2 {
        assert_eq!(push(&gateway, "text/plain", body), 200);
        restart(&mut gateway);
        for name in ["w_sum", "w_mean"] {
            wait_for(&format!("{name} empties"), DEADLINE, || {
                match gateway.page().value(name, &[]) {
                    Some(0.0) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            });
        }
        restart(&mut gateway);
    }
    assert_eq!(push(&gateway, "text/plain", body), 200);
    assert_eq!(lines(&gateway, "Accept: */*", "w_sum "), ["# TYPE w_sum gauge", "w_sum 6"]);
}

#[test]
fn compressed_pages_are_the_page() {
    let _turn = turn::shared();
    let gateway = push_only().start();
    let many: String = (0..20_000).map(|n| format!("many{{n=\"{n}\"}} {n}\n")).collect();
    assert_eq!(push(&gateway, "text/plain", many.as_bytes()), 200);
    let plain = |page: Vec<u8>| -> Vec<String> {
        let page = String::from_utf8(page).expect("UTF-8");
        // Our own numbers go on changing.
        page.lines().filter(|line| line.starts_with("many{")).map(Into::into).collect()
    };
    let page = plain(bytes(&gateway, "Accept-Encoding: identity"));
    assert_eq!(page.len(), 20_000);
    let zstd = bytes(&gateway, "Accept-Encoding: gzip, zstd");
    assert!(zstd.len() < many.len() / 2, "{}", zstd.len());
    assert_eq!(plain(zstd::decode_all(&*zstd).expect("a whole zstd stream")), page);
    let gzip = bytes(&gateway, "Accept-Encoding: gzip");
    let mut unpacked = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&*gzip);
    decoder.read_to_end(&mut unpacked).expect("a whole gzip stream");
    assert_eq!(plain(unpacked), page);
}
