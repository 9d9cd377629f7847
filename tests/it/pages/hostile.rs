//! What every door is given, and what a real Prometheus makes of the page that comes of it.
//!
//! Each character that is hard to write is pushed at each place where a text can stand. A door may
//! refuse it; what it takes must not cost Prometheus the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use prom_stream_gateway::decode::exposition::protobuf::messages;
use prost::Message as _;

use super::{read_by_reference, samples};
use crate::harness::{Gateway, http, turn, wait_for};
use crate::prometheus::{DEADLINE, Prometheus};

const CHARACTERS: [&str; 27] = [
    "\0",
    "\u{1}",
    "\t",
    "\r",
    "\u{b}",
    "\u{1b}",
    "\u{1c}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "\"",
    "\\",
    "\n",
    " ",
    "#",
    "{",
    "}",
    ",",
    "=",
    ".",
    "é",
    "'",
    " # {} ",
    "\"}",
];

const TEXT: &str = "Content-Type: text/plain";
const OPENMETRICS: &str = "Content-Type: application/openmetrics-text; version=1.0.0";
const PROTOBUF: &str = "Content-Type: application/vnd.google.protobuf; \
                        proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A path, a Content-Type and a body.
type Pushed = (String, &'static str, Vec<u8>);

#[test]
fn what_a_door_accepts_can_be_scraped() {
    let _turn = turn::shared();
    let gateway = Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Metrics__Utf8Names", "true")
        .start();
    let mut accepted = 0;
    let mut push_all = |pushes: Vec<Pushed>| {
        for (path, content_type, body) in pushes {
            let answer = http::exchange(gateway.port(), "POST", &path, &[content_type], &body);
            let (status, said) = answer.expect("an answer");
            let said = String::from_utf8_lossy(&said);
            assert!([200, 400].contains(&status), "{path} {body:?}: {status} {said}");
            accepted += usize::from(status == 200);
        }
    };
    for (number, character) in (0..).zip(CHARACTERS) {
        push_all(pushes(number, character));
    }
    read_back_by_the_reference(&gateway);
    // The reference parser loses its way at escaped quotes in an exemplar, which Prometheus reads.
    for (number, character) in (0..).zip(CHARACTERS) {
        push_all(exemplars(number, character));
    }
    push_all(vec![("/metrics".into(), TEXT, b"last 1\n".to_vec())]);
    assert!(accepted > 8 * CHARACTERS.len(), "only {accepted} accepted");
    for flags in [&[][..], &["--enable-feature=native-histograms"]] {
        let prometheus = Prometheus::of(&gateway, flags);
        wait_for("a page with all of it in Prometheus", DEADLINE, || {
            let found = prometheus.api("query?query=last")?;
            if found["data"]["result"][0]["value"][1] == "1" {
                return Ok(());
            }
            Err(prometheus.api("targets")?["data"]["activeTargets"][0]["lastError"].to_string())
        });
    }
}

/// The character at each place but an exemplar.
fn pushes(number: usize, character: &str) -> Vec<Pushed> {
    let value = format!("x{character}y");
    let quoted = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    let base64 = URL_SAFE.encode(&value);
    let text = |body: String| ("/metrics".to_owned(), TEXT, body.into_bytes());
    let event = serde_json::json!({"name": format!("event_{number}"), "help": value, "labels": {"a": value}});
    vec![
        text(format!("# HELP help_{number} {quoted}\nhelp_{number} 1\n")),
        text(format!("value_{number}{{a=\"{quoted}\"}} 1\n")),
        text(format!("label_{number}{{\"{quoted}\"=\"1\"}} 1\n")),
        text(format!(
            "# TYPE \"name_{number}{quoted}\" counter\n{{\"name_{number}{quoted}\"}} 1\n"
        )),
        (format!("/metrics/a@base64/{base64}"), TEXT, format!("path_{number} 1\n").into_bytes()),
        ("/api/v1/events".into(), TEXT, event.to_string().into_bytes()),
        ("/metrics".into(), PROTOBUF, family(&format!("unit_{number}"), &value, "")),
        ("/metrics".into(), PROTOBUF, family(&format!("unit_{number}_{value}"), &value, &value)),
    ]
}

fn exemplars(number: usize, character: &str) -> Vec<Pushed> {
    let value = format!("x{character}y");
    let quoted = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    let of = |name: &str, labels: String| {
        let body = format!("# TYPE {name} counter\n{name}_total 1 # {{{labels}}} 1\n# EOF\n");
        ("/metrics".to_owned(), OPENMETRICS, body.into_bytes())
    };
    vec![
        of(&format!("exemplar_{number}"), format!("a=\"{quoted}\"")),
        of(&format!("exemplar_name_{number}"), format!("\"{quoted}\"=\"1\"")),
    ]
}

/// A family of one series, which text cannot be: any unit, and the label if it has a name.
fn family(name: &str, unit: &str, label: &str) -> Vec<u8> {
    let label = messages::LabelPair { name: Some(label.into()), value: Some(label.into()) };
    let family = messages::MetricFamily {
        name: Some(name.into()),
        help: None,
        r#type: Some(messages::MetricType::Gauge.into()),
        metric: vec![messages::Metric {
            label: label
                .name
                .iter()
                .any(|name| !name.is_empty())
                .then_some(label)
                .into_iter()
                .collect(),
            gauge: Some(Box::new(messages::Gauge { value: Some(1.0) })),
            ..messages::Metric::default()
        }],
        unit: Some(unit.into()),
    };
    family.encode_length_delimited_to_vec()
}

/// Both text formats, with names as they are and spelled.
fn read_back_by_the_reference(gateway: &Gateway) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (format, accept) in [
        ("text", "text/plain; version=1.0.0"),
        ("openmetrics", "application/openmetrics-text; version=1.0.0"),
    ] {
        for escaping in ["allow-utf-8", "underscores"] {
            let accept = format!("Accept: {accept}; escaping={escaping}");
            let page = http::exchange(gateway.port(), "GET", "/metrics", &[&accept], b"");
            let page = String::from_utf8(page.expect("an answer").1).expect("UTF-8");
            let path = directory.path().join(escaping).with_extension(format);
            std::fs::write(&path, &page).expect("the directory can be written to");
            let found = read_by_reference(&[&path]);
            assert_eq!(found.trim(), samples(&page).to_string(), "{accept}\n{page}");
        }
    }
}
