//! A Redis Cluster of three primaries on this machine, and moving a slot from one to another.

use std::net::TcpListener;
use std::time::Duration;

use redis::FromRedisValue;

use super::ports::free_port;
use super::{RedisServer, wait_for};

const PRIMARIES: u16 = 3;
const SLOTS: u16 = 16_384;
const DEADLINE: Duration = Duration::from_secs(20);

/// Nodes speak to each other so far above the port that clients use.
const BUS_OFFSET: u16 = 10_000;

const SETTINGS: [&str; 8] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    // Slots whose node lives are served, whatever became of the others.
    "--cluster-require-full-coverage",
    "no",
    "--repl-diskless-sync-delay",
    "0",
];

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<RedisServer>,
}

fn start_node() -> RedisServer {
    let bus_is_free = |port: &u16| TcpListener::bind(("127.0.0.1", port + BUS_OFFSET)).is_ok();
    let port = (0..100).map(|_| free_port()).find(bus_is_free).expect("two ports are free");
    RedisServer::start_at(port, &SETTINGS)
}

impl Cluster {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let cluster = Self { nodes: (0..PRIMARIES).map(|_| start_node()).collect() };
        let share = SLOTS.div_ceil(PRIMARIES);
        for (node, first) in cluster.nodes.iter().zip((0..SLOTS).step_by(share.into())) {
            let slots = (first..SLOTS.min(first + share)).map(|slot| slot.to_string());
            let words: Vec<String> =
                ["CLUSTER".into(), "ADDSLOTS".into()].into_iter().chain(slots).collect();
            node.run::<()>(&words.iter().map(String::as_str).collect::<Vec<_>>());
            node.run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(first + 1).to_string()]);
            cluster.introduce(node);
        }
        cluster.wait_agreed();
        cluster
    }

    fn introduce(&self, node: &RedisServer) {
        let port = self.nodes[0].port().to_string();
        if node.port() != self.nodes[0].port() {
            node.run::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port]);
        }
    }

    /// Waits until every node has heard of every other, and all slots are served.
    #[track_caller]
    fn wait_agreed(&self) {
        for node in &self.nodes {
            wait_for("a cluster that agrees", DEADLINE, || {
                let info: String = node.run(&["CLUSTER", "INFO"]);
                let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
                let wanted = ["cluster_state:ok\r", "cluster_slots_ok:16384\r", &known];
                let agreed = wanted.iter().all(|line| info.contains(line));
                if agreed { Ok(()) } else { Err(info) }
            });
        }
    }

    /// A replica of the node, in step with it; not one of `nodes`.
    #[track_caller]
    pub(crate) fn add_replica(&mut self, of: usize) -> RedisServer {
        let replica = start_node();
        let id = self.id(of);
        self.introduce(&replica);
        wait_for("a replica that knows its primary", DEADLINE, || {
            replica.try_run::<()>(&["CLUSTER", "REPLICATE", &id]).map_err(|error| error.to_string())
        });
        super::replication::wait_in_step(&self.nodes[of], &replica);
        replica
    }

    fn id(&self, node: usize) -> String {
        self.nodes[node].run(&["CLUSTER", "MYID"])
    }

    /// The node that has the key's slot.
    #[track_caller]
    pub(crate) fn owner(&self, key: &str) -> usize {
        let answers = |node: &RedisServer| node.try_run::<u64>(&["EXISTS", key]).is_ok();
        self.nodes.iter().position(answers).unwrap_or_else(|| panic!("nobody has {key}"))
    }

    /// A node that has not.
    pub(crate) fn stranger(&self, key: &str) -> usize {
        (self.owner(key) + 1) % self.nodes.len()
    }

    /// Runs one command at the node of its key, which is the second word.
    #[track_caller]
    pub(crate) fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.nodes[self.owner(words[1])].run(words)
    }

    /// Announces that the key's slot goes to another node; no key has moved yet.
    #[track_caller]
    pub(crate) fn begin_move(&self, key: &str) -> Move<'_> {
        let (from, to) = (self.owner(key), self.stranger(key));
        let slot = self.nodes[from].run::<u16>(&["CLUSTER", "KEYSLOT", key]).to_string();
        let (from_id, to_id) = (self.id(from), self.id(to));
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        to.run::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.run::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        Move { cluster: self, slot, from, to, to_id }
    }
}

/// A slot on its way.
pub(crate) struct Move<'a> {
    cluster: &'a Cluster,
    slot: String,
    from: &'a RedisServer,
    to: &'a RedisServer,
    to_id: String,
}

impl Move<'_> {
    #[track_caller]
    pub(crate) fn move_keys(&self, keys: &[String]) {
        let port = self.to.port().to_string();
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        words.extend(keys.iter().map(String::as_str));
        self.from.run::<String>(&words);
    }

    /// Writes to the key, which has moved or is not there yet, as a client does that is answered
    /// `-ASK` by the old node.
    #[track_caller]
    pub(crate) fn write_ahead(&self, words: &[&str]) {
        let key = words[1].to_owned();
        while !self.from.try_run::<u64>(&["EXISTS", &key]).is_err_and(|e| e.code() == Some("ASK")) {
            self.move_keys(std::slice::from_ref(&key));
        }
        let mut pipe = redis::pipe();
        pipe.cmd("ASKING").ignore();
        pipe.cmd(words[0]).arg(&words[1..]).ignore();
        self.to.query(&pipe);
    }

    /// Moves what has not moved yet, and tells every node.
    #[track_caller]
    pub(crate) fn finish(self) {
        loop {
            let keys: Vec<String> = self.from.run(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "10"]);
            if keys.is_empty() {
                break;
            }
            self.move_keys(&keys);
        }
        let others = self.cluster.nodes.iter().filter(|node| node.port() != self.to.port());
        for node in std::iter::once(self.to).chain(others) {
            node.run::<()>(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.to_id]);
        }
    }
}
