//! The dialect `replace` beside a real Pushgateway: the same requests to both, and after each the
//! same answer, the same page and the same groups, field by field.
//!
//! Left out is what must differ: when a group was pushed to, and the help texts of those times.

use std::collections::BTreeMap;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use serde_json::Value;

use crate::harness::pushgateway::Pushgateway;
use crate::harness::{Gateway, Page, http, seed, turn, wait_for};

/// A deletion takes the Pushgateway some milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);

const TIMES: [&str; 2] = ["push_time_seconds", "push_failure_time_seconds"];

/// A request line and a body.
const REQUESTS: &[(&str, &str)] = &[
    (
        "PUT /metrics/job/a",
        "# HELP c_total First.\n# TYPE c_total counter\nc_total{x=\"1\"} 1234567\n",
    ),
    // A help text changes, and goes.
    (
        "PUT /metrics/job/a",
        "# HELP c_total Second.\n# TYPE c_total counter\nc_total{x=\"1\"} 1e-7\n",
    ),
    ("POST /metrics/job/a", "# TYPE c_total counter\nc_total 3\n"),
    ("POST /metrics/job/a", "u -0\nv 100000000\nw 0.00001\n"),
    // What clients send after `Observe(NaN)`, and other sums that nobody adds up.
    (
        "PUT /metrics/job/b",
        "# TYPE h histogram\nh_bucket{le=\"1e-05\"} 0\nh_bucket{le=\"1000000\"} 1\n\
         h_bucket{le=\"+Inf\"} 2\nh_sum NaN\nh_count 2\n",
    ),
    ("PUT /metrics/job/c", "# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum +Inf\ns_count 2\n"),
    (
        "PUT /metrics/job/c",
        "# TYPE s summary\ns{quantile=\"50\"} 1e6\ns{quantile=\"-1\"} 2\ns_sum -Inf\ns_count 2\n",
    ),
    ("PUT /metrics/job/c", "# TYPE s summary\ns_sum 1\ns_count 0\n"),
    // Buckets change where nobody else has the metric.
    (
        "PUT /metrics/job/b",
        "# TYPE h histogram\nh_bucket{le=\"3\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum -1\nh_count 2\n",
    ),
    ("PUT /metrics/job/b", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 4\nh_sum 1\nh_count 4\n"),
    ("POST /metrics/job/d", "# TYPE neg counter\nneg -1\n# TYPE nan counter\nnan NaN\n"),
    ("POST /metrics/job/d", "# TYPE inf gauge\ninf{a=\"\"} +Inf\n"),
    // Names that clients' default registries and others have.
    ("POST /metrics/job/e", "# TYPE process_open_fds gauge\nprocess_open_fds 3\n"),
    ("POST /metrics/job/e", "# TYPE push_time_seconds gauge\npush_time_seconds 1\nother 1\n"),
    // Contradictions, which a group remembers.
    ("POST /metrics/job/f", "g 1\ng 2\n"),
    ("POST /metrics/job/f", "# TYPE c_total gauge\nc_total 1\n"),
    ("POST /metrics/job/f", "g 1 1700000000000\n"),
    // Nothing is remembered of these.
    ("POST /metrics/job/g", "g{ 1\n"),
    ("POST /metrics/job/g", "g one\n"),
    ("POST /metrics/job/g/instance", "g 1\n"),
    // Paths.
    ("POST /metrics/job/h/instance/i", "g{job=\"x\",instance=\"y\"} 1\n"),
    ("POST /metrics/job@base64/YS9i/zone@base64/=", "g 1\n"),
    ("POST /metrics/job/h/zone@base64/=", "g 2\n"),
    ("PUT /metrics/job/a", ""),
    ("DELETE /metrics/job/h", ""),
    ("DELETE /metrics/job/h/instance/i", ""),
    ("DELETE /metrics/job/b", ""),
    ("DELETE /metrics/job/nobody", ""),
    (
        "POST /metrics/job/i",
        "# TYPE h histogram\nh_bucket{le=\"7\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
    ),
];

/// Two gateways that are to be the same.
struct Both {
    ours: Gateway,
    theirs: Pushgateway,
}

impl Both {
    fn start() -> Self {
        let ours = Gateway::bare()
            .set("Redis__MetricQueueEnabled", "false")
            .set("Stream__Mode", "off")
            .set("Push__Dialect", "replace")
            .start();
        Self { ours, theirs: Pushgateway::start() }
    }

    fn send(&self, request: &str, body: &str) {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let [ours, theirs] = [self.ours.port(), self.theirs.port()]
            .map(|port| http::send(port, method, path, &[], body.as_bytes()).expect("an answer"));
        let said = (&ours.body, &theirs.body);
        assert_eq!(ours.status, theirs.status, "{request} {body:?}: {said:?}");
        let shown = |port| (groups(port), page(port));
        wait_for(&format!("the same after {request} {body:?}"), DEADLINE, || {
            let (ours, theirs) = (shown(self.ours.port()), shown(self.theirs.port()));
            if ours == theirs {
                Ok(())
            } else {
                Err(format!("{ours:#?}\nPushgateway: {theirs:#?}"))
            }
        });
    }
}

#[test]
fn every_request_does_what_it_does_there() {
    let _turn = turn::shared();
    let both = Both::start();
    for (request, body) in REQUESTS {
        both.send(request, body);
    }
    for path in ["/-/healthy", "/-/ready"] {
        let [ours, theirs] = [both.ours.port(), both.theirs.port()]
            .map(|port| http::get(port, path).expect("an answer").status);
        assert_eq!(ours, theirs, "{path}");
    }
    for request in ["PATCH /metrics/job/a", "PUT /api/v1/admin/wipe", "PUT /-/quit"] {
        both.send(request, "");
    }
    let keys = |port| -> Vec<String> {
        let answer = http::get(port, "/api/v1/status").expect("an answer").body;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let data = answer["data"].as_object().expect("an object");
        data.keys().cloned().collect()
    };
    assert_eq!(keys(both.ours.port()), keys(both.theirs.port()));
}

#[test]
fn random_pushes_do_what_they_do_there() {
    const PUSHES: u64 = 80;
    let _turn = turn::shared();
    let seed = seed();
    let mut random = Random::new(seed);
    let both = Both::start();
    println!("SEED={seed}");
    for _ in 0..PUSHES {
        let path =
            pick(&mut random, &["job/a", "job/b", "job/a/instance/i", "job/a/zone@base64/="]);
        let method = pick(&mut random, &["PUT", "POST", "POST", "DELETE"]);
        let families: String =
            (0..random.below(4)).map(|number| family(&mut random, number)).collect();
        let body = if method == "DELETE" { "" } else { &families };
        both.send(&format!("{method} /metrics/{path}"), body);
    }
}

/// One of a name, whose type is now and then another; of a histogram always the same buckets.
fn family(random: &mut Random, number: u64) -> String {
    let name = ["a", "b_total", "c", "d"][number as usize];
    let metric_type = match random.below(8) {
        0 => "untyped",
        _ => ["gauge", "counter", "histogram", "summary"][number as usize],
    };
    // Of different ones, which the Pushgateway shows is chance.
    let help = "# HELP NAME Two \\\\ \\n lines.\n";
    let value = pick(random, &["0", "1.5", "2000000", "-3", "NaN", "+Inf", "1e-9"]);
    let labels = pick(random, &["", "x=\"1\",", "x=\"\",", "job=\"z\",y=\"\\\"\\\\\","]);
    let count = random.below(9);
    let samples = match metric_type {
        "histogram" => format!(
            "NAME_bucket{{{labels}le=\"1\"}} {count}\nNAME_bucket{{{labels}le=\"+Inf\"}} {0}\n\
             NAME_sum{{{labels}}} {value}\nNAME_count{{{labels}}} {0}\n",
            count + 1
        ),
        "summary" => format!(
            "NAME{{{labels}quantile=\"0.9\"}} {value}\nNAME_sum{{{labels}}} {value}\n\
             NAME_count{{{labels}}} {count}\n"
        ),
        _ => format!("NAME{{{labels}}} {value}\n"),
    };
    format!("{help}# TYPE NAME {metric_type}\n{samples}").replace("NAME", name)
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}

/// Types, help texts and samples but for the gateways' own; NaN as text, because it is unlike itself.
fn page(port: u16) -> BTreeMap<String, String> {
    let text = http::get(port, "/metrics").expect("an answer").body;
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let is_own = |name: &str| {
        let own = ["go_", "process_", "pushgateway_", "prom_stream_gateway_"];
        own.iter().any(|prefix| name.starts_with(prefix) && !name.contains("job="))
    };
    let metadata =
        [("TYPE", page.types), ("HELP", page.helps)].into_iter().flat_map(|(kind, all)| {
            all.into_iter().map(move |(name, text)| (format!("# {kind} {name}"), text))
        });
    let metadata = metadata.filter(|(of, _)| {
        let name = of.rsplit(' ').next().unwrap_or_default();
        let is_help_of_a_time = of.starts_with("# HELP") && TIMES.contains(&name);
        !is_own(name) && !is_help_of_a_time
    });
    let samples = page.samples.into_iter().filter(|(sample, _)| !is_own(sample));
    let samples = samples.map(|(sample, value)| {
        let is_time = TIMES.iter().any(|time| sample.starts_with(time)) && value > 0.0;
        // Go writes no sign of zero.
        let shown = if is_time { "a time".to_owned() } else { format!("{}", value + 0.0) };
        (sample, shown)
    });
    metadata.chain(samples).collect()
}

/// `/api/v1/metrics` without times, by labels.
fn groups(port: u16) -> BTreeMap<String, Value> {
    let answer = http::get(port, "/api/v1/metrics").expect("an answer").body;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["status"], "success", "{answer}");
    let mut groups = answer["data"].as_array().expect("a list").clone();
    for group in &mut groups {
        for (name, family) in group.as_object_mut().expect("an object") {
            let Some(family) = family.as_object_mut().filter(|_| name != "labels") else {
                continue;
            };
            let time = family.remove("time_stamp").expect("a time");
            let time = time.as_str().expect("text");
            assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
            if TIMES.contains(&name.as_str()) {
                family.remove("help");
                let value = &mut family["metrics"][0]["value"];
                if value != "0" {
                    *value = "a time".into();
                }
            }
            let metrics = family["metrics"].as_array_mut().expect("a list");
            metrics.sort_by_key(|metric| metric["labels"].to_string());
        }
    }
    groups.into_iter().map(|group| (group["labels"].to_string(), group)).collect()
}
