//! The page as Prometheus itself sees it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::page::key;
use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::{Gateway, LIST, RedisServer, http, turn, wait_for};

pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// Events with all that is hard to print.
const EVENTS: [&str; 7] = [
    r#"{"name":"requests_total","value":3,"labels":{"path":"C:\\\"x\"\n","zone":"grün"}}"#,
    r#"{"name":"job:requests:sum","value":1,"help":"Two\nlines \\ and \"quotes\"."}"#,
    r#"{"type":"gauge","name":"nothing","value":"NaN"}"#,
    r#"{"type":"gauge","name":"endless","value":"+Inf"}"#,
    r#"{"type":"gauge","name":"tiny","value":1e-300}"#,
    r#"{"type":"histogram","name":"duration_seconds","value":0.3,"buckets":[0.1,0.5,1]}"#,
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

/// Prometheus 2.42 asks for OpenMetrics first.
#[test]
fn prometheus_scrapes_openmetrics() {
    let found = scraped(&[]);
    assert_eq!(found.metadata("requests"), Some("counter"), "a family without `_total`");
    assert_eq!(found.metadata("job:requests:sum"), Some("unknown"), "a counter without `_total`");
}

/// With native histograms it asks for protobuf first.
#[test]
fn prometheus_scrapes_protobuf() {
    let found = scraped(&["--enable-feature=native-histograms"]);
    assert_eq!(found.metadata("requests_total"), Some("counter"));
    assert_eq!(found.metadata("job:requests:sum"), Some("counter"));
}

/// What did not change between two scrapes is not compressed again: what Prometheus unpacks is put
/// together from parts of several pages.
#[test]
fn prometheus_reads_pages_made_of_kept_parts() {
    const SERIES: usize = 5_000;
    let _turn = turn::shared();
    let gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .start();
    let prometheus = Prometheus::of(&gateway, &[]);
    let mut before = BTreeMap::new();
    // All of them, then few far from each other, then some side by side, then a new one.
    let pushed: [Vec<usize>; 4] = [
        (0..SERIES).collect(),
        (0..SERIES).step_by(701).collect(),
        (1_000..1_100).collect(),
        vec![SERIES],
    ];
    for series in pushed {
        let line = |n: &usize| format!("many_total{{n=\"{n}\"}} {}\n", n + 1);
        let lines: String = series.iter().map(line).collect();
        let body = format!("# TYPE many_total counter\n{lines}");
        let answer = http::exchange(
            gateway.port(),
            "POST",
            "/metrics",
            &["Content-Type: text/plain"],
            body.as_bytes(),
        );
        assert_eq!(answer.expect("an answer").0, 200);
        let mut page = gateway.page().samples;
        page.retain(|series, _| series.starts_with("many_total"));
        assert_ne!(page, before);
        wait_for("what was pushed in Prometheus", DEADLINE, || {
            let mut stored = stored(&prometheus)?;
            stored.retain(|series, _| series.starts_with("many_total"));
            let differs = page.iter().find(|(series, value)| stored.get(*series) != Some(value));
            differs.map_or(Ok(()), |(series, value)| {
                Err(format!("{series} is {value}, in Prometheus {:?}", stored.get(series)))
            })
        });
        before = page;
    }
    let kept = gateway.page().value("prom_stream_gateway_page_cache_size_bytes", &[]);
    assert!(kept > Some(1_000.0), "{kept:?} bytes are kept: did Prometheus not ask for gzip?");
}

/// A Prometheus that scrapes a gateway every second, as the job `gateway`.
pub(crate) struct Prometheus {
    port: u16,
    // Dropped first: it writes to the directory.
    _process: Process,
    _directory: TempDir,
}

impl Prometheus {
    pub(crate) fn of(gateway: &Gateway, flags: &[&str]) -> Self {
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
        command.args(flags);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::spawn(&mut command, &directory.path().join("log"));
        Self { port, _process: process, _directory: directory }
    }

    /// What its API answers.
    pub(crate) fn api(&self, path: &str) -> Result<Value, String> {
        let answer = http::get(self.port, &format!("/api/v1/{path}"));
        let answer = answer.map_err(|error| error.to_string())?;
        serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {}", answer.body))
    }
}

/// What Prometheus knows of the gateway.
struct Scraped {
    metadata: Vec<Value>,
}

impl Scraped {
    /// The type of a family.
    fn metadata(&self, family: &str) -> Option<&str> {
        let mut families = self.metadata.iter();
        families.find(|entry| entry["metric"] == family).and_then(|entry| entry["type"].as_str())
    }
}

/// Runs a Prometheus until it has every series of the gateway's page, as the text format shows them.
fn scraped(flags: &[&str]) -> Scraped {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway_with_events(&redis);
    let prometheus = Prometheus::of(&gateway, flags);
    let page = gateway.page();
    wait_for("every series in Prometheus", DEADLINE, || {
        let stored = stored(&prometheus)?;
        let missing = page.samples.iter().find_map(|(series, value)| {
            let Some(stored) = stored.get(series) else { return Some(format!("no {series}")) };
            // Our own numbers go on changing.
            let same = stored == value || stored.is_nan() && value.is_nan();
            let own = series.starts_with("prom_stream_gateway_") || series.starts_with("process_");
            (!same && !own).then(|| format!("{series}: {stored}, served as {value}"))
        });
        missing.map_or(Ok(()), Err)
    });
    let metadata = prometheus.api("targets/metadata").expect("Prometheus answers");
    let metadata = metadata["data"].as_array().expect("a list").clone();
    Scraped { metadata }
}

/// Every series that Prometheus has of the gateway; bounds and quantiles as the text format has them.
fn stored(prometheus: &Prometheus) -> Result<BTreeMap<String, f64>, String> {
    let answer = prometheus.api("query?query=%7Bjob%3D%22gateway%22%7D")?;
    let series = answer["data"]["result"].as_array().ok_or_else(|| answer.to_string())?;
    let sample = |series: &Value| {
        let labels = series["metric"].as_object()?;
        let mut labels: BTreeMap<&str, String> = labels
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.to_owned())))
            .collect();
        let name = labels.remove("__name__")?;
        labels.remove("job");
        labels.remove("instance");
        for bound in ["le", "quantile"] {
            if let Some(whole) = labels.get(bound).and_then(|value| value.strip_suffix(".0")) {
                let whole = whole.to_owned();
                labels.insert(bound, whole);
            }
        }
        let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let value = series["value"][1].as_str()?.parse().ok()?;
        Some((key(&name, &labels), value))
    };
    series.iter().map(|series| sample(series).ok_or_else(|| series.to_string())).collect()
}
