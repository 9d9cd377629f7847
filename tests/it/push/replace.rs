//! The dialect `replace`: the Pushgateway's groups, and its API.

use serde_json::Value;

use super::{answered, lines, send, served};
use crate::harness::{Gateway, RedisServer, turn};

fn gateway(redis: &RedisServer) -> Gateway {
    Gateway::of(redis).set("Push__Dialect", "replace")
}

#[test]
fn groups_are_replaced_added_to_and_deleted() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    let push = |request: &str, body: &str| assert_eq!(answered(&gateway, request, body, 200), "");
    push("POST /metrics/job/a", "# TYPE r_total counter\nr_total{x=\"1\"} 5\nr_total{x=\"2\"} 5\n");
    push("POST /metrics/job/a", "# TYPE r_total counter\nr_total{x=\"3\"} 3\n");
    push(
        "POST /metrics/job/a/zone/z",
        "# TYPE r_gauge gauge\nr_gauge{job=\"b\",instance=\"i\"} 1\n",
    );
    push("POST /metrics/job/a", "# TYPE r_gauge gauge\nr_gauge 2\n");
    let other_group = "r_gauge{instance=\"i\",job=\"a\",zone=\"z\"} 1";
    served(
        &gateway,
        "r_",
        &[
            "r_gauge{instance=\"\",job=\"a\"} 2",
            other_group,
            "r_total{instance=\"\",job=\"a\",x=\"3\"} 3",
        ],
    );
    push("PUT /metrics/job/a", "# TYPE r_other gauge\nr_other{y=\"\"} 4\n");
    served(&gateway, "r_", &[other_group, "r_other{instance=\"\",job=\"a\",y=\"\"} 4"]);
    push("POST /metrics/job/a", "");
    served(&gateway, "r_other", &["r_other{instance=\"\",job=\"a\",y=\"\"} 4"]);
    push("PUT /metrics/job/a", "");
    served(&gateway, "r_", &[other_group]);
    // Cleared, and still a group.
    assert_eq!(lines(&gateway, "push_time_seconds").len(), 2);
    answered(&gateway, "DELETE /metrics/job/a", "", 202);
    answered(&gateway, "DELETE /metrics/job/nobody", "", 202);
    served(&gateway, "r_", &[other_group]);
    assert_eq!(lines(&gateway, "push_time_seconds").len(), 1);
    answered(&gateway, "DELETE /metrics/job/a/zone/z", "", 202);
    served(&gateway, "r_", &[]);
    served(&gateway, "push_", &[]);
}

#[test]
fn a_summary_and_a_histogram_are_replaced_as_they_are() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    for bound in ["1", "2"] {
        let body = format!(
            "# TYPE c_wait summary\nc_wait{{quantile=\"0.5\"}} {bound}\nc_wait_sum 2\nc_wait_count 3\n\
             # TYPE c_size histogram\nc_size_bucket{{le=\"{bound}\"}} 1\n\
             c_size_bucket{{le=\"+Inf\"}} 2\nc_size_sum 3\nc_size_count 2\n"
        );
        answered(&gateway, "PUT /metrics/job/a/instance/i", &body, 200);
    }
    served(
        &gateway,
        "c_",
        &[
            "c_size_bucket{instance=\"i\",job=\"a\",le=\"2\"} 1",
            "c_size_bucket{instance=\"i\",job=\"a\",le=\"+Inf\"} 2",
            "c_size_sum{instance=\"i\",job=\"a\"} 3",
            "c_size_count{instance=\"i\",job=\"a\"} 2",
            "c_wait{instance=\"i\",job=\"a\",quantile=\"0.5\"} 2",
            "c_wait_sum{instance=\"i\",job=\"a\"} 2",
            "c_wait_count{instance=\"i\",job=\"a\"} 3",
        ],
    );
}

/// While another group has the family, its bounds stay, and nothing is counted twice.
#[test]
fn buckets_change_beside_another_group() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    for (job, bound) in [("a", "1"), ("b", "1"), ("a", "2")] {
        let body = format!(
            "# TYPE b_size histogram\nb_size_bucket{{le=\"{bound}\"}} 1\n\
             b_size_bucket{{le=\"+Inf\"}} 2\nb_size_sum 3\nb_size_count 2\n"
        );
        answered(&gateway, &format!("PUT /metrics/job/{job}/instance/i"), &body, 200);
    }
    served(
        &gateway,
        "b_size_bucket",
        &[
            "b_size_bucket{instance=\"i\",job=\"a\",le=\"1\"} 0",
            "b_size_bucket{instance=\"i\",job=\"a\",le=\"+Inf\"} 2",
            "b_size_bucket{instance=\"i\",job=\"b\",le=\"1\"} 1",
            "b_size_bucket{instance=\"i\",job=\"b\",le=\"+Inf\"} 2",
        ],
    );
}

