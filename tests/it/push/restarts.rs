//! What a restart keeps beside the values: groups, times, windows, when series began.

use super::{answered, lines, served};
use crate::harness::{Gateway, RedisServer, http, turn};

/// Killed, with the journal alone; killed after a checkpoint; stopped in good order.
fn restarts(gateway: &mut Gateway, mut check: impl FnMut(&Gateway, &str)) {
    for how in ["killed", "killed after a checkpoint", "stopped"] {
        match how {
            "killed" => gateway.kill(),
            "stopped" => {
                gateway.stop();
            }
            _ => {
                // So that there is something to write.
                answered(gateway, "POST /metrics?dialect=sum", "restarts 1\n", 202);
                gateway.wait_checkpoint(1);
                gateway.kill();
            }
        }
        gateway.launch();
        gateway.wait_ready();
        check(gateway, how);
    }
}

#[test]
fn groups_stay_what_they_were() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).set("Push__Dialect", "replace").start();
    answered(&gateway, "PUT /metrics/job/a/zone@base64/=", "k_one 1\nk_two 2\n", 200);
    answered(&gateway, "PUT /metrics/job/b", "k_one 5 5\n", 400);
    let before = [lines(&gateway, "k_"), lines(&gateway, "push_")];
    let listed = gateway.get("/api/v1/metrics").expect("an answer").body;
    restarts(&mut gateway, |gateway, how| {
        assert_eq!([lines(gateway, "k_"), lines(gateway, "push_")], before, "{how}");
        assert_eq!(gateway.get("/api/v1/metrics").expect("an answer").body, listed, "{how}");
    });
    // The series still belong to their groups.
    answered(&gateway, "PUT /metrics/job/a/zone@base64/=", "k_two 3\n", 200);
    served(&gateway, "k_", &["k_two{instance=\"\",job=\"a\",zone=\"\"} 3"]);
    answered(&gateway, "DELETE /metrics/job/a/zone@base64/=", "", 202);
    served(&gateway, "k_", &[]);
    restarts(&mut gateway, |gateway, _| served(gateway, "k_", &[]));
}

#[test]
fn series_began_when_they_began() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).set("Metrics__CreatedSamples", "true").start();
    answered(&gateway, "POST /metrics", "# TYPE b_total counter\nb_total 1\n", 200);
    let created = |gateway: &Gateway| -> Vec<String> {
        let accept = "Accept: application/openmetrics-text; version=1.0.0";
        let answer = http::send(gateway.port(), "GET", "/metrics", &[accept], b"");
        let body = answer.expect("an answer").body;
        body.lines().filter(|line| line.starts_with("b_created")).map(Into::into).collect()
    };
    let before = created(&gateway);
    assert_eq!(before.len(), 1, "{before:?}");
    restarts(&mut gateway, |gateway, how| assert_eq!(created(gateway), before, "{how}"));
    answered(&gateway, "POST /metrics", "# TYPE b_total counter\nb_total 1\n", 200);
    assert_eq!(created(&gateway), before);
    // Deleted, and begun anew.
    answered(&gateway, "POST /metrics/job/a", "# TYPE b_total counter\nb_total 1\n", 200);
    assert_eq!(created(&gateway).len(), 2);
    answered(&gateway, "DELETE /metrics/job/a", "", 202);
    assert_eq!(created(&gateway), before);
}
