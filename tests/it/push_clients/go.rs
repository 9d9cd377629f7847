//! Go's client library: delimited protobuf, put into a group with a slash in its name.

use serde_json::json;

use super::{expect, group, runner};
use crate::harness::http;

const CONTENT_TYPE: &str = "Content-Type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";
const AGENT: &str = "User-Agent: Go-http-client/1.1";

/// `nightly/go` in base64 without padding, as the library writes it.
const PATH: &str = "/metrics/job@base64/bmlnaHRseS9nbw/zone/a";

const GROUP: [(&str, &str); 3] = [("job", "nightly/go"), ("zone", "a"), ("instance", "")];

pub(super) fn push(port: u16) {
    let body =
        std::fs::read(runner::script("client_golang.bin")).expect("it lies in the repository");
    let answer = http::send(port, "PUT", PATH, &[CONTENT_TYPE, AGENT], &body).expect("an answer");
    // The library takes these two for success.
    assert!([200, 202].contains(&answer.status), "{answer:?}");
}

pub(super) fn pushes_protobuf(port: u16) {
    push(port);
    expect(
        port,
        "go_backup_",
        &GROUP,
        &[
            ("go_backup_duration_seconds_bucket", &[("le", "0.5")], 1.0),
            ("go_backup_duration_seconds_bucket", &[("le", "2.5")], 2.0),
            ("go_backup_duration_seconds_bucket", &[("le", "+Inf")], 3.0),
            ("go_backup_duration_seconds_sum", &[], 7.5),
            ("go_backup_duration_seconds_count", &[], 3.0),
            ("go_backup_last_completion_timestamp_seconds", &[], 1_700_000_100.25),
            ("go_backup_records_total", &[("kind", "index"), ("shard", "ü")], 42.0),
            ("go_backup_records_total", &[("kind", "table"), ("shard", "a\nb")], 0.0),
            ("go_backup_wait_seconds", &[("quantile", "0.5")], 0.25),
            ("go_backup_wait_seconds", &[("quantile", "0.99")], 1.0),
            ("go_backup_wait_seconds_sum", &[], 2.5),
            ("go_backup_wait_seconds_count", &[], 4.0),
        ],
    );
    let listed = group(port, &json!({"job": "nightly/go", "zone": "a"}));
    let metric = &listed["go_backup_duration_seconds"]["metrics"][0];
    assert_eq!(metric["count"], "3", "{listed}");
    assert_eq!(metric["buckets"]["2.5"], "2", "{listed}");
    // For a deletion it takes only this one.
    let answer = http::send(port, "DELETE", PATH, &[AGENT], b"").expect("an answer");
    assert_eq!(answer.status, 202, "{answer:?}");
    expect(port, "go_backup_", &GROUP, &[]);
}
