//! A primary and its replica, and changing places without losing a write.

use std::time::Duration;

use super::{RedisServer, wait_for};

const DEADLINE: Duration = Duration::from_secs(10);

/// Settings of servers that replicate in a test: nothing waits for a second replica to come.
pub(crate) const REPLICATING: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// Empty while the server is away: one that is demoted by a sentinel closes every connection.
fn line(redis: &RedisServer, name: &str) -> String {
    let info: String = redis.try_run(&["INFO", "replication"]).unwrap_or_default();
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| *found == name).map(|(_, value)| value.into()).unwrap_or_default()
}

/// `master` or `slave`.
pub(crate) fn role(redis: &RedisServer) -> String {
    line(redis, "role")
}

/// A new replica, in step with the primary.
#[track_caller]
pub(crate) fn replica_of(primary: &RedisServer) -> RedisServer {
    let replica = RedisServer::start(&REPLICATING);
    replica.run::<()>(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_in_step(primary, &replica);
    replica
}

/// Waits until the replica has executed everything that the primary has.
#[track_caller]
pub(crate) fn wait_in_step(primary: &RedisServer, replica: &RedisServer) {
    wait_for("the replica in step", DEADLINE, || {
        let link = line(replica, "master_link_status");
        let offsets = [primary, replica].map(|redis| line(redis, "master_repl_offset"));
        let executed = line(replica, "slave_repl_offset");
        if link == "up" && offsets[0] == executed {
            Ok(())
        } else {
            Err(format!("link {link}, offsets {offsets:?}, executed {executed}"))
        }
    });
}

/// The two change places. Writes are held meanwhile, so none is lost.
#[track_caller]
pub(crate) fn change_places(primary: &RedisServer, replica: &RedisServer) {
    let port = replica.port().to_string();
    primary.run::<()>(&["FAILOVER", "TO", "127.0.0.1", &port]);
    wait_for("changed places", DEADLINE, || {
        let roles = [primary, replica].map(role);
        let link = line(primary, "master_link_status");
        if roles == ["slave", "master"] && link == "up" {
            Ok(())
        } else {
            Err(format!("{roles:?}, link {link}"))
        }
    });
}
