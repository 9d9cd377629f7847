//! The dialect `aggregate`: gravel-gateway's rules, without its limits.

use super::{answered, send, served};
use crate::harness::{Gateway, RedisServer, turn};

#[track_caller]
fn push(gateway: &Gateway, body: &str) {
    assert_eq!(answered(gateway, "POST /metrics", body, 200), "");
}

#[test]
fn types_meet_by_their_own_laws() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    for value in [3, 5] {
        push(&gateway, &format!("# TYPE a_total counter\na_total{{x=\"1\"}} {value}\n"));
        push(&gateway, &format!("a_untyped {value}\n"));
        push(&gateway, &format!("# TYPE a_gauge gauge\na_gauge {value}"));
        push(&gateway, &format!("# TYPE a_runs counter\na_runs {value}E0\n\n"));
        push(
            &gateway,
            &format!(
                "# TYPE a_summary summary\na_summary{{quantile=\"0.5\"}} {value}\n\
                 a_summary_sum {value}\na_summary_count 2\n"
            ),
        );
        push(
            &gateway,
            "# TYPE a_size histogram\na_size_bucket{le=\"1\",} 1\na_size_bucket{le=\"+Inf\"} 2\n\
             a_size_sum 3\na_size_count 2\n",
        );
    }
    // Other bounds: each bucket's own count goes to the lowest bound that holds it.
    push(
        &gateway,
        "# TYPE a_size histogram\na_size_bucket{le=\"0.5\"} 1\na_size_bucket{le=\"2\"} 2\n\
         a_size_bucket{le=\"+Inf\"} 3\na_size_sum 1\na_size_count 3\n",
    );
    served(
        &gateway,
        "a_",
        &[
            "a_gauge 5",
            "a_runs 8",
            "a_size_bucket{le=\"1\"} 3",
            "a_size_bucket{le=\"+Inf\"} 7",
            "a_size_sum 7",
            "a_size_count 7",
            "a_summary_sum 8",
            "a_summary_count 4",
            "a_total{x=\"1\"} 8",
            "a_untyped 8",
        ],
    );
}

#[test]
fn the_label_clearmode_decides_otherwise() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    for (mode, second, first) in [
        ("aggregate", 8, Some(30)),
        ("sum", 8, Some(30)),
        ("replace", 5, Some(30)),
        ("family", 5, None),
        ("info", 5, None),
        ("mean5m", 4, Some(30)),
        ("sum5m", 8, Some(30)),
    ] {
        for metric_type in ["gauge", "counter", "untyped"] {
            let name = format!("m_{mode}_{metric_type}");
            let sample = |x, value| format!("{name}{{x=\"{x}\",clearmode=\"{mode}\"}} {value}\n");
            let head = format!("# TYPE {name} {metric_type}\n");
            push(&gateway, &[&*head, &sample(1, 3), &sample(2, 30)].concat());
            push(&gateway, &[head, sample(1, 5)].concat());
            let mut expected = vec![format!("{name}{{x=\"1\"}} {second}")];
            expected.extend(first.map(|first| format!("{name}{{x=\"2\"}} {first}")));
            let expected: Vec<_> = expected.iter().map(String::as_str).collect();
            served(&gateway, &name, &expected);
        }
    }
    // It may stand in the path, and differ within a family; `mode` is a label like any.
    for value in [3, 5] {
        let body = format!("# TYPE m_path gauge\nm_path{{mode=\"x\"}} {value}\n");
        answered(&gateway, "POST /metrics/clearmode/sum", &body, 200);
        push(
            &gateway,
            &format!(
                "# TYPE m_two gauge\nm_two{{clearmode=\"sum\"}} {value}\nm_two{{x=\"1\"}} {value}\n"
            ),
        );
        let body = "# TYPE m_size histogram\nm_size_bucket{clearmode=\"replace\",le=\"+Inf\"} 2\n\
                    m_size_sum{clearmode=\"replace\"} 3\nm_size_count{clearmode=\"replace\"} 2\n";
        push(&gateway, body);
    }
    served(&gateway, "m_path", &["m_path{mode=\"x\"} 8"]);
    served(&gateway, "m_two", &["m_two 8", "m_two{x=\"1\"} 5"]);
    served(&gateway, "m_size_count", &["m_size_count 2"]);
}

