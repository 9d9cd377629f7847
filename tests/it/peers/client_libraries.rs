//! The official clients push the same to the gateway and to a real Pushgateway, and a Prometheus
//! that scrapes both finds the same: metrics of every kind, and all that their default registries
//! gather of the process and its runtime.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::pushgateway::Pushgateway;
use crate::harness::{Gateway, peers, turn, wait_for};
use crate::prometheus::Prometheus;

const DEADLINE: Duration = Duration::from_secs(40);

/// With native histograms, and with the classic ones.
const FORMATS: [&str; 2] = ["PrometheusProto", "PrometheusText0.0.4"];

/// What a client does: the name of the step, to these addresses.
type Client = fn(step: &str, number: u32, addresses: &[String]);

fn push_gateway() -> Gateway {
    Gateway::bare().set("Redis__MetricQueueEnabled", "false").set("Stream__Mode", "off")
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn go_client() {
    compare("go-client", go, &["push", "push-text", "add", "delete", "push"]);
}

/// Where nothing is replaced: the client insists on 202 for a deletion.
#[test]
#[ignore = "needs a peer: `make peers`"]
fn go_client_where_pushes_add_up() {
    let _turn = turn::shared();
    let gateway = push_gateway().start();
    let address = [format!("127.0.0.1:{}", gateway.port())];
    let labels =
        [("job", "go-client"), ("volume", "/var/lib"), ("zone", "grün"), ("kind", "ta\"b\\l\ne")];
    let steps = [("push-finite", Some(2.0)), ("add-finite", Some(4.0)), ("delete", None)];
    for (step, expected) in steps {
        go(step, 2, &address);
        assert_eq!(gateway.page().value("peer_records_total", &labels), expected, "{step}");
    }
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn java_client() {
    compare("java-client", new_java, &["push", "push-text", "add", "delete", "push"]);
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn java_client_before() {
    compare("old-java-client", old_java, &["push", "add", "delete", "push"]);
}

fn go(step: &str, number: u32, addresses: &[String]) {
    run(peers::program("client_golang"), step, number, addresses);
}

fn new_java(step: &str, number: u32, addresses: &[String]) {
    run(java("NewClient.java"), step, number, addresses);
}

fn old_java(step: &str, number: u32, addresses: &[String]) {
    run(java("OldClient.java"), step, number, addresses);
}

/// Java compiles and runs a single file.
fn java(source: &str) -> Command {
    let mut command = Command::new("java");
    command.arg("-cp").arg(peers::place().join("java").join("*"));
    command.arg(format!("{}/tests/peers/java/{source}", env!("CARGO_MANIFEST_DIR")));
    command
}

#[track_caller]
fn run(mut client: Command, step: &str, number: u32, addresses: &[String]) {
    let output = client.arg(step).arg(number.to_string()).args(addresses).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {client:?}: {error}"));
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{step}: {}", said.concat());
}

/// Step by step, what Prometheus finds at the gateway is what it finds at the Pushgateway.
#[track_caller]
fn compare(job: &str, client: Client, steps: &[&str]) {
    let _turn = turn::shared();
    let gateway = push_gateway().set("Push__Dialect", "replace").start();
    let pushgateway = Pushgateway::start();
    let ports = [gateway.port(), pushgateway.port()];
    let prometheus = Prometheus::start(peers::program("prometheus"), &configuration(ports), &[]);
    let addresses = ports.map(|port| format!("127.0.0.1:{port}"));
    for (number, step) in (1..).zip(steps) {
        client(step, number, &addresses);
        for format in FORMATS {
            wait_for(&format!("{job}: {step} in {format}"), DEADLINE, || {
                let of = |peer| stored(&prometheus, peer, format, job);
                let (found, expected) = (of("gateway")?, of("pushgateway")?);
                let of_this_step = match expected.get(r#"{"__name__":"peer_step"}"#) {
                    Some(value) => *value == number.to_string(),
                    None => *step == "delete" && expected.is_empty(),
                };
                match differences(&found, &expected) {
                    none if none.is_empty() && of_this_step => Ok(()),
                    some => Err(format!("{} of {}: {some:#?}", some.len(), expected.len())),
                }
            });
        }
    }
}

/// Both are scraped in each format; pushed labels stay.
fn configuration([gateway, pushgateway]: [u16; 2]) -> String {
    let mut text = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
    for format in FORMATS {
        for (peer, port) in [("gateway", gateway), ("pushgateway", pushgateway)] {
            writeln!(
                text,
                "  - job_name: '{peer} {format}'\n    scrape_protocols: [{format}]\n    \
                 honor_labels: true\n    scrape_native_histograms: true\n    \
                 static_configs:\n      \
                 - targets: ['127.0.0.1:{port}']\n        \
                 labels: {{peer: {peer}, format: '{format}'}}"
            )
            .expect("a string can be written to");
        }
    }
    text
}

/// Values and histograms by their labels, without those of the group and of the scrape. When a
/// group was pushed is another moment for each.
fn stored(
    prometheus: &Prometheus,
    peer: &str,
    format: &str,
    job: &str,
) -> Result<BTreeMap<String, String>, String> {
    let selector = format!("{{peer={peer:?},format={format:?},job={job:?}}}");
    let series = prometheus.query(&selector)?;
    let mut stored = BTreeMap::new();
    for mut series in series {
        let labels = series["metric"].as_object_mut().ok_or("no labels")?;
        for label in ["peer", "format", "job", "volume", "zone"] {
            labels.remove(label);
        }
        let labels = Value::Object(labels.clone()).to_string();
        let value = match series.get("histogram") {
            Some(histogram) => histogram[1].to_string(),
            None => series["value"][1].as_str().ok_or("no value")?.to_owned(),
        };
        if !labels.contains("\"push_time_seconds\"") {
            stored.insert(labels, value);
        }
    }
    Ok(stored)
}

fn differences(
    found: &BTreeMap<String, String>,
    expected: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut keys: Vec<_> = found.keys().chain(expected.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| found.get(*key) != expected.get(*key))
        .map(|key| format!("{key}: {:?}, Pushgateway {:?}", found.get(key), expected.get(key)))
        .collect()
}
