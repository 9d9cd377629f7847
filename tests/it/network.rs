//! Bad links between the gateway and Redis: half-open, flapping, slow. What was read is
//! counted once, what was not is read again, and the status tells how it stands.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::proxy::Link;
use crate::harness::{Gateway, LIST, Producers, Proxy, RedisServer, STREAM, Scraper};
use crate::harness::{eventually, producer, seed, turn, wait_for};

/// A reply that does not come is given up after 3 s, and Redis is tried again within 2 s.
const RECOVERY: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until every source has reconnected so often, and reads.
#[track_caller]
fn wait_reconnected(gateway: &Gateway, times: u64, deadline: Duration) {
    wait_for(&format!("{times} reconnects"), deadline, || {
        let status = gateway.status();
        let sources = status["sources"].as_array().cloned().unwrap_or_default();
        let sound = |source: &serde_json::Value| {
            source["connected"] == true
                && source["reconnects"].as_u64().is_some_and(|count| count >= times)
        };
        if !sources.is_empty() && sources.iter().all(sound) {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}

fn is_connected(gateway: &Gateway) -> bool {
    gateway.status()["sources"][0]["connected"] == true
}

#[track_caller]
fn assert_exact(gateway: &Gateway, ledger: &Ledger, context: &str) {
    assert_eq!(ledger.events_acknowledged, ledger.events_attempted, "Redis was always there");
    gateway.wait_exact(ledger, context);
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged, "{context}");
    assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
}

/// Each case in a thread of its own: they mostly wait for time-outs.
fn at_once<T: Send, const N: usize>(cases: [T; N], test: impl Fn(T) + Copy + Send) {
    let _turn = turn::shared();
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}

#[test]
fn half_open_list() {
    half_open(|gateway| gateway.list_only(), producer::to_list);
}

#[test]
fn half_open_group() {
    half_open(|gateway| gateway.stream_only("group"), producer::to_stream);
}

#[test]
fn half_open_reader() {
    half_open(|gateway| gateway.stream_only("reader"), producer::to_stream);
}

/// Connections that fall silent under load, once in both directions and once with requests
/// still arriving: what Redis delivered then, nobody has seen.
fn half_open(settings: fn(Gateway) -> Gateway, plan: fn(&RedisServer) -> Plan) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let proxy = Proxy::to(redis.port());
    let gateway = settings(Gateway::through(&proxy, &redis)).start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&plan(&redis));
    producers.wait_acknowledged(1_000, DEADLINE);
    for (round, link) in [Link::Silent, Link::SilentReplies].into_iter().enumerate() {
        proxy.set_present(link);
        wait_reconnected(&gateway, round as u64 + 1, RECOVERY);
    }
    // New connections are silent as well, for a while.
    proxy.set(Link::Silent);
    eventually("nothing answers", RECOVERY, || !is_connected(&gateway));
    proxy.set(Link::Fine);
    wait_reconnected(&gateway, 3, RECOVERY);
    assert_exact(&gateway, &producers.stop(), "after three half-open links");
    scraper.finish();
}

#[test]
fn a_link_that_stalls_and_delivers_late() {
    at_once(["group", "reader"], |mode| {
        let redis = RedisServer::start(&[]);
        let proxy = Proxy::to(redis.port());
        let gateway = Gateway::through(&proxy, &redis).set("Stream__Mode", mode).start();
        let producers = Producers::start(&producer::to_both(&redis));
        producers.wait_acknowledged(1_000, DEADLINE);
        // Only the present connections stall: new ones overtake them.
        proxy.set_present(Link::Held);
        wait_reconnected(&gateway, 1, RECOVERY);
        gateway.wait_checkpoint(3);
        proxy.set_present(Link::Fine);
        producers.wait_acknowledged(producers.progress().acknowledged + 2_000, DEADLINE);
        assert_exact(&gateway, &producers.stop(), &format!("{mode}, after late deliveries"));
    });
}

