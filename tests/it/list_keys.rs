//! Several lists in one state: each is a source of its own, wherever in a cluster it lies.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::{Plan, Target};

use crate::harness::campaign::burst;
use crate::harness::cluster::Cluster;
use crate::harness::{Gateway, Producers, RedisServer, Scraper};
use crate::harness::{eventually, producer, seed, turn, wait_for};

const KEYS: [&str; 3] = ["jobs", "{web}:metrics", "cron"];
const KILLS: u32 = 12;
const EVENTS: u64 = 20_000;
/// Sent to each list before the next one gets any. So they stand at different segments, and what is
/// acknowledged by another one's position is lost.
const HEAD_START: u64 = 2_000;
const DEADLINE: Duration = Duration::from_secs(60);
const EVENT: &str = r#"{"name":"sent_total","value":1}"#;

/// One worker: there is room for two batches, and three lists want it.
fn gateway(redis: &RedisServer, keys: &[impl AsRef<str>]) -> Gateway {
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    Gateway::of(redis)
        .list_only()
        .set("Redis__MetricQueueKeys", &keys.join(","))
        .set("Redis__MetricQueueWorkers", "1")
        .set("Redis__MetricQueuePopCount", "50")
}

/// A number of one list's source.
#[track_caller]
fn number(gateway: &Gateway, key: &str, field: &str) -> u64 {
    let status = gateway.status();
    let sources = status["sources"].as_array().unwrap_or_else(|| panic!("{status}"));
    let source = sources.iter().find(|source| source["kind"] == "list" && source["key"] == key);
    source.and_then(|source| source[field].as_u64()).unwrap_or_else(|| panic!("{key}: {status}"))
}

/// Kills the gateway while each list is written to by a producer that counts for itself; then each
/// list's own count is exact, and so is everything together.
fn kill_while_all_are_written(redis: &RedisServer, keys: &[impl AsRef<str>]) -> Gateway {
    let seed = seed();
    let mut gateway = gateway(redis, keys).start();
    let scraper = Scraper::start(gateway.port());
    let start = |(number, key): (u64, &str)| {
        let targets = vec![Target::List(key.to_owned())];
        let seed = seed.wrapping_add(number);
        let plan = Plan { targets, seed, rate: 3000.0, ..producer::to_list(redis) };
        let producers = Producers::start(&plan);
        producers.wait_acknowledged(HEAD_START, DEADLINE);
        producers
    };
    let producers: Vec<_> = (0..).zip(keys.iter().map(AsRef::as_ref)).map(start).collect();
    burst(&mut gateway, KILLS, &mut Random::new(seed));
    for one in &producers {
        one.wait_acknowledged(EVENTS, DEADLINE);
    }
    gateway.wait_ready();
    let ledgers: Vec<Ledger> = producers.into_iter().map(Producers::stop).collect();
    let mut all = Ledger::default();
    for ledger in &ledgers {
        all.merge(ledger);
    }
    let assert_each_exact = |gateway: &Gateway, context: &str| {
        gateway.wait_exact(&all, &format!("{context}, SEED={seed}"));
        for (key, ledger) in keys.iter().map(AsRef::as_ref).zip(&ledgers) {
            assert_eq!(ledger.events_acknowledged, ledger.events_attempted, "Redis was there");
            let counted = [number(gateway, key, "processed"), number(gateway, key, "lost")];
            assert_eq!(counted, [ledger.events_acknowledged, 0], "{key} {context}, SEED={seed}");
        }
    };
    assert_each_exact(&gateway, "after the kills");
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    assert_each_exact(&gateway, "after one kill more, at rest");
    scraper.finish();
    gateway
}

#[test]
fn kills_while_three_lists_are_read() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let _gateway = kill_while_all_are_written(&redis, &KEYS);
    eventually("queues and segments are gone", DEADLINE, || {
        let keys = redis.keys();
        keys.len() == 2 * KEYS.len()
            && keys.iter().all(|key| key.ends_with(":owner") || key.ends_with(":seg:last"))
    });
}

#[test]
fn kills_while_each_node_of_a_cluster_has_a_list() {
    let _turn = turn::shared();
    let cluster = Cluster::start();
    let name = |node| {
        let names = (0..).map(|number| format!("list-{number}"));
        names.into_iter().find(|name| cluster.owner(name) == node).expect("some name lies there")
    };
    let keys: Vec<String> = (0..cluster.nodes.len()).map(name).collect();
    let gateway = kill_while_all_are_written(&cluster.nodes[0], &keys);
    for (node, key) in cluster.nodes.iter().zip(&keys) {
        let theirs = |name: &String| name.contains(&format!("{{{key}}}:seg:"));
        assert!(node.keys().iter().any(theirs), "{key}: {:?}", node.keys());
    }
    let checked = gateway.command(&["check"]);
    let report = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{report}");
    assert!(report.contains("(cluster) answered"), "{report}");
}

#[test]
fn a_key_that_is_taken_from_the_list_is_told_of_until_nothing_waits() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis, &KEYS).set("Snapshot__Keep", "1");
    let mut gateway = gateway.set("Snapshot__Interval", "100ms").start();
    for key in KEYS {
        redis.run::<u64>(&["LPUSH", key, EVENT]);
    }
    gateway.wait_value("sent_total", &[], 3.0);
    gateway.terminate();
    for key in KEYS {
        redis.run::<u64>(&["LPUSH", key, EVENT]);
    }
    let [removed, left @ ..] = KEYS;
    gateway.assign("Redis__MetricQueueKeys", &left.join(","));
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 5.0);
    let degraded = || gateway.status()["degraded"].to_string();
    let told = format!("list:{removed} is not read any more: 1 items in the queue");
    wait_for(&told, DEADLINE, || {
        let degraded = degraded();
        if degraded.contains(&told) { Ok(()) } else { Err(degraded) }
    });
    for key in left {
        assert!(!degraded().contains(key), "{}", degraded());
    }
    redis.run::<u64>(&["DEL", removed]);
    eventually("it is well again", DEADLINE, || degraded() == "[]");
}

#[test]
fn retiring_leaves_no_trace_of_any() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = gateway(&redis, &KEYS).set("Snapshot__Interval", "1h").start();
    for key in KEYS {
        redis.run::<u64>(&["LPUSH", key, EVENT]);
    }
    gateway.wait_value("sent_total", &[], 3.0);
    gateway.kill();
    assert!(!redis.keys().is_empty(), "segments that no snapshot covers");
    let retired = gateway.command(&["retire"]);
    assert!(retired.status.success(), "{}", String::from_utf8_lossy(&retired.stderr));
    assert_eq!(redis.keys(), [""; 0]);
    let exported = gateway.command(&["snapshot", "export"]);
    let exported = String::from_utf8_lossy(&exported.stdout).into_owned();
    assert!(exported.contains("sent_total 3"), "{exported}");
}

#[test]
fn a_check_tries_every_key() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let only = ["~jobs", "~{jobs}:*", "~{web}:*", "~prom-stream-gateway:dead-letters"];
    let user = ["ACL", "SETUSER", "some", "on", ">secret", "+@all", "resetchannels"];
    redis.run::<()>(&[&user[..], &only].concat());
    let address = format!("{},user=some,password=secret", redis.address());
    let gateway = gateway(&redis, &KEYS).set("Redis__ConnectionString", &address);
    let checked = gateway.command(&["check"]);
    let report = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{report}");
    let is_denied = |key: &str| report.contains(&format!("RENAMENX on `{key}`"));
    assert_eq!(KEYS.map(is_denied), [false, false, true], "{report}");
}
