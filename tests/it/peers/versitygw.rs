//! Snapshots in a bucket of a real S3 server: who owns the identity is decided by its conditional
//! writes, whatever becomes of the gateways, of the server and of the way between them.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::proxy::Proxy;
use crate::harness::{Gateway, Producers, RedisServer, Scraper};
use crate::harness::{producer, seed, turn, wait_for};
use crate::ownership::Pair;

mod server;

use server::{End, VersityGateway};

const DEADLINE: Duration = Duration::from_secs(60);
const EVENTS_PER_SECOND: f64 = 6_000.0;
const EVENTS_BETWEEN: u64 = 9_000;

fn load(redis: &RedisServer) -> Producers {
    Producers::start(&Plan { rate: EVENTS_PER_SECOND, ..producer::to_both(redis) })
}

#[track_caller]
fn wait_more(producers: &Producers) {
    producers.wait_acknowledged(producers.progress().acknowledged + EVENTS_BETWEEN, DEADLINE);
}

#[track_caller]
fn assert_exact(gateway: &Gateway, producers: Producers, scraper: Scraper, context: &str) {
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, context);
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{}", gateway.status());
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
    scraper.finish();
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn takeovers_under_load() {
    let _turn = turn::shared();
    let (redis, bucket) = (RedisServer::start(&[]), VersityGateway::start());
    let mut pair = Pair::start(|| bucket.gateway(&redis).set("Snapshot__LeaseTtl", "3s"));
    let (producers, scraper) = (load(&redis), pair.scraper());
    for way in ["SIGKILL", "SIGSTOP", "SIGTERM", "SIGSTOP", "SIGKILL", "SIGTERM"] {
        wait_more(&producers);
        match way {
            "SIGKILL" => pair.owner.kill(),
            "SIGSTOP" => pair.owner.pause(),
            _ => assert_eq!(pair.owner.terminate().0.code(), Some(0)),
        }
        pair.standby.wait_ready();
        if way == "SIGSTOP" {
            pair.owner.resume();
            must_end_without_serving(&mut pair.owner);
        }
        std::mem::swap(&mut pair.owner, &mut pair.standby);
        pair.standby.launch();
        pair.wait_standing_by();
    }
    assert_exact(&pair.owner, producers, scraper, "after six takeovers");
}

/// An owner that was paused while another took over.
#[track_caller]
fn must_end_without_serving(zombie: &mut Gateway) {
    let status = wait_for("the zombie's end", DEADLINE, || {
        if let Ok(answer) = zombie.get("/metrics") {
            assert_ne!(answer.status, 200, "a zombie serves: {}", answer.body);
        }
        zombie.exited().ok_or_else(|| "it goes on".into())
    });
    assert_eq!(status.code(), Some(1), "another has taken over, which is an error");
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn connections_that_are_cut() {
    let _turn = turn::shared();
    let (redis, bucket) = (RedisServer::start(&[]), VersityGateway::start());
    let proxy = Proxy::to(bucket.port());
    let mut gateway = bucket
        .gateway(&redis)
        .set("AWS_ENDPOINT", &format!("http://{}", proxy.address()))
        .set("Snapshot__LeaseTtl", "3s")
        .start();
    let (producers, scraper) = (load(&redis), Scraper::start(gateway.port()));
    let mut random = Random::new(seed());
    for _ in 0..4 {
        proxy.flap(5, Duration::from_millis(600), &mut random);
        gateway.wait_ready();
        wait_more(&producers);
    }
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    assert_exact(&gateway, producers, scraper, "after twenty bad links and a kill");
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn the_server_itself_stops_and_is_killed() {
    let _turn = turn::shared();
    let (redis, mut bucket) = (RedisServer::start(&[]), VersityGateway::start());
    let mut gateway = bucket.gateway(&redis).set("Snapshot__LeaseTtl", "3s").start();
    let (producers, scraper) = (load(&redis), Scraper::start(gateway.port()));
    let mut random = Random::new(seed());
    for (end, gateway_dies) in
        [(End::Term, false), (End::Kill, false), (End::Term, true), (End::Kill, true)]
    {
        wait_more(&producers);
        bucket.stop(end);
        if gateway_dies {
            gateway.kill();
            gateway.launch();
        }
        std::thread::sleep(Duration::from_millis(random.below(4_000)));
        bucket.start_again();
        gateway.wait_ready();
        gateway.wait_checkpoint(1);
    }
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    assert_exact(&gateway, producers, scraper, "after four ends of the server");
}

/// Both find the identity without an owner, at the same moment.
#[test]
#[ignore = "needs a peer: `make peers`"]
fn two_starters_at_once() {
    let _turn = turn::shared();
    let (redis, bucket) = (RedisServer::start(&[]), VersityGateway::start());
    let mut pair = [bucket.gateway(&redis), bucket.gateway(&redis)];
    let (producers, scraper) = (load(&redis), Scraper::across(&[pair[0].port(), pair[1].port()]));
    let mut random = Random::new(seed());
    for round in 1..=8 {
        for gateway in &mut pair {
            gateway.launch();
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
        }
        let owner =
            wait_for("an owner", DEADLINE, || match [pair[0].is_ready(), pair[1].is_ready()] {
                [true, true] => panic!("both serve"),
                [false, false] => Err("none serves".into()),
                [first, _] => Ok(usize::from(!first)),
            });
        assert_eq!(pair[owner].status()["ownership"]["epoch"], round, "one ownership a round");
        wait_more(&producers);
        assert!(!pair[1 - owner].is_ready(), "the other one stands by");
        for gateway in &mut pair {
            gateway.kill();
        }
    }
    pair[0].launch();
    pair[0].wait_ready();
    assert_exact(&pair[0], producers, scraper, "after eight races");
}
