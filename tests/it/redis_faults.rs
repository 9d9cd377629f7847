//! What Redis does to us: it restarts, fills up, forgets everything, or is not there.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::{Gateway, LIST, Producers, RedisServer, STREAM, Scraper};
use crate::harness::{check, producer, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_restart_with_persistence_costs_nothing() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let mut redis = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let gateway = Gateway::of(&redis).set("Stream__Mode", mode).start();
        let scraper = Scraper::start(gateway.port());
        let producers = Producers::start(&producer::to_both(&redis));
        for restart in 1..=3 {
            producers.wait_acknowledged(restart * 4_000, DEADLINE);
            redis.kill();
            redis.start_again();
        }
        producers.wait_acknowledged(16_000, DEADLINE);
        let ledger = producers.stop();
        wait_drained(&gateway, &redis);
        gateway.wait_exact(&ledger, &format!("{mode}, after restarts of Redis"));
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
        scraper.finish();
    }
}

#[test]
fn a_full_redis_is_drained() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
        let mut gateway = Gateway::of(&redis).set("Stream__Mode", mode).start();
        let first = total(&redis, 100);
        gateway.wait_exact(&first, "before");
        gateway.kill();
        let mut ledger = first;
        ledger.merge(&total(&redis, 20_000));
        // So little that Redis stays full however much is drained.
        redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        let refused = redis.try_run::<u64>(&["LPUSH", LIST, "{}"]);
        let refused = refused.expect_err("a full Redis refuses to push").to_string();
        assert!(refused.contains("OOM"), "{refused}");

        gateway.launch();
        gateway.wait_ready();
        gateway.wait_exact(&ledger, &format!("{mode}, with Redis at maxmemory"));
        assert_eq!(gateway.total("lost"), 0);
        wait_for("room in Redis", DEADLINE, || {
            let held = (redis.run::<u64>(&["LLEN", LIST]), redis.run::<u64>(&["XLEN", STREAM]));
            // Redis trims whole nodes of a stream, of 100 entries.
            if held.0 == 0 && held.1 <= 200 { Ok(()) } else { Err(format!("{held:?} entries")) }
        });
        redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        ledger.merge(&total(&redis, 200));
        gateway.wait_exact(&ledger, &format!("{mode}, with room again"));
    }
}

#[test]
fn a_flushed_redis_costs_what_it_held_and_nothing_more() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        flush_twice(mode);
    }
}

#[test]
fn a_redis_that_lost_everything_in_a_restart_costs_what_it_held() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let mut redis = RedisServer::start(&[]);
        let gateway = Gateway::of(&redis).set("Stream__Mode", mode).start();
        let scraper = Scraper::start(gateway.port());
        let first = total(&redis, 2_000);
        gateway.wait_exact(&first, "before");
        redis.kill();
        redis.start_again();
        let second = total(&redis, 3_000);
        let mut both = first;
        both.merge(&second);
        gateway.wait_exact(&both, &format!("{mode}, after Redis forgot everything"));
        // All that it forgot had been applied.
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
        scraper.finish();
    }
}

fn flush_twice(mode: &str) {
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).set("Stream__Mode", mode).start();
    let scraper = Scraper::start(gateway.port());
    let before = total(&redis, 2_000);
    gateway.wait_exact(&before, "before");
    redis.run::<()>(&["FLUSHALL"]);
    let after = total(&redis, 3_000);
    let mut both = before;
    both.merge(&after);
    gateway.wait_exact(&both, &format!("{mode}, after a wipe"));

    // A wipe while the gateway is down: what nobody has read is lost, the rest is kept.
    gateway.stop();
    let unread = total(&redis, 1_000);
    redis.run::<()>(&["FLUSHALL"]);
    gateway.launch();
    gateway.wait_ready();
    let last = total(&redis, 500);
    both.merge(&last);
    gateway.wait_exact(&both, &format!("{mode}, after a wipe while the gateway was down"));
    let lost = gateway.total("lost");
    assert!(lost <= unread.events_acknowledged, "more lost than there was: {}", gateway.status());
    scraper.finish();
}

/// Sends that many events to list and stream and waits for the last.
fn total(redis: &RedisServer, events: u64) -> Ledger {
    let plan = Plan { total: Some(events), rate: 0.0, seed: events, ..producer::to_both(redis) };
    let ledger = Producers::start(&plan).wait();
    assert_eq!(ledger.events_acknowledged, events);
    ledger
}

#[test]
fn entries_trimmed_ahead_of_a_reader_are_metered() {
    trimmed_ahead("reader");
}

#[test]
fn entries_trimmed_ahead_of_a_group_are_metered() {
    trimmed_ahead("group");
}

fn trimmed_ahead(mode: &str) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).stream_only(mode).start();
    let add = |count: u32| {
        for _ in 0..count {
            let event = r#"{"name":"trimmed_total","value":1}"#;
            redis.run::<String>(&["XADD", STREAM, "*", "data", event]);
        }
    };
    add(10);
    gateway.wait_value("trimmed_total", &[], 10.0);
    gateway.stop();
    add(20);
    redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "5"]);
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("trimmed_total", &[], 15.0);
    wait_for("the loss is metered", DEADLINE / 4, || match gateway.total("lost") {
        15 => Ok(()),
        lost => Err(format!("{mode}: lost {lost}; {}", gateway.status())),
    });
}

#[test]
fn a_gateway_waits_for_a_redis_that_is_not_there_yet() {
    let _turn = turn::shared();
    let mut redis = RedisServer::prepare(&[]);
    let mut gateway = Gateway::of(&redis);
    gateway.launch();
    wait_for("healthy without Redis", DEADLINE, || match gateway.get("/-/healthy") {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    wait_for("a reason not to serve", DEADLINE, || match gateway.get("/metrics") {
        Ok(answer) if answer.status == 503 && answer.body.contains("Redis") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(gateway.get("/-/ready").expect("the gateway answers").status, 503);
    redis.start_again();
    gateway.wait_ready();
    let ledger = total(&redis, 1_000);
    gateway.wait_exact(&ledger, "after Redis came");
    check::assert_exact(&ledger, &gateway.page(), "and it stays so");
}

#[test]
fn a_redis_that_falls_silent_is_survived() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&Plan { rate: 2_000.0, ..producer::to_both(&redis) });
    producers.wait_acknowledged(2_000, DEADLINE);
    redis.pause();
    // Longer than a blocking read and its reply may take; shorter than the producers wait.
    std::thread::sleep(Duration::from_secs(7));
    redis.resume();
    producers.wait_acknowledged(8_000, DEADLINE);
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, "after a silence");
    assert_eq!(gateway.total("lost"), 0);
    scraper.finish();
}

/// Waits until Redis holds nothing that is not applied, so that what was only attempted has
/// either arrived or never will.
fn wait_drained(gateway: &Gateway, redis: &RedisServer) {
    wait_for("a drained queue", DEADLINE, || {
        let queue: u64 = redis.run(&["LLEN", LIST]);
        match (queue, gateway.total("lag_entries")) {
            (0, 0) => Ok(()),
            other => Err(format!("{other:?}; {}", gateway.status())),
        }
    });
}
