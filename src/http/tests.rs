//! Every route, asked over a real connection.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::config::{Assignment, Config, Sources};
use crate::dead_letters::DeadLetter;
use crate::model::{
    MetricType, Position, ReaderPosition, Reason, SourceKey, SourceKind, Tally, Timestamp,
};
use crate::push::PushFront;
use crate::status::Phase;
use crate::store::{Cut, Family, SourceState, Store, TextColumn, Values};

mod client;
mod limits;
mod operators;
mod origins;
mod pages;
mod pushes;
mod settling;

use client::{Answer, Client};

/// No test takes longer, unless it fails.
const LIMIT: Duration = Duration::from_secs(20);

struct Gateway {
    context: HttpContext,
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// Listens, and is still restoring.
    async fn start() -> Self {
        Self::configured(&[]).await
    }

    /// With settings such as `Push.Enabled=false`.
    async fn configured(settings: &[&str]) -> Self {
        let config = config(settings);
        let limits = HttpLimits::from(&config.http);
        Self::start_from(config, limits).await
    }

    async fn start_with(limits: HttpLimits) -> Self {
        Self::start_from(config(&[]), limits).await
    }

    async fn start_from(config: Config, limits: HttpLimits) -> Self {
        let (status, store) = (Status::new(), LateStore::default());
        let dead_letters = DeadLetters::new(100);
        let own_metrics =
            OwnMetrics::new(status.clone(), Arc::clone(&store), dead_letters.clone(), false);
        let context = HttpContext {
            store,
            settling: Settling::default(),
            status,
            dead_letters,
            own_metrics,
            push: PushFront::default(),
            origins: Origins::new(&config.http, &config.push),
            push_config: Arc::new(config.push),
            security: Security::default(),
            limits,
            shutdown: CancellationToken::new(),
            page: PageOptions { created_samples: true },
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, context.clone(), shutdown.clone()));
        Self { context, address, shutdown, server }
    }

    /// Restored with `series` counters, and serving.
    async fn serving(series: usize) -> Self {
        let gateway = Self::start().await;
        gateway.restore(series);
        gateway
    }

    fn restore(&self, series: usize) {
        self.restore_wide(series, 64);
    }

    /// With so many bytes of labels in each series.
    fn restore_wide(&self, series: usize, width: usize) {
        let store = Store::restore(cut(series, width), 1_000_000);
        assert!(self.context.store.set(store).is_ok(), "restored once");
        self.context.status.set_phase(Phase::Serving);
    }

    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let answer = async {
            let mut client = Client::connect(self.address).await;
            client.ask(method, path, &format!("{headers}Connection: close\r\n")).await;
            client.answer(method).await
        };
        timeout(LIMIT, answer).await.expect("an answer in time")
    }

    /// Sends a body, too.
    async fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let answer = async {
            let mut client = Client::connect(self.address).await;
            let length = body.len();
            let headers = format!("{headers}Content-Length: {length}\r\nConnection: close\r\n");
            client.ask(method, path, &headers).await;
            client.send(body).await;
            client.answer(method).await
        };
        timeout(LIMIT, answer).await.expect("an answer in time")
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(LIMIT, self.server).await.expect("stops in time").expect("does not panic");
    }
}

fn config(settings: &[&str]) -> Config {
    let flag = |text: &&str| Assignment { flag: "--set", text: (*text).to_owned() };
    let flags = settings.iter().map(flag).collect();
    Config::load(Sources { flags, ..Sources::default() }).expect("valid settings").0
}

fn limits() -> HttpLimits {
    HttpLimits::from(&config(&[]).http)
}

fn source() -> SourceKey {
    SourceKey { kind: SourceKind::Reader, key: "events".into() }
}

fn cut(series: usize, width: usize) -> Cut {
    let mut labels = TextColumn::default();
    for number in 0..series {
        labels.push(&format!("number=\"{number}\",padding=\"{number:0>width$}\""));
    }
    let family = Family {
        help: "Jobs.".into(),
        labels,
        values: Values::Scalars(vec![1.0; series]),
        ..Family::empty("jobs_total", MetricType::Counter)
    };
    let mut tally = Tally { processed: 41, lost: 2, ..Tally::default() };
    tally.count_dropped(Reason::InvalidJson);
    let position = Position::Reader(ReaderPosition::default());
    Cut {
        taken_at: Timestamp::now(),
        series: series as u64,
        families: vec![family],
        sources: vec![SourceState { key: source(), position, tally }],
        ..Cut::default()
    }
}

