//! All of a push, or nothing of it, whatever is wrong with it and wherever that stands.

use super::{answered, lines};
use crate::harness::{Gateway, RedisServer, turn};

/// Each is wrong in its last part, and right before.
const WRONG: [&str; 11] = [
    "broken{ 1\n",
    "broken one\n",
    "broken{x=\"1\",x=\"2\"} 1\n",
    "# TYPE broken circle\nbroken 1\n",
    "# TYPE broken histogram\nbroken_bucket{le=\"x\"} 1\n",
    "broken{__x=\"1\"} 1\n",
    // Against what is there already.
    "# TYPE fixed_total gauge\nfixed_total 1\n",
    "# TYPE fixed_size_sum gauge\nfixed_size_sum 1\n",
    // The gateway's own.
    "# TYPE prom_stream_gateway_info gauge\nprom_stream_gateway_info 1\n",
    // Against what stands before it.
    "# TYPE right_total gauge\nbroken 1\n",
    "broken{x=\"\\q\"} 1\n",
];

#[test]
fn nothing_of_a_push_that_is_wrong_is_served() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let fixed = "# TYPE fixed_total counter\nfixed_total 1\n# TYPE fixed_size histogram\n\
                 fixed_size_bucket{le=\"+Inf\"} 1\nfixed_size_sum 1\nfixed_size_count 1\n";
    let right =
        "# TYPE right_total counter\nright_total 1\n# TYPE fixed_total counter\nfixed_total 1\n";
    for (dialect, path) in [("aggregate", ""), ("sum", ""), ("replace", "/job/a")] {
        let request = format!("PUT /metrics{path}?dialect={dialect}");
        let success = if dialect == "sum" { 202 } else { 200 };
        answered(&gateway, &request, fixed, success);
        let before = lines(&gateway, "");
        for wrong in WRONG {
            let said = answered(&gateway, &request, &[right, wrong].concat(), 400);
            assert!(said.len() > 5, "{wrong:?}: {said:?} does not say what is wrong");
            let now = lines(&gateway, "");
            let of_pushes = |lines: &[String]| -> Vec<String> {
                let words = ["right", "fixed", "broken"];
                let pushed =
                    lines.iter().filter(|line| words.iter().any(|word| line.contains(word)));
                pushed.cloned().collect()
            };
            assert_eq!(of_pushes(&now), of_pushes(&before), "{dialect}: {wrong:?}");
        }
        // The refused ones left nothing in the way either.
        answered(&gateway, &request, right, success);
        answered(&gateway, "DELETE /metrics/job/a?dialect=replace", "", 202);
    }
}

/// A limit that is reached within a push is reached by all of it.
#[test]
fn too_many_series_are_refused_as_a_whole() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Metrics__MaxSeries", "10").start();
    let series = |from: usize, to: usize| -> String {
        (from..to).map(|number| format!("many{{number=\"{number}\"}} 1\n")).collect()
    };
    answered(&gateway, "POST /metrics", &series(0, 6), 200);
    let said = answered(&gateway, "POST /metrics", &series(4, 14), 400);
    assert!(said.contains("10"), "{said}");
    assert_eq!(lines(&gateway, "many").len(), 6);
    assert!(lines(&gateway, "many").iter().all(|line| line.ends_with(" 1")));
    answered(&gateway, "POST /metrics", &series(4, 10), 200);
    assert_eq!(lines(&gateway, "many").len(), 10);
}
