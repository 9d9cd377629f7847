//! The official Python client: push, add, replace, delete; values with slashes, spaces and none.

use serde_json::json;

use super::{Client, Sample, expect, group, groups};

const GROUP: [(&str, &str); 4] =
    [("job", "nightly/backup"), ("instance", "db 1"), ("volume", "/var/lib"), ("zone", "")];

pub(super) fn pushes_adds_and_deletes(port: u16) {
    let address = format!("127.0.0.1:{port}");
    let run = |step: &str| Client::Python.run(&address, step);
    let key =
        json!({"job": "nightly/backup", "instance": "db 1", "volume": "/var/lib", "zone": ""});
    run("push");
    expect_everything(port, 3.0, &[]);
    let listed = group(port, &key);
    assert_eq!(listed["last_push_successful"], true);
    assert_eq!(listed["python_files_total"]["type"], "COUNTER");
    assert_eq!(listed["python_files_total"]["help"], "Files copied.");
    assert_eq!(listed["python_files_total"]["metrics"][0]["value"], "3");
    assert_eq!(listed["python_seconds"]["metrics"][0]["buckets"]["+Inf"], "2");
    run("push-gzip");
    expect_everything(port, 4.0, &[]);
    run("pushadd");
    expect_everything(port, 4.0, &[("python_added", &[], 7.0)]);
    run("replace");
    expect(port, "python_", &GROUP, &[("python_added", &[], 8.0)]);
    run("delete");
    expect(port, "python_", &GROUP, &[]);
    assert!(groups(port).iter().all(|group| group["labels"] != key), "the group is listed still");
}

fn expect_everything(port: u16, value: f64, more: &[Sample<'_>]) {
    let samples: [Sample<'_>; 9] = [
        ("python_files_total", &[("kind", "wal")], value),
        ("python_size_bytes", &[("path", "C:\\dir\n\"ü\"")], value * 1.5),
        ("python_seconds_bucket", &[("le", "0.5")], 0.0),
        ("python_seconds_bucket", &[("le", "2")], 1.0),
        ("python_seconds_bucket", &[("le", "+Inf")], 2.0),
        ("python_seconds_sum", &[], 6.0),
        ("python_seconds_count", &[], 2.0),
        ("python_wait_seconds_sum", &[], value),
        ("python_wait_seconds_count", &[], 1.0),
    ];
    let version: Sample<'_> = ("python_version_info", &[("version", "1.2")], 1.0);
    expect(port, "python_", &GROUP, &[&samples[..], &[version], more].concat());
}
