//! The client libraries' own way to authenticate, against the user file that the programs of the
//! Prometheus family share. Scrapes stay open: that is set.

use super::{Client, expect};
use crate::harness::{Gateway, RedisServer, http, turn};

/// The cheapest that bcrypt has: the tests are not attacked.
const COST: u32 = 4;

#[test]
fn clients_authenticate() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).set("Push__Dialect", "replace");
    let file = gateway.directory().join("web.yml");
    let hash = bcrypt::hash("secret", COST).expect("a short password can be hashed");
    std::fs::write(&file, format!("basic_auth_users:\n  pusher: {hash}\n"))
        .expect("the directory can be written to");
    let gateway = gateway
        .set("Http__WebConfigFile", &file.display().to_string())
        .set("Http__AuthExempt", "health,/metrics")
        .start();
    let port = gateway.port();
    for (client, target, sample) in [
        (Client::Python, format!("127.0.0.1:{port}"), "python_added"),
        (Client::Node, format!("http://127.0.0.1:{port}"), "node_added"),
    ] {
        let group = [("job", "plain"), ("instance", "")];
        client.run(&target, "push-authenticated");
        expect(port, sample, &group, &[(sample, &[], 1.0)]);
        let said = client.refused(&target, "push-wrong-password");
        assert!(said.contains("401"), "{said}");
        expect(port, sample, &group, &[(sample, &[], 1.0)]);
        client.run(&target, "delete-authenticated");
        expect(port, sample, &group, &[]);
    }
    let anonymous = http::send(port, "POST", "/metrics/job/plain", &[], b"anonymous 1\n");
    let anonymous = anonymous.expect("an answer");
    assert_eq!(anonymous.status, 401, "{anonymous:?}");
    expect(port, "anonymous", &[], &[]);
}
