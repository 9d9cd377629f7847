//! go-redis sends events as the README shows.

use crate::harness::{Gateway, RedisServer, peers, turn};

#[test]
#[ignore = "needs a peer: `make peers`"]
fn events_of_go_redis_are_counted() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let mut client = peers::program("go_redis");
    let output = client.args([&redis.address(), "500"]).output().expect("go_redis starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    gateway.wait_value("jobs_total", &[], 1_000.0);
    assert_eq!(gateway.total("processed"), 1_000);
}
