//! What producers send, good and bad, through a real gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::page::key;
use crate::harness::{DEAD_LETTERS, Gateway, LIST, RedisServer, STREAM, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(20);

/// A payload, and the samples that it makes.
type Good = (&'static str, &'static [(&'static str, &'static [(&'static str, &'static str)], f64)]);

const GOOD: &[Good] = &[
    (
        r#"{"type":"counter","name":"requests_total","value":1,"help":"Requests.","labels":{"method":"GET","status":"200"}}"#,
        &[("requests_total", &[("method", "GET"), ("status", "200")], 1.0)],
    ),
    (
        r#"{"type":"gauge","name":"temperature_celsius","value":22.5,"labels":{"sensor":"room-1"}}"#,
        &[("temperature_celsius", &[("sensor", "room-1")], 22.5)],
    ),
    (
        r#"{"type":"histogram","name":"duration_seconds","value":0.75,"buckets":[0.1,0.5,1,5,10]}"#,
        &[
            ("duration_seconds_bucket", &[("le", "0.5")], 0.0),
            ("duration_seconds_bucket", &[("le", "1")], 1.0),
            ("duration_seconds_bucket", &[("le", "+Inf")], 1.0),
            ("duration_seconds_sum", &[], 0.75),
            ("duration_seconds_count", &[], 1.0),
        ],
    ),
    (
        r#"{"type":"summary","name":"size_bytes","value":512,"quantiles":[0.99,0.5],"epsilons":[0.001,0.05]}"#,
        &[
            ("size_bytes", &[("quantile", "0.5")], 512.0),
            ("size_bytes", &[("quantile", "0.99")], 512.0),
            ("size_bytes_sum", &[], 512.0),
            ("size_bytes_count", &[], 1.0),
        ],
    ),
    (r#"{"type":"summary","name":"bare_summary","value":2}"#, &[("bare_summary_count", &[], 1.0)]),
    // Spelling of the type.
    (r#"{"type":"Counter","name":"cased_total","value":2}"#, &[("cased_total", &[], 2.0)]),
    (r#"{"name":"untyped_total","value":3}"#, &[("untyped_total", &[], 3.0)]),
    (r#"{"type":0,"name":"zero_total","value":1}"#, &[("zero_total", &[], 1.0)]),
    (r#"{"type":1,"name":"one","value":-1}"#, &[("one", &[], -1.0)]),
    (r#"{"type":2,"name":"two","value":1}"#, &[("two_count", &[], 1.0)]),
    (r#"{"type":3,"name":"three","value":1,"buckets":[2]}"#, &[("three_count", &[], 1.0)]),
    // Names and values.
    (r#"{"name":"job:rate:sum","value":1}"#, &[("job:rate:sum", &[], 1.0)]),
    (r#"{"name":"created_total"}"#, &[("created_total", &[], 0.0)]),
    (r#"{"name":"php_total","value":"1.5"}"#, &[("php_total", &[], 1.5)]),
    (
        r#"{"type":"gauge","name":"infinite","value":"-Inf"}"#,
        &[("infinite", &[], f64::NEG_INFINITY)],
    ),
    // What encoders make of numbers that JSON has no form for: JavaScript's, Python's.
    (r#"{"type":"gauge","name":"no_number","value":null}"#, &[("no_number", &[], f64::NAN)]),
    (
        r#"{"type":"gauge","name":"python_endless","value":-Infinity}"#,
        &[("python_endless", &[], f64::NEG_INFINITY)],
    ),
    (
        r#"[{"type":"gauge","name":"python_nan","value":NaN},{"name":"beside_nan_total","value":2}]"#,
        &[("python_nan", &[], f64::NAN), ("beside_nan_total", &[], 2.0)],
    ),
    (r#"{"name":"extra_total","value":1,"whatever":{"a":[1]}}"#, &[("extra_total", &[], 1.0)]),
    // Labels.
    (
        r#"{"name":"typed_labels","value":1,"labels":{"n":7,"b":true,"gone":null,"empty":""}}"#,
        &[("typed_labels", &[("b", "true"), ("n", "7")], 1.0)],
    ),
    (r#"{"name":"ordered","value":1,"labels":{"a":"1","b":"2"}}"#, &[]),
    (
        r#"{"name":"ordered","value":1,"labels":{"b":"2","a":"1"}}"#,
        &[("ordered", &[("a", "1"), ("b", "2")], 2.0)],
    ),
    (
        r#"{"name":"escaped","value":1,"help":"a\\b\nc","labels":{"path":"C:\\\"x\"\n"}}"#,
        &[("escaped", &[("path", "C:\\\"x\"\n")], 1.0)],
    ),
    (
        r#"{"name":"unicode","value":1,"labels":{"l":"grün ✓"}}"#,
        &[("unicode", &[("l", "grün ✓")], 1.0)],
    ),
    // How values meet.
    (r#"{"type":"gauge","name":"added","value":2,"mode":"sum"}"#, &[]),
    (r#"{"type":"gauge","name":"added","value":-3.5,"mode":"AGGREGATE"}"#, &[("added", &[], -1.5)]),
    (r#"{"name":"set_total","value":5}"#, &[]),
    (r#"{"name":"set_total","value":3,"mode":"replace"}"#, &[("set_total", &[], 3.0)]),
    (r#"{"type":"gauge","name":"mean_of_a_day","value":1,"mode":"mean24h"}"#, &[]),
    (
        r#"{"type":"gauge","name":"mean_of_a_day","value":2,"mode":"mean24h"}"#,
        &[("mean_of_a_day", &[], 1.5)],
    ),
    (r#"{"name":"sum_of_a_day","value":1,"mode":"sum24h"}"#, &[]),
    (r#"{"name":"sum_of_a_day","value":2,"mode":"sum24h"}"#, &[("sum_of_a_day", &[], 3.0)]),
    (r#"{"type":"gauge","name":"version","value":1,"labels":{"v":"1"}}"#, &[]),
    (
        r#"{"type":"gauge","name":"version","value":1,"labels":{"v":"2"},"mode":"info"}"#,
        &[("version", &[("v", "2")], 1.0)],
    ),
    // Several at once.
    (
        r#"[{"name":"array_total","value":1},{"name":"array_total","value":2}]"#,
        &[("array_total", &[], 3.0)],
    ),
    (
        "{\"name\":\"lines_total\",\"value\":1}\n{\"name\":\"lines_total\",\"value\":2}\n",
        &[("lines_total", &[], 3.0)],
    ),
];

/// A payload, and why it is refused.
const BAD: &[(&str, &str)] = &[
    ("not json", "invalid_json"),
    (r#"{"name":"cut""#, "invalid_json"),
    (r#"{"type":"meter","name":"a","value":1}"#, "invalid_type"),
    (r#"{"type":4,"name":"a","value":1}"#, "invalid_type"),
    (r#"{"value":1}"#, "invalid_name"),
    (r#"{"name":"1a","value":1}"#, "invalid_name"),
    (r#"{"name":"with-dash","value":1}"#, "invalid_name"),
    (r#"{"name":"a","value":1,"labels":{"with-dash":"x"}}"#, "invalid_label"),
    (r#"{"name":"a","value":1,"labels":{"__a":"x"}}"#, "invalid_label"),
    (
        r#"{"type":"histogram","name":"a","value":1,"buckets":[1],"labels":{"le":"x"}}"#,
        "invalid_label",
    ),
    (r#"{"type":"summary","name":"a","value":1,"labels":{"quantile":"x"}}"#, "invalid_label"),
    (r#"{"name":"a","value":"many"}"#, "invalid_value"),
    (r#"{"type":"histogram","name":"a","value":"NaN","buckets":[1]}"#, "invalid_value"),
    (r#"{"name":"a","value":-1}"#, "negative_counter"),
    (r#"{"name":"a","value":1,"mode":"often"}"#, "invalid_mode"),
    (r#"{"name":"a","value":-1,"mode":"replace"}"#, "negative_counter"),
    (r#"{"type":"histogram","name":"a","value":1,"buckets":[1],"mode":"mean5m"}"#, "invalid_mode"),
    (r#"{"type":"histogram","name":"a","value":1}"#, "invalid_buckets"),
    (r#"{"type":"histogram","name":"a","value":1,"buckets":[]}"#, "invalid_buckets"),
    (r#"{"type":"histogram","name":"a","value":1,"buckets":[2,1]}"#, "invalid_buckets"),
    (r#"{"type":"summary","name":"a","value":1,"quantiles":[0.5]}"#, "invalid_quantiles"),
    (
        r#"{"type":"summary","name":"a","value":1,"quantiles":[1.5],"epsilons":[0.1]}"#,
        "invalid_quantiles",
    ),
    (r#"{"type":"gauge","name":"requests_total","value":1}"#, "type_conflict"),
    (r#"{"name":"duration_seconds_count","value":1}"#, "name_conflict"),
    (r#"{"name":"prom_stream_gateway_mine","value":1}"#, "reserved_name"),
    (r#"{"name":"a","value":null}"#, "invalid_value"),
    (r#"{"type":"histogram","name":"a","value":null,"buckets":[1]}"#, "invalid_value"),
    // One bad member does not take the others with it.
    (
        r#"[{"name":"beside_broken_total","value":1},{"name":"beside_broken_total","value":+1}]"#,
        "invalid_json",
    ),
    (
        r#"[{"name":"beside_total","value":1},{"name":"beside_total","value":-1}]"#,
        "negative_counter",
    ),
];

/// The two ways in.
#[derive(Clone, Copy)]
enum Way {
    List,
    Stream,
}

impl Way {
    fn send(self, redis: &RedisServer, payload: &str) {
        match self {
            Self::List => {
                redis.run::<u64>(&["LPUSH", LIST, payload]);
            }
            Self::Stream => {
                redis.run::<String>(&["XADD", STREAM, "*", "data", payload]);
            }
        }
    }

    fn gateway(self, redis: &RedisServer) -> Gateway {
        match self {
            Self::List => Gateway::of(redis).list_only(),
            Self::Stream => Gateway::of(redis).stream_only("group"),
        }
    }
}

#[test]
fn good_and_bad_events_on_a_list() {
    good_and_bad(Way::List);
}

#[test]
fn good_and_bad_events_on_a_stream() {
    good_and_bad(Way::Stream);
}

fn good_and_bad(way: Way) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = way.gateway(&redis).start();
    for (payload, _) in GOOD {
        way.send(&redis, payload);
    }
    for (payload, _) in BAD {
        way.send(&redis, payload);
    }
    // More than 1 MiB.
    way.send(&redis, &format!(r#"{{"name":"a","value":1,"help":"{}"}}"#, "x".repeat(1 << 20)));
    way.send(&redis, r#"{"name":"last_total","value":1}"#);
    gateway.wait_value("last_total", &[], 1.0);

    let page = gateway.page();
    for (payload, samples) in GOOD {
        for (name, labels, value) in *samples {
            let found =
                page.value(name, labels).unwrap_or_else(|| panic!("no {name} of {payload}"));
            let same = found == *value || (found.is_nan() && value.is_nan());
            assert!(same, "{name} {labels:?} of {payload}: {found}");
        }
    }
    assert_eq!(page.helps["requests_total"], "Requests.");
    assert_eq!(page.helps["escaped"], r"a\\b\nc");
    assert_eq!(page.value("beside_total", &[]), Some(1.0));
    assert_eq!(page.value("beside_broken_total", &[]), Some(1.0));
    assert_eq!(page.value("version", &[("v", "1")]), None, "another series took the family");
    assert!(!page.types.contains_key("a"), "only bad events had that name");

    let mut expected = BTreeMap::<&str, u64>::from([("too_large", 1)]);
    for (_, reason) in BAD {
        *expected.entry(reason).or_default() += 1;
    }
    assert_eq!(dropped_on(&page), expected.iter().map(|(k, v)| ((*k).into(), *v)).collect());
    let of_status = gateway.status()["sources"][0]["dropped"].clone();
    assert_eq!(of_status, json!(expected));
    assert_eq!(gateway.total("lost"), 0);

    let count = BAD.len() + 1;
    wait_for("the dead letters", DEADLINE, || match redis.run::<usize>(&["XLEN", DEAD_LETTERS]) {
        length if length == count => Ok(()),
        length => Err(format!("{length} of {count}")),
    });
    assert_letters(&redis, &gateway);
}

/// The counter of dropped events, by reason.
fn dropped_on(page: &crate::harness::Page) -> BTreeMap<String, u64> {
    let name = "prom_stream_gateway_dropped_metrics_total{";
    page.samples
        .iter()
        .filter(|(sample, value)| sample.starts_with(name) && **value > 0.0)
        .map(|(sample, value)| {
            let reason = sample.split("reason=\"").nth(1).expect("a reason");
            (reason.split('"').next().expect("a closing quote").to_owned(), *value as u64)
        })
        .collect()
}

fn assert_letters(redis: &RedisServer, gateway: &Gateway) {
    let letters: Vec<(String, BTreeMap<String, String>)> =
        redis.run(&["XRANGE", DEAD_LETTERS, "-", "+"]);
    for (payload, reason) in BAD {
        // Of an array, the bad member: the second.
        let payload = match payload.strip_prefix('[').and_then(|members| members.split_once("},")) {
            Some((_, second)) => second.trim_end_matches(']'),
            None => payload,
        };
        let found = letters
            .iter()
            .any(|(_, letter)| letter["payload"] == payload && letter["reason"] == *reason);
        assert!(found, "no dead letter with {reason} for {payload}: {letters:?}");
    }
    for (_, letter) in &letters {
        for field in ["source", "position", "at"] {
            assert!(letter.contains_key(field), "no {field} in {letter:?}");
        }
    }
    let answer = gateway.get("/api/v1/dead-letters?limit=1000").expect("the gateway answers");
    let served: Value = serde_json::from_str(&answer.body).expect("JSON");
    let served = served.as_array().expect("an array");
    assert_eq!(served.len(), letters.len(), "{}", answer.body);
    for (_, letter) in &letters {
        // Over HTTP a long payload is cut.
        let same = |other: &Value| {
            other["reason"] == *letter["reason"]
                && other["payload"].as_str().is_some_and(|shown| {
                    shown == letter["payload"]
                        || (shown.len() > 1000 && letter["payload"].starts_with(shown))
                })
        };
        assert!(
            served.iter().any(same),
            "{} at {} is not served",
            letter["reason"],
            letter["position"]
        );
    }
}

#[test]
fn stream_entries_of_every_form_in_a_group() {
    stream_entries_of_every_form("group");
}

#[test]
fn stream_entries_of_every_form_by_a_reader() {
    stream_entries_of_every_form("reader");
}

/// Fields that a framework added stand beside flat fields and payloads, and change neither.
fn stream_entries_of_every_form(mode: &str) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).stream_only(mode).start();
    let add = |fields: &[&str]| {
        redis.run::<String>(&[&["XADD", STREAM, "*"], fields].concat());
    };
    add(&["name", "flat_total", "value", "2", "labels", r#"{"a":"1"}"#, "traceparent", "00-1"]);
    let histogram = ["type", "histogram", "name", "flat", "value", "0.5", "buckets", "[1,2]"];
    add(&[&histogram[..], &["help", "Flat."]].concat());
    let summary = ["type", "summary", "name", "flat_summary", "value", "3"];
    add(&[&summary[..], &["quantiles", "[0.5]", "epsilons", "[0.05]"]].concat());
    add(&["name", "flat_total", "value", "minus one"]);
    add(&["name", "alone_total"]);
    add(&["data", r#"{"name":"beside_total","value":1}"#, "traceparent", "00-1"]);
    add(&["_class", "a.B", "payload", r#"[{"name":"beside_total","value":2},7]"#, "ts", "5"]);
    add(&["data", "{broken", "data", "{again"]);
    add(&["any", r#"{"name":"of_any_field","value":1}"#]);
    gateway.wait_value("of_any_field", &[], 1.0);
    let page = gateway.page();
    assert_eq!(page.value("flat_total", &[("a", "1")]), Some(2.0));
    assert_eq!(page.value("flat_bucket", &[("le", "1")]), Some(1.0));
    assert_eq!(page.helps["flat"], "Flat.");
    assert_eq!(page.value("flat_summary", &[("quantile", "0.5")]), Some(3.0));
    assert_eq!(page.value("alone_total", &[]), Some(0.0));
    assert_eq!(page.value("beside_total", &[]), Some(3.0));
    let dropped = [("invalid_json".into(), 2), ("invalid_value".into(), 1)];
    assert_eq!(dropped_on(&page), BTreeMap::from(dropped));
    wait_for("the dead letters", DEADLINE, || {
        let letters: Vec<(String, BTreeMap<String, String>)> =
            redis.run(&["XRANGE", DEAD_LETTERS, "-", "+"]);
        let payloads: Vec<&str> =
            letters.iter().map(|(_, letter)| letter["payload"].as_str()).collect();
        let expected = [
            r#"{"name":"flat_total","value":"minus one"}"#,
            "7",
            r#"[["data","{broken"],["data","{again"]]"#,
        ];
        if payloads == expected { Ok(()) } else { Err(format!("{payloads:?}")) }
    });
}

#[test]
fn dead_letters_survive_a_full_redis_in_memory() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Way::List.gateway(&redis).start();
    redis.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    Way::List.send(&redis, "bad one");
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    wait_for("the dead letter over HTTP", DEADLINE, || {
        let answer = gateway.get("/api/v1/dead-letters").map_err(|error| error.to_string())?;
        if answer.body.contains("bad one") { Ok(()) } else { Err(answer.body) }
    });
}

/// Also of a flood of large ones the newest are kept.
#[test]
fn dead_letters_are_bounded_in_bytes() {
    const LETTERS: u64 = 60;
    const MOST_BYTES: u64 = 8 << 20;
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway =
        Way::List.gateway(&redis).set("DeadLetters__MaxBytes", &MOST_BYTES.to_string()).start();
    for number in 1..=LETTERS {
        Way::List.send(&redis, &format!("{number} {}", "x".repeat(1_000_000)));
    }
    let used = || redis.run::<Option<u64>>(&["MEMORY", "USAGE", DEAD_LETTERS, "SAMPLES", "0"]);
    wait_for("the newest letter, and no more bytes than there may be", DEADLINE, || {
        let newest: Vec<(String, BTreeMap<String, String>)> =
            redis.run(&["XREVRANGE", DEAD_LETTERS, "+", "-", "COUNT", "1"]);
        let newest = newest.first().map(|(_, letter)| letter["payload"].split(' ').next());
        let has_newest = newest == Some(Some(&*LETTERS.to_string()));
        match used() {
            // It is looked at whenever an eighth was written.
            Some(used) if has_newest && used <= MOST_BYTES + MOST_BYTES / 8 => Ok(()),
            used => Err(format!("{used:?} bytes, newest {newest:?}")),
        }
    });
    let kept = redis.run::<u64>(&["XLEN", DEAD_LETTERS]);
    assert!((4..LETTERS).contains(&kept), "{kept} letters");
    let written = "prom_stream_gateway_dead_letters_written_total";
    assert_eq!(gateway.page().value(written, &[]), Some(LETTERS as f64));
}

#[test]
fn families_and_labels_are_sorted() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Way::List.gateway(&redis).start();
    for name in ["zebra", "ant", "mole"] {
        let event = json!({"name": name, "value": 1, "labels": {"z": "1", "a": "2"}});
        Way::List.send(&redis, &event.to_string());
    }
    gateway.wait_value("mole", &[("a", "2"), ("z", "1")], 1.0);
    let text = gateway.text();
    let sample = |name: &str| format!("{name}{{a=\"2\",z=\"1\"}} 1\n");
    let at = |name| text.find(&sample(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    assert!(at("ant") < at("mole") && at("mole") < at("zebra"), "{text}");
    assert_eq!(key("ant", &[("z", "1"), ("a", "2")]), r#"ant{a="2",z="1"}"#);
}
