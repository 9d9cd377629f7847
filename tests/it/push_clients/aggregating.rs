//! The same clients against the dialects that add up: scripts written for gravel-gateway and
//! prom-aggregation-gateway, and both client libraries pushing twice.

use super::{Client, Sample, expect, shell};
use crate::harness::{Gateway, RedisServer, turn};

fn gateway(redis: &RedisServer, dialect: &str) -> Gateway {
    Gateway::of(redis).set("Push__Dialect", dialect).start()
}

#[test]
fn scripts_for_gravel_gateway() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    shell::gravel(gateway(&redis, "aggregate").port());
}

#[test]
fn scripts_for_prom_aggregation_gateway() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    shell::aggregation(gateway(&redis, "sum").port());
}

/// Quantiles cannot be added up, so a summary keeps its count and its sum.
#[test]
fn client_libraries_add_up() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    for (dialect, gauge) in [("aggregate", 4.5), ("sum", 9.0)] {
        let gateway = gateway(&redis, dialect).set("Gateway__Identity", dialect);
        let port = gateway.port();
        for _ in 0..2 {
            Client::Python.run(&format!("127.0.0.1:{port}"), "push-plain");
            Client::Node.run(&format!("http://127.0.0.1:{port}"), "push-plain");
        }
        let path: &[(&str, &str)] = &[("path", "C:\\dir\n\"ü\"")];
        let both: [Sample<'_>; 7] = [
            ("seconds_bucket", &[("le", "0.5")], 0.0),
            ("seconds_bucket", &[("le", "2")], 2.0),
            ("seconds_bucket", &[("le", "+Inf")], 4.0),
            ("seconds_sum", &[], 12.0),
            ("seconds_count", &[], 4.0),
            ("wait_seconds_sum", &[], 6.0),
            ("wait_seconds_count", &[], 2.0),
        ];
        for (client, own) in [
            (
                "python_",
                [("files_total", &[("kind", "wal")][..], 6.0), ("size_bytes", path, gauge)],
            ),
            ("node_", [("orders_total", &[("kind", "gift")][..], 6.0), ("load", path, gauge)]),
        ] {
            let names: Vec<_> =
                both.iter().chain(&own).map(|(name, ..)| format!("{client}{name}")).collect();
            let mut samples: Vec<_> = names
                .iter()
                .zip(both.iter().chain(&own))
                .map(|(name, (_, labels, value))| (name.as_str(), *labels, *value))
                .collect();
            if client == "python_" {
                let version = if dialect == "sum" { 2.0 } else { 1.0 };
                samples.push(("python_version_info", &[("version", "1.2")], version));
            }
            expect(port, client, &[("job", "plain")], &samples);
        }
    }
}
