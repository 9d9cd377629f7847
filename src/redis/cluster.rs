//! Redis Cluster: which node has a key's slot, and whether the slot stays there.
//!
//! All keys of one source share a hash tag, thus a slot, thus a node, and each half of a
//! source has a connection of its own; so there is nothing to route, only a node to find.
//!
//! While a slot is moved, some of its keys are here and some there, and reading either node
//! shows half the truth: a list without the segments that have left, a `SCAN` that misses
//! them. No single command would be answered wrongly (the old node answers `-ASK` for a key
//! that is not there, and the new one sends everybody back who does not say `ASKING`, which
//! we never do; so a key that has not arrived is never taken for one that was wiped), but
//! there is nothing to gain in the middle. A slot that is being moved is waited for.

use redis::{FromRedisValue, RedisError, Value};

use super::greeting::{answers, tolerant};
use super::{ConnectError, Connection, describe};
use crate::config::connection_string::Endpoint;

/// A cluster as one of its nodes sees it.
pub(super) struct Topology {
    /// Of the key that was asked for.
    slot: u16,
    /// The node that was asked gives the slot away.
    moving: bool,
    /// Nodes that have slots, and their replicas.
    pub(super) nodes: Vec<Endpoint>,
}

impl Topology {
    pub(super) async fn ask(
        connection: &mut Connection,
        endpoint: &Endpoint,
        key: &str,
    ) -> Result<Self, RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("CLUSTER").arg("KEYSLOT").arg(key);
        pipe.cmd("CLUSTER").arg("NODES");
        pipe.cmd("CLUSTER").arg("SLOTS");
        let mut replies = answers(pipe, connection).await?.into_iter();
        let mut answer = || Ok::<_, RedisError>(tolerant(replies.next())?.unwrap_or(Value::Nil));
        let (slot, nodes, slots) = (answer()?, answer()?, answer()?);
        let slot = u16::from_redis_value(slot).unwrap_or_default();
        let nodes = String::from_redis_value(nodes).unwrap_or_default();
        Ok(Self {
            slot,
            moving: gives_away(&nodes, slot),
            nodes: addresses(slots)
                .filter_map(|(host, port)| same_host_unless_told(endpoint, &host, port))
                .collect(),
        })
    }

    /// Refuses a slot that is on its way to another node.
    pub(super) fn check_settled(&self, endpoint: &Endpoint, key: &str) -> Result<(), ConnectError> {
        if self.moving { Err(moving(endpoint, key, self.slot)) } else { Ok(()) }
    }
}

pub(super) fn moving(endpoint: &Endpoint, key: &str, slot: u16) -> ConnectError {
    ConnectError::SlotMoving { endpoint: describe(endpoint), key: key.to_owned(), slot }
}

/// Where `MOVED` sends us: `host:port`, or `:port` of the same host.
pub(super) fn redirected(from: &Endpoint, node: &str) -> Option<Endpoint> {
    let (host, port) = node.rsplit_once(':')?;
    same_host_unless_told(from, host, port.parse().ok()?)
}

/// A node that does not know its own name leaves it empty, or writes `?`.
fn same_host_unless_told(from: &Endpoint, host: &str, port: u16) -> Option<Endpoint> {
    match (host, from) {
        ("" | "?", Endpoint::Tcp { host, .. }) => Some(Endpoint::Tcp { host: host.clone(), port }),
        ("" | "?", Endpoint::Unix(_)) => None,
        (host, _) => Some(Endpoint::Tcp { host: host.to_owned(), port }),
    }
}

/// Whether the node that wrote these lines is moving the slot to another: `[slot->-node]`.
fn gives_away(cluster_nodes: &str, slot: u16) -> bool {
    let mark = format!("[{slot}->-");
    let is_writer = |line: &&str| {
        line.split(' ').nth(2).is_some_and(|flags| flags.split(',').any(|flag| flag == "myself"))
    };
    let mut lines = cluster_nodes.lines().filter(is_writer);
    lines.any(|line| line.split(' ').any(|word| word.starts_with(&mark)))
}

/// Host and port of every node of `CLUSTER SLOTS`: `[from, to, [host, port, …], …]` each.
fn addresses(slots: Value) -> impl Iterator<Item = (String, u16)> {
    let list = |value| match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    };
    list(slots).into_iter().flat_map(move |range| list(range).into_iter().skip(2)).filter_map(
        move |node| {
            let mut node = list(node).into_iter();
            let host = String::from_redis_value(node.next()?).unwrap_or_default();
            Some((host, u16::from_redis_value(node.next()?).ok()?))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn redirects_name_a_node_or_a_port_of_the_same_host() {
        let from = tcp("redis-0", 6379);
        assert_eq!(redirected(&from, "10.0.0.7:7001"), Some(tcp("10.0.0.7", 7001)));
        assert_eq!(redirected(&from, "fd00::1:7001"), Some(tcp("fd00::1", 7001)));
        assert_eq!(redirected(&from, ":7001"), Some(tcp("redis-0", 7001)));
        assert_eq!(redirected(&from, "?:7001"), Some(tcp("redis-0", 7001)));
        assert_eq!(redirected(&from, "redis-1"), None);
        assert_eq!(redirected(&Endpoint::Unix("/run/redis".into()), ":7001"), None);
    }

    #[test]
    fn only_the_writer_gives_a_slot_away() {
        let nodes = "aa 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-99 [77->-bb] [78-<-bb]\n\
                     bb 127.0.0.1:3@4 master - 0 0 2 connected 100-199\n";
        assert!(gives_away(nodes, 77));
        assert!(!gives_away(nodes, 78), "it is coming, not going");
        assert!(!gives_away(nodes, 7));
        assert!(!gives_away(&nodes.replace("myself,", ""), 77));
    }

    #[test]
    fn nodes_are_read_from_the_slots() {
        let text = |text: &str| Value::BulkString(text.into());
        let node = |host: &str, port| Value::Array(vec![text(host), Value::Int(port), text("id")]);
        let range = vec![Value::Int(0), Value::Int(99), node("a", 1), node("b", 2)];
        let found: Vec<_> = addresses(Value::Array(vec![Value::Array(range)])).collect();
        assert_eq!(found, [("a".into(), 1), ("b".into(), 2)]);
        assert_eq!(addresses(Value::Nil).count(), 0);
    }
}
