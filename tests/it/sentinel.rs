//! Redis Sentinel: the primary dies or hands over, and the gateway goes on at the next one.
//!
//! Replication is asynchronous: what a primary acknowledged in its last moments may be lost
//! with it, whoever reads it. So producers and the gateway rest until the replica is in step
//! before anything happens to the primary, and the ledger is exact all the same.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::replication::{REPLICATING, replica_of, role, wait_in_step};
use crate::harness::sentinel::{SERVICE, Sentinels};
use crate::harness::{Gateway, Producers, RedisServer, STREAM, Scraper};
use crate::harness::{eventually, producer, turn};

const EVENTS: u64 = 3_000;
const DEADLINE: Duration = Duration::from_secs(30);

struct Watched {
    primary: RedisServer,
    replica: RedisServer,
    sentinels: Sentinels,
    gateway: Gateway,
}

impl Watched {
    fn start(mode: &str) -> Self {
        let primary = RedisServer::start(&REPLICATING);
        let replica = replica_of(&primary);
        let sentinels = Sentinels::of(&primary);
        let gateway = Gateway::of(&primary)
            .set("Redis__ConnectionString", &sentinels.address())
            .set("Stream__Mode", mode)
            .start();
        Self { primary, replica, sentinels, gateway }
    }

    /// Producers that ask the sentinels too.
    fn produce(&self, seed: u64) -> Producers {
        let redis = self.sentinels.address().parse().expect("addresses are a connection string");
        Producers::start(&Plan { redis, seed, ..producer::to_both(&self.primary) })
    }

    fn produce_some(&self, seed: u64) -> Ledger {
        let producers = self.produce(seed);
        producers.wait_acknowledged(EVENTS, DEADLINE);
        producers.stop()
    }

    #[track_caller]
    fn assert_exact(&self, ledger: &Ledger, context: &str) {
        self.gateway.wait_exact(ledger, context);
        assert_eq!(self.gateway.total("lost"), 0, "{context}: {}", self.gateway.status());
    }
}

#[test]
fn the_primary_is_killed_group() {
    the_primary_is_killed("group");
}

#[test]
fn the_primary_is_killed_reader() {
    the_primary_is_killed("reader");
}

fn the_primary_is_killed(mode: &str) {
    let _turn = turn::shared();
    let mut watched = Watched::start(mode);
    let scraper = Scraper::start(watched.gateway.port());
    let mut ledger = watched.produce_some(1);

    // A backlog that nobody has read yet is what the next primary begins with.
    let producers = watched.produce(2);
    producers.wait_acknowledged(EVENTS / 2, DEADLINE);
    watched.gateway.pause();
    producers.wait_acknowledged(EVENTS, DEADLINE);
    ledger.merge(&producers.stop());
    wait_in_step(&watched.primary, &watched.replica);
    watched.primary.kill();
    watched.gateway.resume();

    // Producers come back before the next primary is there.
    ledger.merge(&watched.produce_some(3));
    watched.sentinels.wait_primary(&watched.replica, DEADLINE);
    watched.assert_exact(&ledger, &format!("{mode}, at the new primary"));

    // The old one comes back with nothing in it, and is made a replica.
    watched.primary.start_again();
    let producers = watched.produce(4);
    eventually("the old primary is a replica", DEADLINE, || role(&watched.primary) == "slave");
    producers.wait_acknowledged(EVENTS, DEADLINE);
    ledger.merge(&producers.stop());
    watched.assert_exact(&ledger, &format!("{mode}, with the old primary back"));
    scraper.finish();
}

#[test]
fn the_primary_hands_over() {
    let _turn = turn::shared();
    let watched = Watched::start("group");
    let scraper = Scraper::start(watched.gateway.port());
    let mut ledger = watched.produce_some(1);
    watched.assert_exact(&ledger, "before");
    // An acknowledgement that is lost with the primary would make its entries pending again.
    eventually("everything is acknowledged", DEADLINE, || {
        let pending: (u64, redis::Value, redis::Value, redis::Value) =
            watched.primary.run(&["XPENDING", STREAM, "prom-stream-gateway"]);
        pending.0 == 0
    });
    wait_in_step(&watched.primary, &watched.replica);
    let told = watched.sentinels.run::<()>(0, &["SENTINEL", "FAILOVER", SERVICE]);
    told.expect("a sentinel fails over when it is told to");
    watched.sentinels.wait_primary(&watched.replica, DEADLINE);
    eventually("the old primary is a replica", DEADLINE, || role(&watched.primary) == "slave");
    ledger.merge(&watched.produce_some(2));
    watched.assert_exact(&ledger, "at the new primary");
    scraper.finish();
}
