//! Two gateways with an identity each share one list, or one consumer group: each event goes to
//! one of them, so the sum of both pages is exact, whichever of them is killed.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::{Mix, Random};
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, Page, Producers, RedisServer};
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
            sum.types.extend(page.types);
            for (sample, value) in page.samples {
                *sum.samples.entry(sample).or_insert(0.0) += value;
            }
        }
        let found = check::differences(ledger, &sum);
        if found.is_empty() { Ok(()) } else { Err(found[..found.len().min(20)].join("\n")) }
    });
}
