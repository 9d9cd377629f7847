//! A Prometheus 3 reads the page in each of its five protocols and with each way of escaping names:
//! every target is up, and all of them hold the same values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Gateway, LIST, RedisServer, http, peers, turn, wait_for};
use crate::prometheus::Prometheus;

const DEADLINE: Duration = Duration::from_secs(60);

/// Prometheus' names, and whether it asks for its way of escaping in this one.
const PROTOCOLS: [(&str, bool); 5] = [
    ("PrometheusProto", false),
    ("OpenMetricsText1.0.0", true),
    ("OpenMetricsText0.0.1", false),
    ("PrometheusText1.0.0", true),
    ("PrometheusText0.0.4", false),
];

/// Ways of escaping, and what becomes of `http.größe-1` by their specification (Go's library
/// writes two underscores for `ö` among dots). Where it does not ask, it gets the first.
const ESCAPINGS: [(&str, &str); 4] = [
    ("underscores", "http_gr__e_1"),
    ("dots", "http_dot_gr__e_1"),
    ("values", "U__http_2e_gr_f6__df_e_2d_1"),
    ("allow-utf-8", "http.größe-1"),
];

/// What is hard to print, or to print everywhere in the same way.
const EVENTS: [&str; 11] = [
    r#"{"name":"requests_total","value":3,"labels":{"path":"C:\\\"x\"\n","zone":"grün"}}"#,
    r#"{"name":"without_suffix","value":5}"#,
    r#"{"name":"job:requests:sum","value":1,"help":"Two\nlines \\ and \"quotes\"."}"#,
    r#"{"type":"gauge","name":"nothing","value":"NaN"}"#,
    r#"{"type":"gauge","name":"endless","value":"-Inf"}"#,
    r#"{"type":"gauge","name":"tiny","value":5e-324}"#,
    r#"{"type":"gauge","name":"huge","value":1.7976931348623157e308}"#,
    r#"{"type":"gauge","name":"negative_zero","value":-0.0}"#,
    r#"{"type":"histogram","name":"duration_seconds","value":0.3,"buckets":[1e-7,0.1,0.5,1,1e21]}"#,
    r#"{"type":"summary","name":"size_bytes","value":9,"quantiles":[0.5],"epsilons":[0.05]}"#,
    r#"{"type":"summary","name":"bare_size_bytes","value":9}"#,
];

/// What only a push brings: types of OpenMetrics, and names of any characters.
const PUSHED: &str = "# TYPE \"http.größe-1\" gauge\n{\"http.größe-1\",\"a.b\"=\"c\"} 7\n\
    # TYPE build info\nbuild_info{version=\"1\"} 1\n# TYPE color stateset\ncolor{color=\"red\"} 1\n\
    color{color=\"blue\"} 0\n# TYPE anything unknown\nanything 4\n# EOF\n";

/// Labels without `job` and `instance`, and the value's bits.
type Stored = BTreeMap<String, u64>;

#[test]
#[ignore = "needs a peer: `make peers`"]
fn every_protocol_and_escaping_has_the_same_values() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Metrics__Utf8Names", "true").start();
    for event in EVENTS {
        redis.run::<u64>(&["LPUSH", LIST, event]);
    }
    gateway.wait_value("bare_size_bytes_count", &[], 1.0);
    let content_type = "Content-Type: application/openmetrics-text; version=1.0.0";
    let (status, body) =
        http::exchange(gateway.port(), "POST", "/metrics", &[content_type], PUSHED.as_bytes())
            .expect("an answer");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));

    let configuration = configuration(gateway.port());
    let prometheus = Prometheus::start(peers::program("prometheus"), &configuration, &[]);
    let targets = PROTOCOLS.len() * ESCAPINGS.len();
    wait_for("every target up", DEADLINE, || {
        let up = prometheus.query("up == 1")?.len();
        if up == targets { Ok(()) } else { Err(format!("{up} of {targets}")) }
    });

    let mut by_escaping = BTreeMap::<&str, Stored>::new();
    for (protocol, escapes) in PROTOCOLS {
        for (escaping, name) in ESCAPINGS {
            let context = format!("{protocol}, {escaping}");
            let (escaping, name) = if escapes { (escaping, name) } else { ESCAPINGS[0] };
            let stored = stored(&prometheus, &context);
            let named = stored.keys().any(|labels| labels.contains(&format!("{name:?}")));
            assert!(named, "{context}: no {name} in {:#?}", stored.keys());
            let expected = by_escaping.entry(escaping).or_insert_with(|| stored.clone());
            assert_eq!(differences(expected, &stored), Vec::<String>::new(), "{context}");
        }
    }
    // Names differ between ways of escaping, values do not.
    let values: BTreeSet<Vec<u64>> = by_escaping.values().map(sorted_values).collect();
    assert_eq!(values.len(), 1, "{by_escaping:#?}");
}

/// A job for each protocol and way of escaping, named by both.
fn configuration(port: u16) -> String {
    let mut text = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
    for (protocol, _) in PROTOCOLS {
        for (escaping, _) in ESCAPINGS {
            writeln!(
                text,
                "  - job_name: '{protocol}, {escaping}'\n    scrape_protocols: [{protocol}]\n    \
                 metric_name_validation_scheme: utf8\n    \
                 metric_name_escaping_scheme: {escaping}\n    \
                 static_configs: [{{targets: ['127.0.0.1:{port}']}}]"
            )
            .expect("a string can be written to");
        }
    }
    text
}

/// What was stored of one job, but for the gateway's own series, which go on changing, and for
/// start times, which the formats of text show as series of their own, if at all.
fn stored(prometheus: &Prometheus, job: &str) -> Stored {
    let series = prometheus.query(&format!("{{job={job:?}}}")).expect("Prometheus answers");
    let own = ["prom_stream_gateway_", "process_", "scrape_", "up"];
    let mut stored = Stored::new();
    for mut series in series {
        let value = series["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        let value = value.unwrap_or_else(|| panic!("{series}"));
        let labels = series["metric"].as_object_mut().expect("labels");
        for added in ["job", "instance"] {
            labels.remove(added);
        }
        let name = labels["__name__"].as_str().expect("a name").to_owned();
        if own.iter().any(|own| name.starts_with(own)) || name.ends_with("_created") {
            continue;
        }
        let labels = Value::Object(labels.clone()).to_string();
        assert_eq!(stored.insert(labels.clone(), value.to_bits()), None, "{labels} twice");
    }
    assert!(stored.len() > EVENTS.len(), "{job}: {stored:?}");
    stored
}

fn differences(one: &Stored, other: &Stored) -> Vec<String> {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let shown = |stored: &Stored, key| stored.get(key).map(|bits| f64::from_bits(*bits));
    keys.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("{key}: {:?} and {:?}", shown(one, key), shown(other, key)))
        .collect()
}

fn sorted_values(stored: &Stored) -> Vec<u64> {
    let mut values: Vec<_> = stored.values().copied().collect();
    values.sort_unstable();
    values
}
