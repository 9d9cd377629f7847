//! prom-client: it sends no content type, percent-encodes what it puts into paths, and separates
//! families by blank lines.

use serde_json::json;

use super::{Client, Sample, expect, group, groups};

const GROUP: [(&str, &str); 3] = [("job", "web shop"), ("instance", "a+b"), ("region", "eu west")];

pub(super) fn pushes_adds_and_deletes(port: u16) {
    let url = format!("http://127.0.0.1:{port}");
    let run = |step: &str| Client::Node.run(&url, step);
    let key = json!({"job": "web shop", "instance": "a+b", "region": "eu west"});
    run("push");
    expect_everything(port, 3.0, &[]);
    let listed = group(port, &key);
    assert_eq!(listed["last_push_successful"], true);
    assert_eq!(listed["node_load"]["type"], "GAUGE");
    assert_eq!(listed["node_load"]["help"], "Load \"now\"\nand here.");
    assert_eq!(listed["node_wait_seconds"]["metrics"][0]["quantiles"]["0.5"], "3");
    run("push-gzip");
    expect_everything(port, 4.0, &[]);
    run("pushadd");
    expect_everything(port, 4.0, &[("node_added", &[], 7.0)]);
    run("replace");
    expect(port, "node_", &GROUP, &[("node_added", &[], 8.0)]);
    run("delete");
    expect(port, "node_", &GROUP, &[]);
    assert!(groups(port).iter().all(|group| group["labels"] != key), "the group is listed still");
}

/// The Pushgateway splits the path after it has decoded it, and gets other labels.
pub(super) fn slashes_stay_in_their_value(port: u16) {
    Client::Node.run(&format!("http://127.0.0.1:{port}"), "push-slashes");
    let group = [("job", "shop/1"), ("path", "/a/b"), ("instance", "")];
    expect(port, "node_", &group, &[("node_added", &[], 9.0)]);
}

fn expect_everything(port: u16, value: f64, more: &[Sample<'_>]) {
    let samples: [Sample<'_>; 10] = [
        ("node_orders_total", &[("kind", "gift")], value),
        ("node_load", &[("path", "C:\\dir\n\"ü\"")], value * 1.5),
        ("node_seconds_bucket", &[("le", "0.5")], 0.0),
        ("node_seconds_bucket", &[("le", "2")], 1.0),
        ("node_seconds_bucket", &[("le", "+Inf")], 2.0),
        ("node_seconds_sum", &[], 6.0),
        ("node_seconds_count", &[], 2.0),
        ("node_wait_seconds", &[("quantile", "0.5")], value),
        ("node_wait_seconds_sum", &[], value),
        ("node_wait_seconds_count", &[], 1.0),
    ];
    expect(port, "node_", &GROUP, &[&samples[..], more].concat());
}
