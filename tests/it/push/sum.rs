//! The dialect `sum`: prom-aggregation-gateway's rules, without its limits.

use super::{answered, served};
use crate::harness::{Gateway, RedisServer, turn};

#[test]
fn everything_adds_up() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Push__Dialect", "sum").start();
    let body = "# TYPE s_gauge gauge\ns_gauge{clearmode=\"replace\"} 2\n\
                # TYPE s_total counter\ns_total 3\ns_untyped{a=\"1\"} 4\ns_untyped{b=\"1\"} 5\n\
                # TYPE s_wait summary\ns_wait{quantile=\"0.5\"} 1\ns_wait_sum 6\ns_wait_count 1\n\
                # TYPE s_size histogram\ns_size_bucket{le=\"1\"} 1\ns_size_bucket{le=\"+Inf\"} 1\n\
                s_size_sum 1\ns_size_count 1\n";
    for method in ["POST", "PUT"] {
        assert_eq!(answered(&gateway, &format!("{method} /metrics/"), body, 202), "");
    }
    served(
        &gateway,
        "s_",
        &[
            "s_gauge{clearmode=\"replace\"} 4",
            "s_size_bucket{le=\"1\"} 2",
            "s_size_bucket{le=\"+Inf\"} 2",
            "s_size_sum 2",
            "s_size_count 2",
            "s_total 6",
            "s_untyped{a=\"1\"} 8",
            "s_untyped{b=\"1\"} 10",
            "s_wait_sum 12",
            "s_wait_count 2",
        ],
    );
}

#[test]
fn labels_of_the_path() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Push__Dialect", "sum").start();
    for path in ["/job/a", "/job/a/", "/zone/x/job/a"] {
        answered(&gateway, &format!("POST /metrics{path}"), "\ns_path{x=\"1\"} 1\n", 202);
    }
    let lines = ["s_path{job=\"a\",x=\"1\"} 2", "s_path{job=\"a\",x=\"1\",zone=\"x\"} 1"];
    served(&gateway, "s_path", &lines);
    let said = answered(&gateway, "POST /metrics/x/2", "s_path{x=\"1\"} 1\n", 400);
    assert!(said.contains("duplicate label") && said.contains('x'), "{said}");
    let said = answered(&gateway, "POST /metrics/job/a/zone", "s_path 1\n", 400);
    assert!(said.contains("labels must be defined in pairs"), "{said}");
    served(&gateway, "s_path", &lines);
    for body in ["s_path 1\ns_path 2\n", "# TYPE s_path gauge\ns_path 1\ns_path{x=\"\"} 1\n"] {
        let said = answered(&gateway, "POST /metrics/job/a", body, 400);
        assert!(said.contains("duplicate") && said.contains("s_path"), "{said}");
    }
    answered(&gateway, "POST /metrics/job/a", "", 202);
    answered(&gateway, "DELETE /metrics/zone/x", "", 202);
    served(&gateway, "s_path", &lines[..1]);
}