/// The command that renames the queue to a segment stalls on its way, is tried again on another
/// connection, and arrives when that segment is long read, counted and removed.
#[test]
fn a_command_that_arrives_late_changes_nothing() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let proxy = Proxy::to(redis.port());
    let gateway = Gateway::through(&proxy, &redis).list_only().start();
    let push = || redis.run::<()>(&["LPUSH", LIST, r#"{"name":"sent_total","value":1}"#]);
    proxy.set_present(Link::Held);
    wait_reconnected(&gateway, 1, RECOVERY);
    push();
    gateway.wait_value("sent_total", &[], 1.0);
    eventually("the segment is removed", RECOVERY, || redis.keys().is_empty());

    // An entry waits in the queue while what was held arrives.
    gateway.pause();
    push();
    proxy.set_present(Link::Fine);
    eventually("both old connections are at their end", RECOVERY, || {
        let clients: String = redis.run(&["CLIENT", "LIST", "TYPE", "normal"]);
        clients.matches(" addr=127.0.0.1:").count() == 2
    });
    gateway.resume();
    gateway.wait_value("sent_total", &[], 2.0);
}

#[test]
fn a_flapping_link() {
    at_once(["group", "reader"], |mode| {
        let seed = seed();
        let redis = RedisServer::start(&[]);
        let proxy = Proxy::to(redis.port());
        let gateway = Gateway::through(&proxy, &redis).set("Stream__Mode", mode).start();
        let scraper = Scraper::start(gateway.port());
        let producers = Producers::start(&Plan { seed, ..producer::to_both(&redis) });
        proxy.flap(40, Duration::from_millis(200), &mut Random::new(seed));
        assert_exact(&gateway, &producers.stop(), &format!("{mode}, SEED={seed}"));
        scraper.finish();
    });
}

#[test]
fn a_slow_link() {
    at_once([20, 100].map(Duration::from_millis), |delay| {
        let redis = RedisServer::start(&[]);
        let proxy = Proxy::to(redis.port());
        proxy.set(Link::Delayed(delay));
        let gateway = Gateway::through(&proxy, &redis).start();
        let plan = Plan { rate: 1000.0, total: Some(3_000), ..producer::to_both(&redis) };
        let ledger = Producers::start(&plan).wait();
        assert_exact(&gateway, &ledger, &format!("{delay:?} a chunk"));
        assert_eq!(gateway.total("reconnects"), 0, "slow is not broken: {}", gateway.status());
    });
}

/// Entries whose page takes longer than a reply may: asked for in ever smaller pieces, or the
/// same page would be asked for for ever.
#[test]
fn a_link_so_slow_that_a_page_does_not_arrive_in_time() {
    at_once(["list", "group", "reader"], a_page_too_large);
}

fn a_page_too_large(mode: &str) {
    const ENTRIES: u64 = 25;
    let redis = RedisServer::start(&[]);
    let event = format!(r#"{{"name":"sent_total","value":1,"help":"{}"}}"#, "x".repeat(250_000));
    for _ in 0..ENTRIES {
        match mode {
            "list" => redis.run::<()>(&["LPUSH", LIST, &event]),
            _ => redis.run::<()>(&["XADD", STREAM, "*", "data", &event]),
        }
    }
    let proxy = Proxy::to(redis.port());
    // 1.6 MB/s: all entries take 4 s, and a reply is given up after 3 s.
    proxy.set(Link::Delayed(Duration::from_millis(10)));
    let gateway = Gateway::through(&proxy, &redis)
        .set("Redis__MetricQueuePopCount", "100")
        .set("Stream__BatchSize", "100");
    let mut gateway = match mode {
        "list" => gateway.list_only(),
        mode => gateway.stream_only(mode),
    };
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], ENTRIES as f64);
    assert_eq!(gateway.total("processed"), ENTRIES, "{mode}");
    assert_eq!(gateway.total("lost"), 0, "{mode}");
    let log = gateway.log();
    assert!(log.contains("timed out"), "{mode}: no reply was late, so nothing was tried: {log}");
}

#[test]
fn the_status_tells_of_a_link_that_is_down() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let proxy = Proxy::to(redis.port());
    let gateway = Gateway::through(&proxy, &redis).start();
    gateway.wait_checkpoint(1);
    assert_eq!(gateway.total("reconnects"), 0);

    proxy.set(Link::Refusing);
    proxy.cut();
    wait_for("word of the link", RECOVERY, || {
        let status = gateway.status();
        let told = |source: &serde_json::Value| {
            let error = source["error"].as_str().unwrap_or_default();
            source["connected"] == false && error.contains(&proxy.address())
        };
        match status["sources"].as_array() {
            Some(sources) if sources.iter().all(told) => Ok(()),
            _ => Err(status.to_string()),
        }
    });
    // What was counted stays served.
    assert!(gateway.is_ready());
    gateway.text();

    proxy.set(Link::Fine);
    wait_reconnected(&gateway, 1, RECOVERY);
    let status = gateway.status();
    for source in status["sources"].as_array().expect("sources") {
        assert_eq!(source["reconnects"], 1, "{source}");
        assert!(source["error"].is_null(), "{source}");
    }
}
