//! A primary that becomes a replica: what only reads goes on there, what writes is refused.
//! Either way the gateway leaves it, and goes on where the primary is.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::replication::{REPLICATING, change_places, replica_of};
use crate::harness::{DEAD_LETTERS, Gateway, LIST, Producers, RedisServer, STREAM, Scraper};
use crate::harness::{eventually, producer, turn, wait_for};

const RECOVERY: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(60);

/// The gateway that reads one source, in the way to be tested.
fn reading(mode: &str, gateway: Gateway) -> Gateway {
    match mode {
        "list" => gateway.list_only(),
        mode => gateway.stream_only(mode),
    }
}

/// Producers that know both servers.
fn plan(mode: &str, one: &RedisServer, other: &RedisServer) -> Plan {
    let plan = match mode {
        "list" => producer::to_list(one),
        _ => producer::to_stream(one),
    };
    let both = format!("{},{}", one.address(), other.address());
    Plan { redis: both.parse().expect("addresses are a connection string"), ..plan }
}

#[track_caller]
fn wait_told(gateway: &Gateway, word: &str) {
    wait_for(&format!("{word:?} in the status"), RECOVERY, || {
        let status = gateway.status();
        let error = status["sources"][0]["error"].as_str().unwrap_or_default();
        if error.contains(word) { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn two_servers_change_places_under_load_list() {
    change_places_under_load("list");
}

#[test]
fn two_servers_change_places_under_load_group() {
    change_places_under_load("group");
}

#[test]
fn two_servers_change_places_under_load_reader() {
    change_places_under_load("reader");
}

fn change_places_under_load(mode: &str) {
    let _turn = turn::shared();
    let mut primary = RedisServer::start(&REPLICATING);
    let mut replica = replica_of(&primary);
    let both = format!("{},{}", primary.address(), replica.address());
    let gateway = reading(mode, Gateway::of(&primary).set("Redis__ConnectionString", &both));
    let gateway = gateway.start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&plan(mode, &primary, &replica));
    for change in 1..=4 {
        producers.wait_acknowledged(change * 2_000, DEADLINE);
        change_places(&primary, &replica);
        std::mem::swap(&mut primary, &mut replica);
        match mode {
            "list" => primary.run::<()>(&["LPUSH", LIST, "bad"]),
            _ => primary.run::<()>(&["XADD", STREAM, "*", "data", "bad"]),
        }
        eventually("the dead letter at the primary of now", RECOVERY, || {
            primary.run::<u64>(&["XLEN", DEAD_LETTERS]) >= change
        });
    }
    producers.wait_acknowledged(producers.progress().acknowledged + 1_000, DEADLINE);
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, &format!("{mode}, after changing places"));
    assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
    scraper.finish();
}

/// One endpoint is all that the gateway knows: it waits until that is the primary again.
#[test]
fn the_only_server_is_demoted_and_comes_back() {
    let _turn = turn::shared();
    std::thread::scope(|scope| {
        for mode in ["list", "group", "reader"] {
            scope.spawn(move || {
                let server = RedisServer::start(&REPLICATING);
                let other = replica_of(&server);
                let gateway = reading(mode, Gateway::of(&server)).start();
                let producers = Producers::start(&plan(mode, &server, &other));
                producers.wait_acknowledged(2_000, DEADLINE);
                change_places(&server, &other);
                wait_told(&gateway, "is a replica, expected the primary");
                producers.wait_acknowledged(producers.progress().acknowledged + 2_000, DEADLINE);
                change_places(&other, &server);
                let ledger = producers.stop();
                gateway.wait_exact(&ledger, &format!("{mode}, with its primary back"));
                assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
            });
        }
    });
}

/// Redis ends a read that blocks when it is demoted. One that comes later is answered.
#[test]
fn a_reader_notices_a_demotion_that_no_read_was_told_of() {
    let _turn = turn::shared();
    let server = RedisServer::start(&REPLICATING);
    let other = replica_of(&server);
    let gateway = Gateway::of(&server).stream_only("reader").start();
    server.run::<String>(&["XADD", STREAM, "*", "data", r#"{"name":"sent_total","value":1}"#]);
    gateway.wait_value("sent_total", &[], 1.0);
    gateway.pause();
    eventually("no read blocks", RECOVERY, || {
        let clients: String = server.run(&["CLIENT", "LIST", "TYPE", "normal"]);
        !clients.contains(" flags=b ")
    });
    change_places(&server, &other);
    gateway.resume();
    wait_told(&gateway, "is a replica, expected the primary");
}
