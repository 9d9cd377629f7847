//! Redis Cluster: each source is read from the node that has its slot, wherever that goes.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::cluster::Cluster;
use crate::harness::replication::wait_in_step;
use crate::harness::{DEAD_LETTERS, Gateway, LIST, Producers, RedisServer, STREAM, Scraper};
use crate::harness::{eventually, producer, turn, wait_for};

const RECOVERY: Duration = Duration::from_secs(15);
const DEADLINE: Duration = Duration::from_secs(30);
const AHEAD: &str = r#"{"name":"sent_ahead_total","value":1}"#;

/// Both modes of reading a stream, beside a list, each with a cluster of its own.
fn in_both_modes(test: fn(Cluster, &str)) {
    let _turn = turn::shared();
    std::thread::scope(|scope| {
        for mode in ["group", "reader"] {
            scope.spawn(move || test(Cluster::start(), mode));
        }
    });
}

fn gateway(seed: &RedisServer, mode: &str) -> Gateway {
    Gateway::of(seed).set("Stream__Mode", mode)
}

fn produce(cluster: &Cluster) -> Producers {
    let plan = producer::to_both(&cluster.nodes[0]);
    Producers::start(&Plan { rate: 2000.0, ..plan })
}

#[track_caller]
fn produce_more(producers: &Producers, events: u64) {
    producers.wait_acknowledged(producers.progress().acknowledged + events, DEADLINE);
}

/// Waits until a source says why it waits.
#[track_caller]
fn wait_told(gateway: &Gateway, word: &str) {
    wait_for(&format!("{word:?} in the status"), RECOVERY, || {
        let answer = gateway.get("/api/v1/status").map_err(|error| error.to_string())?;
        if answer.body.contains(word) { Ok(()) } else { Err(answer.body) }
    });
}

#[track_caller]
fn assert_exact(gateway: &Gateway, producers: Producers, context: &str) {
    gateway.wait_exact(&producers.stop(), context);
    assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
}

#[test]
fn kills_under_load() {
    in_both_modes(|cluster, mode| {
        // A node that has none of the list: it sends us on.
        let seed = &cluster.nodes[cluster.stranger(LIST)];
        let mut gateway = gateway(seed, mode).start();
        let scraper = Scraper::start(gateway.port());
        let producers = produce(&cluster);
        for _ in 0..3 {
            produce_more(&producers, 1_000);
            gateway.kill();
            gateway.launch();
        }
        cluster.run::<()>(&["LPUSH", LIST, "bad"]);
        gateway.wait_ready();
        assert_exact(&gateway, producers, mode);
        eventually("the dead letter at the node of its stream", RECOVERY, || {
            cluster.run::<u64>(&["XLEN", DEAD_LETTERS]) > 0
        });
        scraper.finish();
    });
}

#[test]
fn slots_that_move_under_load() {
    in_both_modes(|cluster, mode| {
        let gateway = gateway(&cluster.nodes[0], mode).start();
        let scraper = Scraper::start(gateway.port());
        let producers = produce(&cluster);
        for _ in 0..2 {
            produce_more(&producers, 1_000);
            // The queue is on the way when the gateway takes it, and is answered `-ASK`.
            let moving = cluster.begin_move(LIST);
            moving.write_ahead(&["LPUSH", LIST, AHEAD]);
            wait_told(&gateway, "is being moved");
            moving.finish();
            produce_more(&producers, 1_000);
            // The stream is written to until it has moved.
            let moving = cluster.begin_move(STREAM);
            produce_more(&producers, 100);
            moving.finish();
        }
        produce_more(&producers, 1_000);
        assert_exact(&gateway, producers, mode);
        gateway.wait_value("sent_ahead_total", &[], 2.0);
        let log = gateway.log();
        assert!(log.contains("the cluster has moved"), "nothing explains: {log}");
        scraper.finish();
    });
}

