//! Values that count only for so long: they fall out of the window with time, idle or not, and
//! through a restart.

use super::{DEADLINE, answered, served};
use crate::harness::{Gateway, RedisServer, turn, wait_for};

#[test]
fn a_window_decays_while_nobody_pushes() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let body = "# TYPE w_sum gauge\nw_sum{clearmode=\"sum2s\"} 6\n\
                # TYPE w_mean gauge\nw_mean{clearmode=\"mean2s\"} 6\n";
    answered(&gateway, "POST /metrics", body, 200);
    answered(&gateway, "POST /metrics", &body.replace('6', "2"), 200);
    served(&gateway, "w_", &["w_mean 4", "w_sum 8"]);
    for name in ["w_sum", "w_mean"] {
        wait_for(&format!("{name} decays"), DEADLINE, || match gateway.page().value(name, &[]) {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

#[test]
fn a_window_goes_on_after_a_restart() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let body = "# TYPE w_sum gauge\nw_sum{clearmode=\"sum1h\"} 6\n\
                # TYPE w_mean gauge\nw_mean{clearmode=\"mean1h\"} 6\n\
                # TYPE w_short gauge\nw_short{clearmode=\"sum2s\"} 6\n";
    answered(&gateway, "POST /metrics", body, 200);
    for checkpoints in [0, 1] {
        // The page of the round before waited for one.
        let successes = gateway.status()["checkpoint"]["successes"].as_u64();
        assert!(successes >= Some(checkpoints), "{successes:?}");
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        served(&gateway, "w_mean", &["w_mean 6"]);
        served(&gateway, "w_sum", &["w_sum 6"]);
    }
    wait_for("a short one decays", DEADLINE, || match gateway.page().value("w_short", &[]) {
        Some(0.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    answered(&gateway, "POST /metrics", &body.replace('6', "2"), 200);
    served(&gateway, "w_", &["w_mean 4", "w_short 2", "w_sum 8"]);
}
