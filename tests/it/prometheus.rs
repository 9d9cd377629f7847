//! The page as Prometheus itself sees it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::{Gateway, LIST, RedisServer, http, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(40);

/// Events with all that is hard to print.
const EVENTS: [&str; 7] = [
    r#"{"name":"requests_total","value":3,"labels":{"path":"C:\\\"x\"\n","zone":"grün"}}"#,
    r#"{"name":"job:requests:sum","value":1,"help":"Two\nlines \\ and \"quotes\"."}"#,
    r#"{"type":"gauge","name":"nothing","value":"NaN"}"#,
    r#"{"type":"gauge","name":"endless","value":"+Inf"}"#,
    r#"{"type":"gauge","name":"tiny","value":1e-300}"#,
    r#"{"type":"histogram","name":"duration_seconds","value":0.3,"buckets":[0.1,0.5]}"#,
    r#"{"type":"summary","name":"size_bytes","value":9,"quantiles":[0.5],"epsilons":[0.05]}"#,
];

fn gateway_with_events(redis: &RedisServer) -> Gateway {
    let gateway = Gateway::of(redis).start();
    for event in EVENTS {
        redis.run::<u64>(&["LPUSH", LIST, event]);
    }
    gateway.wait_value("size_bytes_count", &[], 1.0);
    gateway
}

#[test]
fn promtool_parses_the_page() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway_with_events(&redis);
    let output = promtool(&gateway.text());
    assert!(!output.contains("parsing error"), "{output}");
    let broken = promtool("requests_total{path=\"} 1\n");
    assert!(broken.contains("parsing error"), "promtool would tell: {broken}");
}

/// What `promtool check metrics` prints; its lint is not ours to obey, only its parser.
fn promtool(page: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("cannot start promtool: {error}. `make test` installs what the tests need")
    });
    let mut input = child.stdin.take().expect("the input is piped");
    input.write_all(page.as_bytes()).expect("promtool reads its input");
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

#[test]
fn prometheus_scrapes_the_gateway() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway_with_events(&redis);
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let port = free_port();
    let configuration = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: gateway\n    \
         static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
        gateway.port()
    );
    let file = directory.path().join("prometheus.yml");
    std::fs::write(&file, configuration).expect("the directory can be written to");
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", directory.path().join("tsdb").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _prometheus = Process::spawn(&mut command, &directory.path().join("log"));

    for (query, value) in [
        ("up", "1"),
        ("requests_total", "3"),
        ("duration_seconds_bucket%7Ble%3D%220.5%22%7D", "1"),
        ("endless", "+Inf"),
        ("job:requests:sum", "1"),
    ] {
        wait_for(&format!("{query} = {value}"), DEADLINE, || {
            let answer = http::get(port, &format!("/api/v1/query?query={query}"))
                .map_err(|error| error.to_string())?;
            let json: Value =
                serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
            match &json["data"]["result"][0]["value"][1] {
                found if found == value => Ok(()),
                _ => Err(answer.body),
            }
        });
    }
}