/// Nothing is sent while the slot moves, so it is the blocked read that has to notice.
#[test]
fn slots_that_move_while_nothing_happens() {
    in_both_modes(|cluster, mode| {
        let gateway = gateway(&cluster.nodes[0], mode).start();
        let push = |value: &str| {
            let event = format!(r#"{{"name":"sent_total","value":{value}}}"#);
            cluster.run::<()>(&["XADD", STREAM, "*", "data", &event]);
            cluster.run::<()>(&["LPUSH", LIST, &event]);
        };
        push("1");
        gateway.wait_value("sent_total", &[], 2.0);
        for key in [STREAM, LIST] {
            cluster.begin_move(key).finish();
        }
        push("10");
        gateway.wait_value("sent_total", &[], 22.0);
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
    });
}

/// Half of a list's segments are here and half there: whoever looked now would take those that
/// are here for all of them.
#[test]
fn a_slot_that_is_half_way_is_waited_for() {
    let _turn = turn::shared();
    let cluster = Cluster::start();
    let segment = |number: u32| format!("{{{LIST}}}:seg:default:{number}");
    let event = r#"{"name":"sent_total","value":1}"#;
    for key in (1..=10).map(segment).chain([LIST.to_owned()]) {
        cluster.run::<()>(&["LPUSH", &key, event]);
    }
    let moving = cluster.begin_move(LIST);
    moving.move_keys(&(1..=5).map(segment).collect::<Vec<_>>());
    let mut gateway = gateway(&cluster.nodes[0], "off");
    gateway.launch();
    wait_told(&gateway, "is being moved");
    moving.finish();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 11.0);
}

#[test]
fn the_configured_node_is_gone() {
    in_both_modes(|mut cluster, mode| {
        // The list and the stream are on others, or nobody would serve them.
        let owners = [LIST, STREAM].map(|key| cluster.owner(key));
        let seed = (0..3).find(|node| !owners.contains(node)).expect("three nodes, two keys");
        let gateway = gateway(&cluster.nodes[seed], mode).start();
        let producers = Producers::start(&producer::to_both(&cluster.nodes[owners[0]]));
        produce_more(&producers, 1_000);
        cluster.nodes[seed].kill();
        cluster.nodes.remove(seed);
        for node in &cluster.nodes {
            node.run::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        produce_more(&producers, 1_000);
        assert_exact(&gateway, producers, mode);
    });
}

#[test]
fn a_replica_takes_over() {
    in_both_modes(|mut cluster, mode| {
        let owner = cluster.owner(STREAM);
        let replica = cluster.add_replica(owner);
        let seed = &cluster.nodes[(owner + 1) % cluster.nodes.len()];
        let gateway = gateway(seed, mode).start();
        let plan = producer::to_stream(seed);
        let first = Producers::start(&plan);
        produce_more(&first, 1_000);
        gateway.pause();
        produce_more(&first, 1_000);
        let mut ledger = first.stop();
        // Replication is asynchronous: only what has arrived there can be read there.
        wait_in_step(&cluster.nodes[owner], &replica);
        cluster.nodes[owner].kill();
        cluster.nodes.remove(owner);
        gateway.resume();
        let second = Producers::start(&Plan { seed: 2, ..plan });
        produce_more(&second, 1_000);
        ledger.merge(&second.stop());
        gateway.wait_exact(&ledger, &format!("{mode}, at the replica"));
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
    });
}

#[test]
fn the_check_command_and_the_database() {
    let _turn = turn::shared();
    let cluster = Cluster::start();
    let mut check = Gateway::of(&cluster.nodes[0]).argument("check");
    check.launch();
    let (status, output) = check.wait_exit();
    assert!(status.success(), "{output}");
    assert!(output.contains("(cluster) answered"), "{output}");

    let address = format!("{},defaultDatabase=1", cluster.nodes[0].address());
    let mut elsewhere = Gateway::of(&cluster.nodes[0]).set("Redis__ConnectionString", &address);
    elsewhere.launch();
    let (status, output) = elsewhere.wait_exit();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("a cluster, which has database 0 only"), "{output}");
}
