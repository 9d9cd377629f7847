//! `kill -9` at random times, under load: nothing lost, nothing counted twice, and no
//! scrape ever sees a counter fall.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::campaign::{Victim, torment};
use crate::harness::{
    Gateway, LAST_TAKER, LIST, OWNER, Producers, RedisServer, STREAM, Scraper, turn,
};
use crate::harness::{check, eventually, producer, seed};

const KILLS: u32 = 35;
const EVENTS: u64 = 200_000;
const EVENTS_PER_SECOND: f64 = 9000.0;

/// Redis trims whole nodes, of 100 entries unless told otherwise.
const TRIMMED_ENTRIES: u64 = 200;
const CLEANED_DEADLINE: Duration = Duration::from_secs(15);

impl Victim for Gateway {
    fn launch(&mut self) {
        Self::launch(self);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn is_ready(&mut self) -> bool {
        Self::is_ready(self)
    }
}

#[test]
fn list() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).list_only();
    let _gateway = campaign(gateway, producer::to_list(&redis));
    eventually("the queue and its segments are gone", CLEANED_DEADLINE, || {
        redis.keys() == [OWNER, LAST_TAKER]
    });
}

#[test]
fn stream_group() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).stream_only("group");
    let _gateway = campaign(gateway, producer::to_stream(&redis));
    eventually("every entry is acknowledged", CLEANED_DEADLINE, || pending(&redis) == 0);
    eventually("the stream is trimmed", CLEANED_DEADLINE, || {
        redis.run::<u64>(&["XLEN", STREAM]) <= TRIMMED_ENTRIES
    });
}

#[test]
fn stream_reader() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).stream_only("reader");
    let _gateway = campaign(gateway, producer::to_stream(&redis));
    eventually("the stream is trimmed", CLEANED_DEADLINE, || {
        redis.run::<u64>(&["XLEN", STREAM]) <= TRIMMED_ENTRIES
    });
}

#[test]
fn list_and_stream_at_once() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    campaign(Gateway::of(&redis), producer::to_both(&redis));
    assert_eq!(redis.run::<u64>(&["LLEN", LIST]), 0);
}

/// Entries delivered and not acknowledged.
fn pending(redis: &RedisServer) -> u64 {
    let summary: (u64, redis::Value, redis::Value, redis::Value) =
        redis.run(&["XPENDING", STREAM, "prom-stream-gateway"]);
    summary.0
}

/// The gateway is still running afterwards, to clean up in Redis.
fn campaign(gateway: Gateway, plan: Plan) -> Gateway {
    let seed = seed();
    let mut gateway = gateway.start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&Plan { rate: EVENTS_PER_SECOND, seed, ..plan });
    torment(&mut gateway, &producers, KILLS, EVENTS, &mut Random::new(seed));
    let ledger = producers.stop();
    assert_eq!(ledger.events_acknowledged, ledger.events_attempted, "Redis was always there");

    let context = format!("after {KILLS} kills, SEED={seed}");
    gateway.wait_exact(&ledger, &context);
    assert_tally(&gateway, &ledger, &context);

    // Everything is applied. What Redis would deliver again, must not be applied again.
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_exact(&ledger, "after one kill more, at rest");
    gateway.wait_checkpoint(1);
    check::assert_exact(&ledger, &gateway.page(), "a checkpoint later");
    assert_tally(&gateway, &ledger, "at the end");

    let seen = scraper.finish();
    eprintln!(
        "{} events; {} scrapes and {} without an answer",
        ledger.events_acknowledged, seen.pages, seen.unavailable
    );
    gateway
}

fn assert_tally(gateway: &Gateway, ledger: &Ledger, context: &str) {
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{context}: processed");
    assert_eq!(gateway.total("lost"), 0, "{context}: lost");
}
