//! Every named point at which the gateway can be made to kill itself, until it died there
//! five times under load: nothing is lost, and nothing counted twice.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::pushers::SERIES_OF_A_PUSH;
use crate::harness::snapshot_store::SnapshotStore;
use crate::harness::{
    Gateway, Producers, Pushers, RedisServer, Scraper, producer, seed, turn, wait_for,
};
use crate::torture::points::{POINTS, Point, Way};

const HITS: u32 = 5;
/// Lives, at most, in which these must happen.
const LIVES: u32 = 40;

const PUSHERS: usize = 8;
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn list() {
    every_point("off", producer::to_list, |point| point.list);
}

#[test]
fn stream_group() {
    every_point("group", producer::to_stream, |point| point.group);
}

#[test]
fn stream_reader() {
    every_point("reader", producer::to_stream, |point| point.reader);
}

/// The points that only a push passes; nothing else is sent.
#[test]
fn pushes() {
    let _turn = turn::shared();
    let seed = seed();
    let mut random = Random::new(seed);
    let (redis, store) = (RedisServer::start(&[]), SnapshotStore::new(false));
    let gateway = store.gateway(&redis).set("Redis__MetricQueueEnabled", "false").list_only();
    let mut gateway = gateway.set("Snapshot__Interval", "100ms").start();
    let scraper = Scraper::start(gateway.port());
    let pushers = Pushers::start(&[gateway.port()], PUSHERS, "points", seed);
    let points: Vec<_> = POINTS.iter().filter(|point| point.push && !point.list).collect();
    assert_eq!(points.len(), 2, "{points:?}");
    for point in points {
        die_at(point, &mut gateway, &store, &mut random);
    }
    let ledgers = pushers.stop();
    let context = format!("after {HITS} deaths at every point, SEED={seed}");
    wait_for(&context, DEADLINE, || {
        let page = gateway.page();
        let differences: Vec<_> = ledgers.iter().flat_map(|one| one.differences(&page)).collect();
        if differences.is_empty() { Ok(()) } else { Err(format!("{differences:?}")) }
    });
    let pushed: u64 = ledgers.iter().map(|ledger| ledger.pushes * SERIES_OF_A_PUSH).sum();
    assert_eq!(gateway.total("processed"), pushed, "{context}");
    assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
    scraper.finish();
}

fn every_point(mode: &str, plan: fn(&RedisServer) -> Plan, applies: fn(&Point) -> bool) {
    let _turn = turn::shared();
    let seed = seed();
    let mut random = Random::new(seed);
    let (redis, store) = (RedisServer::start(&[]), SnapshotStore::new(false));
    // Small pages: a backlog is read in many steps, with checkpoints between them.
    let gateway = store.gateway(&redis).set("Redis__MetricQueuePopCount", "20");
    let gateway = gateway.set("Stream__BatchSize", "20").set("Snapshot__Interval", "100ms");
    let mut gateway = match mode {
        "off" => gateway.list_only(),
        mode => gateway.stream_only(mode),
    }
    .start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&Plan { rate: 5_000.0, seed, ..plan(&redis) });
    for point in POINTS.iter().filter(|point| applies(point)) {
        die_at(point, &mut gateway, &store, &mut random);
    }
    let log = gateway.log();
    assert!(log.contains("half-written"), "no kill came between a write's begin and its rename");
    let ledger = producers.stop();
    let context = format!("after {HITS} deaths at every point, SEED={seed}");
    gateway.wait_exact(&ledger, &context);
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{context}");
    assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
    scraper.finish();
}

/// Starts the gateway until it died there as often as wanted; leaves it serving.
fn die_at(point: &Point, gateway: &mut Gateway, store: &SnapshotStore, random: &mut Random) {
    let mut hits = 0;
    for _ in 0..LIVES {
        if point.way == Way::Damage {
            gateway.wait_checkpoint(2);
            gateway.kill();
            store.damage(&store.newest(), |bytes| bytes.truncate(bytes.len() / 2));
        } else {
            gateway.kill();
        }
        hits += u32::from(point.strike(gateway, random));
        gateway.launch();
        gateway.wait_ready();
        if hits == HITS {
            break;
        }
    }
    assert_eq!(hits, HITS, "{} in {LIVES} lives", point.name);
}