/// The group keeps what it had, and says when it failed.
#[test]
fn what_is_inconsistent_is_refused_and_remembered() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    let time = |name: &str, job: &str| {
        gateway.page().value(name, &[("instance", ""), ("job", job)]).unwrap_or(f64::NAN)
    };
    answered(&gateway, "PUT /metrics/job/a", "# TYPE i_size gauge\ni_size 1\n", 200);
    let pushed = time("push_time_seconds", "a");
    assert!(pushed > 1.6e9, "a time: {pushed}");
    assert_eq!(time("push_failure_time_seconds", "a"), 0.0);
    for (job, body) in [
        ("a", "# TYPE i_size gauge\ni_size 2 1700000000000\n"),
        ("type", "# TYPE i_size counter\ni_size 2\n"),
        ("twice", "i_twice 1\ni_twice 2\n"),
        ("ours", "# TYPE prom_stream_gateway_info counter\nprom_stream_gateway_info 1\n"),
    ] {
        let said = answered(&gateway, &format!("PUT /metrics/job/{job}"), body, 400);
        assert!(said.ends_with('\n') && said.len() > 1, "{said:?}");
        assert!(time("push_failure_time_seconds", job) > 1.6e9, "{job}");
        if job != "a" {
            assert_eq!(time("push_time_seconds", job), 0.0, "{job}");
        }
    }
    served(&gateway, "i_", &["i_size{instance=\"\",job=\"a\"} 1"]);
    assert_eq!(time("push_time_seconds", "a"), pushed);
    // Of a body that cannot be read, no group is made.
    for (job, body) in [("syntax", "i_size{ 1\n"), ("number", "i_size one\n")] {
        answered(&gateway, &format!("PUT /metrics/job/{job}"), body, 400);
        assert!(time("push_failure_time_seconds", job).is_nan(), "{job}");
    }
    // As soon as no other group has the family, it may change its type.
    answered(&gateway, "PUT /metrics/job/a", "# TYPE i_size counter\ni_size 5\n", 200);
    served(&gateway, "# TYPE i_size", &["# TYPE i_size counter"]);
}

#[test]
fn paths_name_groups() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    for (path, labels) in [
        ("/job/a/", "instance=\"\",job=\"a\""),
        ("/job@base64/YS9iYg/x@base64/=", "instance=\"\",job=\"a/bb\",x=\"\""),
        ("/job/a+b%20c/instance/i", "instance=\"i\",job=\"a+b c\""),
        ("/job/a/le/1", "instance=\"\",job=\"a\",le=\"1\""),
    ] {
        answered(&gateway, &format!("PUT /metrics{path}"), "g_size 1\n", 200);
        served(&gateway, "g_size", &[&format!("g_size{{{labels}}} 1")]);
        answered(&gateway, &format!("DELETE /metrics{path}"), "", 202);
    }
    for path in ["", "/", "/zone/x", "/zone/x/job/a", "/job@base64/=", "/job/a/x", "/job/a/__x/1"] {
        let answer = send(&gateway, &format!("POST /metrics{path}"), "g_size 1\n");
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
    served(&gateway, "g_size", &[]);
}

#[test]
fn the_api_lists_groups_and_wipes_them() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).set("Push__EnableAdminApi", "true").start();
    let list = || -> Value {
        let answer = gateway.get("/api/v1/metrics").expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    };
    assert_eq!(list().to_string(), r#"{"data":[],"status":"success"}"#);
    let body = "# HELP l_total <Help>.\n# TYPE l_total counter\nl_total{x=\"1\"} 3\n\
                # TYPE l_size histogram\nl_size_bucket{le=\"0.5\"} 1\nl_size_bucket{le=\"+Inf\"} 2\n\
                l_size_sum 3.5\nl_size_count 2\nl_untyped 123456789\n\
                # TYPE l_wait summary\nl_wait{quantile=\"0.5\"} NaN\nl_wait_sum 2\nl_wait_count 3\n";
    answered(&gateway, "PUT /metrics/job/a/zone@base64/=", body, 200);
    let group = list()["data"][0].clone();
    assert_eq!(group["labels"], serde_json::json!({"job": "a", "zone": ""}));
    assert_eq!(group["last_push_successful"], true);
    let time = group["l_total"]["time_stamp"].as_str().expect("a time");
    assert!(time.starts_with("20") && time.contains('T') && time.ends_with('Z'), "{time}");
    let with_labels = |metric: &str| -> Value {
        let labels = r#""labels":{"instance":"","job":"a","zone":""}"#;
        serde_json::from_str(&metric.replace("LABELS", labels)).expect("JSON")
    };
    assert_eq!(group["l_total"]["type"], "COUNTER");
    assert_eq!(group["l_total"]["help"], "<Help>.");
    assert_eq!(group["l_total"]["metrics"][0]["value"], "3");
    assert_eq!(group["l_untyped"]["type"], "UNTYPED");
    let value = group["l_untyped"]["metrics"][0]["value"].as_str().expect("a string");
    assert_eq!(value.parse(), Ok(123_456_789.0), "{value}");
    assert_eq!(
        group["l_size"]["metrics"][0],
        with_labels(r#"{LABELS,"buckets":{"0.5":"1","+Inf":"2"},"count":"2","sum":"3.5"}"#)
    );
    assert_eq!(
        group["l_wait"]["metrics"][0],
        with_labels(r#"{LABELS,"quantiles":{"0.5":"NaN"},"count":"3","sum":"2"}"#)
    );
    answered(&gateway, "PUT /metrics/job/late", "l_late 1 5\n", 400);
    let groups = list();
    let late = groups["data"].as_array().and_then(|groups| {
        groups.iter().find(|group| group["labels"] == serde_json::json!({"job": "late"}))
    });
    assert_eq!(late.expect("the group")["last_push_successful"], false);
    answered(&gateway, "PUT /api/v1/admin/wipe", "", 202);
    served(&gateway, "l_", &[]);
    assert_eq!(list()["data"], serde_json::json!([]));
    let closed = super::Gateway::of(&redis).set("Gateway__Identity", "closed").start();
    answered(&closed, "PUT /api/v1/admin/wipe", "", 404);
    answered(&closed, "PUT /-/quit", "", 403);
    answered(&closed, "PATCH /metrics/job/a", "", 405);
}