fn gunzip(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).expect("a gzip stream of text");
    text
}

#[tokio::test]
async fn it_is_alive_before_anything_is_restored() {
    let gateway = Gateway::start().await;
    for (path, body) in [("/", "ok"), ("/-/healthy", "healthy\n")] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, body.to_owned()), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let own = gateway.get("/-/metrics").await;
    assert_eq!(
        (own.status, own.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    let phase = "\nprom_stream_gateway_phase{phase=\"restoring\"} 1\n";
    assert!(own.text().contains(phase), "{}", own.text());
    gateway.stop().await;
}

#[tokio::test]
async fn readiness_tells_of_failing_checkpoints_while_the_page_is_served() {
    let gateway = Gateway::serving(1).await;
    let status = &gateway.context.status;
    let begun = tokio::time::Instant::now();
    status.checkpoint(|report| {
        report.expect_every(Duration::from_secs(5));
        report.behind_since = Some(begun);
        report.last_error = Some("cannot write x: no space".into());
    });
    assert_eq!(gateway.get("/-/ready").await.status, 200);
    let earlier = begun.checked_sub(Duration::from_secs(16)).expect("the machine is up for longer");
    status.checkpoint(|report| report.behind_since = Some(earlier));
    let ready = gateway.get("/-/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("cannot write x: no space"), "{}", ready.text());
    let page = gateway.get("/metrics").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("\nprom_stream_gateway_degraded 1\n"), "{}", page.text());
    let report: Value = serde_json::from_str(&gateway.get("/api/v1/status").await.text()).unwrap();
    assert_eq!(report["degraded"].as_array().map(Vec::len), Some(1), "{report}");
    gateway.stop().await;
}

#[tokio::test]
async fn metrics_and_readiness_wait_for_the_replay() {
    let gateway = Gateway::start().await;
    let status = &gateway.context.status;
    let expect = async |reason: &str| {
        let metrics = gateway.get("/metrics").await;
        assert_eq!((metrics.status, metrics.text()), (503, format!("{reason}\n")));
        assert_eq!(metrics.header("retry-after"), Some("1"));
        let ready = gateway.get("/-/ready").await;
        assert_eq!((ready.status, ready.text()), (503, format!("{reason}\n")));
    };
    expect("restoring the snapshot").await;
    status.set_phase(Phase::Standby);
    expect("standby: another process owns this identity").await;
    status.source(&source(), |source| {
        source.connected = true;
        source.lag_entries = 12;
    });
    status.set_phase(Phase::Replaying);
    expect("reader:events: replaying, 12 entries to go").await;
    gateway.restore(1);
    for path in ["/metrics", "/-/ready"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    status.set_phase(Phase::Stopping);
    assert_eq!(gateway.get("/metrics").await.status, 200, "served until the end");
    gateway.stop().await;
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    const READ: &str = "GET, HEAD";
    let gateway = Gateway::configured(&["Push.EnableAdminApi=true"]).await;
    let paths = [
        ("/", READ),
        ("/metrics", "GET, HEAD, POST, PUT, DELETE"),
        ("/metrics/job/x", "POST, PUT, DELETE"),
        ("/metrics/job", "POST, PUT, DELETE"),
        ("/-/metrics", READ),
        ("/-/healthy", READ),
        ("/-/ready", READ),
        ("/-/quit", "PUT, POST"),
        ("/-/reload", "PUT, POST"),
        ("/api/v1/status", READ),
        ("/api/v1/dead-letters", READ),
        ("/api/v1/metrics", READ),
        ("/api/v1/events", "POST"),
        ("/api/v1/admin/wipe", "PUT"),
    ];
    for (path, allowed) in paths {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if allowed.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = gateway.ask(method, path, "Content-Length: 0\r\n").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let gateway = Gateway::start().await;
    for path in ["/metric", "/metrics-x", "/api", "/api/v2/status", "/-/", "/favicon.ico"] {
        for method in ["GET", "POST"] {
            let answer = gateway.ask(method, path, "Content-Length: 0\r\n").await;
            assert_eq!((answer.status, answer.text()), (404, "not found\n".into()), "{path}");
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_status_tells_what_is_known() {
    let gateway = Gateway::start().await;
    let early = gateway.get("/api/v1/status").await.json();
    assert_eq!(early["phase"], "restoring");
    assert_eq!(early["missing"], json!(["restoring the snapshot"]));
    assert_eq!(early["series"], Value::Null, "not known yet");

    gateway.restore(5);
    let status = &gateway.context.status;
    status.source(&source(), |source| {
        source.position = "7-1".into();
        source.connected = true;
        source.lag_entries = 3;
        source.pending_entries = 4;
        source.replayed = 5;
    });
    status.checkpoint(|checkpoint| {
        checkpoint.generation = Some("1-9".into());
        checkpoint.last_success_timestamp_seconds = Some(Timestamp::now().as_seconds() - 60.0);
        checkpoint.size_bytes = 4096;
        checkpoint.duration_seconds = 0.25;
        checkpoint.failures = 2;
    });
    let answer = gateway.get("/api/v1/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let status = answer.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["revision"].is_string());
    assert_eq!(status["status"], "success");
    let data = &status["data"];
    assert_eq!(data["build_information"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(data["flags"]["web.enable-admin-api"], "false");
    let started_at = gateway.context.status.started_at().rfc3339();
    assert_eq!(data["start_time"], started_at.as_str());
    assert!(status["uptime_seconds"].as_f64().expect("a number") >= 0.0);
    assert_eq!(status["phase"], "serving");
    assert_eq!((&status["series"], &status["families"]), (&json!(5), &json!(1)));
    let source = &status["sources"][0];
    for (field, expected) in [
        ("kind", json!("reader")),
        ("key", json!("events")),
        ("position", json!("7-1")),
        ("connected", json!(true)),
        ("lag_entries", json!(3)),
        ("pending_entries", json!(4)),
        ("replayed", json!(5)),
        ("processed", json!(41)),
        ("lost", json!(2)),
        ("dropped", json!({"invalid_json": 1})),
    ] {
        assert_eq!(source[field], expected, "{field}");
    }
    let checkpoint = &status["checkpoint"];
    let age = checkpoint["age_seconds"].as_f64().expect("a number");
    assert!((59.0..90.0).contains(&age), "{age}");
    assert_eq!(checkpoint["generation"], "1-9");
    assert_eq!(checkpoint["size_bytes"], 4096);
    assert_eq!(checkpoint["duration_seconds"], 0.25);
    assert_eq!(checkpoint["failures"], 2);
    gateway.stop().await;
}

#[tokio::test]
async fn dead_letters_are_shown_newest_first() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/api/v1/dead-letters").await.json(), json!([]));
    for (position, payload) in [("1-1", b"{\"a\":1".to_vec()), ("1-2", b"\xff\x00".to_vec())] {
        gateway.context.dead_letters.push(DeadLetter {
            reason: Reason::InvalidJson,
            detail: "cut short".into(),
            source: "reader:events".into(),
            position: position.into(),
            payload,
            at: Timestamp(1_500),
        });
    }
    let letters = gateway.get("/api/v1/dead-letters").await.json();
    let expected = json!([
        {
            "reason": "invalid_json", "detail": "cut short", "source": "reader:events",
            "position": "1-2", "timestamp_seconds": 1.5, "payload_bytes": 2,
            "payload": "\u{fffd}\u{0}", "payload_base64": "/wA=",
        },
        {
            "reason": "invalid_json", "detail": "cut short", "source": "reader:events",
            "position": "1-1", "timestamp_seconds": 1.5, "payload_bytes": 6,
            "payload": "{\"a\":1",
        },
    ]);
    assert_eq!(letters, expected);
    let newest = gateway.get("/api/v1/dead-letters?limit=1").await.json();
    assert_eq!(newest.as_array().map(Vec::len), Some(1));
    assert_eq!(newest[0]["position"], "1-2");
    assert_eq!(gateway.get("/api/v1/dead-letters?limit=x").await.status, 400);
    gateway.stop().await;
}
