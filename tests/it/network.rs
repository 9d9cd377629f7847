//! Bad links between the gateway and Redis: half-open, flapping, slow. What was read is
//! counted once, what was not is read again, and the status tells how it stands.

use std::collections::HashMap;
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

/// The sources that a link can keep from reading.
fn of_redis(status: &serde_json::Value) -> Vec<serde_json::Value> {
    let sources = status["sources"].as_array().cloned().unwrap_or_default();
    sources.into_iter().filter(|source| source["kind"] != "push").collect()
}

/// Waits until every source of Redis has reconnected so often, and reads.
#[track_caller]
fn wait_reconnected(gateway: &Gateway, times: u64, deadline: Duration) {
    wait_for(&format!("{times} reconnects"), deadline, || {
        let status = gateway.status();
        let sources = of_redis(&status);
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

/// The gateway that reads one source, in the way to be tested.
fn reading(mode: &str, gateway: Gateway) -> Gateway {
    match mode {
        "list" => gateway.list_only(),
        mode => gateway.stream_only(mode),
    }
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
    half_open("list", producer::to_list);
}

#[test]
fn half_open_group() {
    half_open("group", producer::to_stream);
}

#[test]
fn half_open_reader() {
    half_open("reader", producer::to_stream);
}

/// Connections that fall silent under load, once in both directions and once with requests
/// still arriving: what Redis delivered then, nobody has seen.
fn half_open(mode: &str, plan: fn(&RedisServer) -> Plan) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let proxy = Proxy::to(redis.port());
    let gateway = reading(mode, Gateway::through(&proxy, &redis)).start();
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

/// A command stalls on its way, is tried again on another connection, and arrives long after:
/// a rename of the queue when that segment is read, counted and removed; a read of the group
/// when nobody waits for its reply.
#[test]
fn a_command_that_arrives_late_is_not_executed() {
    at_once(["list", "group"], |mode| {
        let redis = RedisServer::start(&[]);
        let proxy = Proxy::to(redis.port());
        let gateway = reading(mode, Gateway::through(&proxy, &redis)).start();
        let event = r#"{"name":"sent_total","value":1}"#;
        let send = || match mode {
            "list" => redis.run::<()>(&["LPUSH", LIST, event]),
            _ => redis.run::<()>(&["XADD", STREAM, "*", "data", event]),
        };
        proxy.set_present(Link::HeldRequests);
        wait_reconnected(&gateway, 1, RECOVERY);
        send();
        gateway.wait_value("sent_total", &[], 1.0);
        eventually("Redis may forget it", RECOVERY, || untouched(mode, &redis) == Some(0));

        // No read of the present connection waits in Redis, and an entry does.
        gateway.pause();
        eventually("no read blocks", RECOVERY, || !clients(&redis).contains(" flags=b "));
        send();
        proxy.set_present(Link::Fine);
        eventually("both old connections are at their end", RECOVERY, || {
            clients(&redis).matches(" addr=127.0.0.1:").count() == 2
        });
        assert_eq!(untouched(mode, &redis), Some(1), "{mode}");
        gateway.resume();
        gateway.wait_value("sent_total", &[], 2.0);
    });
}

/// Entries that nobody took; `None` while some are taken and not acknowledged.
fn untouched(mode: &str, redis: &RedisServer) -> Option<u64> {
    if mode == "list" {
        let segments: Vec<String> = redis.run(&["KEYS", "*:seg:*:[0-9]*"]);
        return segments.is_empty().then(|| redis.run(&["LLEN", LIST]));
    }
    let summary: (u64, redis::Value, redis::Value, redis::Value) =
        redis.run(&["XPENDING", STREAM, "prom-stream-gateway"]);
    let groups: Vec<HashMap<String, redis::Value>> = redis.run(&["XINFO", "GROUPS", STREAM]);
    let lag = groups[0].get("lag").cloned().unwrap_or(redis::Value::Nil);
    (summary.0 == 0).then(|| redis::from_redis_value(lag).expect("Redis 7 knows the lag"))
}

fn clients(redis: &RedisServer) -> String {
    redis.run(&["CLIENT", "LIST", "TYPE", "normal"])
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
    let mut gateway = reading(mode, gateway);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], ENTRIES as f64);
    assert_eq!(gateway.total("processed"), ENTRIES, "{mode}");
    assert_eq!(gateway.total("lost"), 0, "{mode}");
    let log = gateway.log();
    assert!(log.contains("timed out"), "{mode}: no reply was late, so nothing was tried: {log}");
}

/// One entry that alone takes longer than a reply may is no reason to stop for ever.
#[test]
fn an_entry_that_alone_does_not_arrive_in_time() {
    at_once(["list", "group", "reader"], |mode| {
        let redis = RedisServer::start(&[]);
        let small = r#"{"name":"sent_total","value":1}"#.to_owned();
        // 4 s at 1.6 MB/s, and larger than a payload may be.
        for payload in [&small, &"x".repeat(6_000_000), &small] {
            match mode {
                "list" => redis.run::<()>(&["LPUSH", LIST, payload]),
                _ => redis.run::<()>(&["XADD", STREAM, "*", "data", payload]),
            }
        }
        let proxy = Proxy::to(redis.port());
        proxy.set(Link::Delayed(Duration::from_millis(10)));
        let gateway = Gateway::through(&proxy, &redis)
            .set("Redis__MetricQueuePopCount", "1")
            .set("Stream__BatchSize", "1");
        let gateway = reading(mode, gateway).start();
        gateway.wait_value("sent_total", &[], 2.0);
        let status = gateway.status();
        assert_eq!(status["sources"][0]["dropped"]["too_large"], 1, "{mode}: {status}");
    });
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
        match of_redis(&status).iter().all(told) {
            true => Ok(()),
            false => Err(status.to_string()),
        }
    });
    // What was counted stays served.
    assert!(gateway.is_ready());
    gateway.text();

    proxy.set(Link::Fine);
    wait_reconnected(&gateway, 1, RECOVERY);
    let status = gateway.status();
    for source in of_redis(&status) {
        assert_eq!(source["reconnects"], 1, "{source}");
        assert!(source["error"].is_null(), "{source}");
    }
}