#[test]
fn labels_of_the_path() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let gauge = "# TYPE p gauge\np{x=\"body\"} 1\n";
    for path in ["", "/", "/x/path/z/a%2Fb", "/job/a/", "/job@base64/YS9i", "/y/%C3%A9"] {
        answered(&gateway, &format!("PUT /metrics{path}"), gauge, 200);
    }
    served(
        &gateway,
        "p{",
        &[
            "p{job=\"a\",x=\"body\"} 1",
            "p{job=\"a/b\",x=\"body\"} 1",
            "p{x=\"body\"} 1",
            "p{x=\"body\",y=\"é\"} 1",
            "p{x=\"path\",z=\"a/b\"} 1",
        ],
    );
    let said = answered(&gateway, "POST /metrics/job/a/zone", gauge, 400);
    assert!(said.contains("pairs") && said.contains("zone"), "{said}");
    for path in ["/0x/1", "/__x/1", "/x@base64/!!", "/x/%FF"] {
        answered(&gateway, &format!("POST /metrics{path}"), gauge, 400);
    }
}

#[test]
fn deleting_by_labels_and_pushing_nothing() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    for path in ["/job/a/zone/x", "/job/a/zone/y", "/job/b"] {
        answered(&gateway, &format!("POST /metrics{path}"), "d_runs 1\nd_more 1\n", 200);
    }
    for method in ["POST", "PUT"] {
        answered(&gateway, &format!("{method} /metrics/job/a"), "", 200);
        answered(&gateway, &format!("{method} /metrics/job/a"), "\n\n", 200);
    }
    answered(&gateway, "POST /metrics", "# HELP d_none Nothing.\n# TYPE d_none gauge\n", 200);
    served(&gateway, "d_none", &[]);
    let zone_y = "d_runs{job=\"a\",zone=\"y\"} 1";
    answered(&gateway, "DELETE /metrics/zone/x", "", 202);
    served(&gateway, "d_runs", &[zone_y, "d_runs{job=\"b\"} 1"]);
    answered(&gateway, "DELETE /metrics/job/nobody", "", 202);
    // As from a variable that is not set: what has a zone stays.
    answered(&gateway, "DELETE /metrics/job/a/zone/", "", 202);
    served(&gateway, "d_runs", &[zone_y, "d_runs{job=\"b\"} 1"]);
    answered(&gateway, "DELETE /metrics/job/b/zone/", "", 202);
    served(&gateway, "d_", &["d_more{job=\"a\",zone=\"y\"} 1", zone_y]);
    // Everything at once is not a slip that this forgives.
    assert!((400..500).contains(&send(&gateway, "DELETE /metrics", "").status));
    served(&gateway, "d_runs", &[zone_y]);
}

/// .NET's writers and Windows' editors begin a text with one.
#[test]
fn a_byte_order_mark_is_no_part_of_a_body() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    push(&gateway, "\u{feff}marked_text_total 1\n");
    let open_metrics = ["Content-Type: application/openmetrics-text"];
    let body = "\u{feff}# TYPE marked_open counter\nmarked_open_total 1\n# EOF\n";
    let answer = super::send_with(&gateway, "POST /metrics", &open_metrics, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let event = "\u{feff}{\"name\":\"marked_events_total\",\"value\":1}";
    answered(&gateway, "POST /api/v1/events", event, 200);
    let expected = ["marked_events_total 1", "marked_open_total 1", "marked_text_total 1"];
    served(&gateway, "marked_", &expected);
    let twice = answered(&gateway, "POST /metrics", "\u{feff}\u{feff}marked_total 1\n", 400);
    assert!(twice.contains("line 1"), "{twice}");
}

#[test]
fn a_type_that_differs_is_told_in_words() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    push(&gateway, "told 1\n");
    let refused = answered(&gateway, "POST /metrics", "# TYPE told gauge\ntold 1\n", 400);
    assert!(refused.contains("`told` is of type untyped, the push says gauge"), "{refused}");
}
