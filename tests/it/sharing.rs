//! Two gateways with an identity each share one list, or one consumer group: each event goes to
//! one of them, so the sum of both pages is exact, whichever of them is killed.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::{Mix, Random};
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, Page, Producers, RedisServer, STREAM};
use crate::harness::{check, producer, seed, turn, wait_for};

const KILLS: u64 = 16;
const EVENTS: u64 = 60_000;
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_list() {
    shared(Gateway::list_only, producer::to_list);
}

#[test]
fn a_group() {
    shared(|gateway| gateway.stream_only("group"), producer::to_stream);
}

fn shared(mode: fn(Gateway) -> Gateway, plan: fn(&RedisServer) -> Plan) {
    let _turn = turn::shared();
    let seed = seed();
    let mut random = Random::new(seed);
    let redis = RedisServer::start(&[]);
    let start = |identity| mode(Gateway::of(&redis)).set("Gateway__Identity", identity).start();
    let mut gateways = ["one", "two"].map(start);
    // Of a gauge each serves what it saw last; that cannot be added up.
    let mix = Mix { gauge: 0, ..Mix::default() };
    let producers = Producers::start(&Plan { mix, seed, rate: 6_000.0, ..plan(&redis) });
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_micros(random.below(400_000)));
        let victim = &mut gateways[random.below(2) as usize];
        if random.below(3) > 0 {
            victim.wait_ready();
        }
        victim.kill();
        if kill % 4 == 3 {
            // Meanwhile the other one is alone.
            producers.wait_acknowledged(kill * EVENTS / KILLS, DEADLINE);
        }
        victim.launch();
    }
    producers.wait_acknowledged(EVENTS, DEADLINE);
    let ledger = producers.stop();
    gateways.iter_mut().for_each(Gateway::wait_ready);
    wait_exact_together(&gateways, &ledger, &format!("after {KILLS} kills, SEED={seed}"));

    for gateway in &mut gateways {
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
    }
    wait_exact_together(&gateways, &ledger, "after both were killed once more, at rest");
    let totals = gateways.each_ref().map(|gateway| gateway.total("processed"));
    assert_eq!(totals.iter().sum::<u64>(), ledger.events_acknowledged, "{totals:?}");
    assert!(totals.iter().all(|total| *total > 0), "one alone did all of it: {totals:?}");
    assert_eq!(gateways.each_ref().map(|gateway| gateway.total("lost")), [0, 0]);
}

#[track_caller]
fn wait_exact_together(gateways: &[Gateway; 2], ledger: &Ledger, context: &str) {
    wait_for(context, DEADLINE, || {
        let mut sum = Page::default();
        for page in gateways.each_ref().map(Gateway::page) {
            check::add(&mut sum, &page);
        }
        let found = check::differences(ledger, &sum);
        if found.is_empty() { Ok(()) } else { Err(found[..found.len().min(20)].join("\n")) }
    });
}

fn two(redis: &RedisServer) -> [Gateway; 2] {
    ["one", "two"].map(|identity| {
        Gateway::of(redis).stream_only("group").set("Gateway__Identity", identity).start()
    })
}

/// What both have applied, and what both have metered.
fn sums(gateways: &[Gateway; 2]) -> (u64, u64) {
    let sum = |what| gateways.iter().map(|gateway| gateway.total(what)).sum();
    (sum("processed"), sum("lost"))
}

#[track_caller]
fn wait_sums(gateways: &[Gateway; 2], processed: u64, lost: u64, context: &str) {
    wait_for(context, DEADLINE, || match sums(gateways) {
        found if found == (processed, lost) => Ok(()),
        found => Err(format!("processed, lost {found:?}, expected {:?}", (processed, lost))),
    });
}

fn add(redis: &RedisServer, entries: u32) {
    let event = r#"{"name":"sent_total","value":1}"#;
    let mut pipe = redis::pipe();
    for _ in 0..entries {
        pipe.cmd("XADD").arg(STREAM).arg(&["*", "data", event]).ignore();
    }
    redis.query(&pipe);
}

#[test]
fn a_loss_of_a_shared_group_is_metered_once() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateways = two(&redis);
    add(&redis, 500);
    wait_sums(&gateways, 500, 0, "all of it");
    for gateway in &mut gateways {
        gateway.terminate();
    }
    add(&redis, 1_200);
    redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "200"]);
    for gateway in &mut gateways {
        gateway.launch();
    }
    gateways.iter_mut().for_each(Gateway::wait_ready);
    wait_sums(&gateways, 700, 1_000, "trimmed while both were away");
    for gateway in &mut gateways {
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
    }
    add(&redis, 10);
    wait_sums(&gateways, 710, 1_000, "after both were killed");
}

#[test]
fn a_group_that_was_destroyed_goes_on_where_the_furthest_was() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateways = two(&redis);
    add(&redis, 3_000);
    wait_sums(&gateways, 3_000, 0, "all of it");
    redis.run::<u64>(&["XGROUP", "DESTROY", STREAM, "prom-stream-gateway"]);
    add(&redis, 500);
    wait_sums(&gateways, 3_500, 0, "after the group was destroyed");
}

/// Two gateways that stopped one after the other: the first does not know how far the second came.
fn one_stops_earlier(redis: &RedisServer) -> [Gateway; 2] {
    let mut gateways = two(redis);
    add(redis, 1_000);
    wait_sums(&gateways, 1_000, 0, "all of it");
    gateways[0].stop();
    let alone = gateways[1].total("processed") + 1_000;
    add(redis, 1_000);
    gateways[1].wait_processed(alone);
    gateways[1].stop();
    gateways
}

/// The one that stopped earlier comes first.
fn come_back(gateways: &mut [Gateway; 2]) {
    for gateway in gateways {
        gateway.launch();
        gateway.wait_ready();
    }
}

#[test]
fn a_group_that_was_destroyed_is_not_made_where_the_first_to_come_was() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateways = one_stops_earlier(&redis);
    redis.run::<u64>(&["XGROUP", "DESTROY", STREAM, "prom-stream-gateway"]);
    add(&redis, 500);
    come_back(&mut gateways);
    wait_sums(&gateways, 2_500, 0, "after the group was destroyed");
}

#[test]
fn another_group_begins_where_the_one_before_ended() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateways = one_stops_earlier(&redis);
    add(&redis, 700);
    let mut gateways = gateways.map(|gateway| gateway.set("Stream__Group", "another"));
    come_back(&mut gateways);
    wait_sums(&gateways, 2_700, 0, "in another group");

    // One that is still read cannot be left by half of its gateways.
    let [one, mut two] = gateways;
    two.terminate();
    let mut two = two.set("Stream__Group", "a-third");
    two.launch();
    wait_for("the reason", DEADLINE, || {
        let answer = two.get("/-/ready").map(|answer| answer.body);
        match answer {
            Ok(body) if body.contains("`one` still reads there") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    drop(one);
}
