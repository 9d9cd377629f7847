//! Streams: Redis knows what it delivered and how many entries it ever had, and so does the state.

use redis::Value;

use super::{
    DEADLINE, Strike, assert_strike_costs_nothing, far_away, group_is_at_the_end,
    restart_from_dump, restart_from_dump_beside, send, wait_accounted, wait_logged,
    without_checkpoints,
};
use crate::harness::{Gateway, RedisServer, STREAM, Scraper, eventually, producer, turn, wait_for};

const GROUP: &str = "prom-stream-gateway";
const OLDER: &str = "Redis came back in an older state";
const EVENT: &str = r#"{"name":"sent_total","value":1}"#;

/// So many entries that they take seconds to come from far away.
const BACKLOG: u64 = 20_000;

fn add(redis: &RedisServer, entries: u32) {
    for _ in 0..entries {
        redis.run::<String>(&["XADD", STREAM, "*", "data", EVENT]);
    }
}

fn pending(redis: &RedisServer) -> u64 {
    let (count, ..): (u64, Value, Value, Value) = redis.run(&["XPENDING", STREAM, GROUP]);
    count
}

#[test]
fn an_older_dump_costs_nothing_that_was_applied() {
    let _turn = turn::shared();
    for (mode, gateway_runs) in
        [("group", true), ("group", false), ("reader", true), ("reader", false)]
    {
        let context = format!("{mode}, the gateway runs: {gateway_runs}");
        let mut redis = RedisServer::start(&[]);
        let mut gateway = Gateway::of(&redis).stream_only(mode).start();
        let scraper = Scraper::start(gateway.port());
        let mut ledger = send(producer::to_stream(&redis), 1_000);
        gateway.wait_exact(&ledger, &context);
        wait_marked(&redis);
        redis.run::<()>(&["SAVE"]);
        ledger.merge(&send(producer::to_stream(&redis), 500));
        gateway.wait_exact(&ledger, &context);
        if mode == "group" {
            eventually("all is acknowledged", DEADLINE, || pending(&redis) == 0);
        } else if !RedisServer::counts_entries() {
            // Nobody can tell then that entries are gone which are in no snapshot yet.
            eventually("all is durable", DEADLINE, || group_is_at_the_end(&redis));
        }
        restart_from_dump_beside(&mut redis, &mut gateway, gateway_runs);
        ledger.merge(&send(producer::to_stream(&redis), 300));
        gateway.wait_exact(&ledger, &context);
        // A stream that does not count what was added shows nothing once it has grown again.
        if mode == "group" || RedisServer::counts_entries() {
            wait_logged(&gateway, OLDER);
        }
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_exact(&ledger, &format!("{context}, and after a crash"));
        assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
        scraper.finish();
    }
}

#[test]
fn acknowledgements_that_redis_forgot_are_sent_again() {
    let _turn = turn::shared();
    for entries_after_the_dump in [0, 50] {
        let mut redis = RedisServer::start(&[]);
        let gateway =
            Gateway::of(&redis).stream_only("group").set("Snapshot__Interval", "1s").start();
        add(&redis, 300);
        gateway.wait_processed(300);
        redis.run::<()>(&["SAVE"]);
        assert!(pending(&redis) > 0, "they are acknowledged already");
        add(&redis, entries_after_the_dump);
        eventually("all is acknowledged", DEADLINE, || pending(&redis) == 0);
        restart_from_dump(&mut redis);
        wait_logged(&gateway, "pending again");
        eventually("all is acknowledged again", DEADLINE, || pending(&redis) == 0);
        add(&redis, 10);
        let sent = f64::from(310 + entries_after_the_dump);
        gateway.wait_value("sent_total", &[], sent);
        eventually("all is acknowledged at last", DEADLINE, || pending(&redis) == 0);
        gateway.wait_value("sent_total", &[], sent);
        assert_eq!(gateway.total("lost"), 0);
    }
}

/// Waits for the first acknowledgement: in reader mode it makes the group.
#[track_caller]
fn wait_marked(redis: &RedisServer) {
    wait_for("a group that has come somewhere", DEADLINE, || {
        let groups: Value = redis.run(&["XINFO", "GROUPS", STREAM]);
        let text = format!("{groups:?}");
        if text.contains("last-delivered-id") && !text.contains("'0-0'") {
            Ok(())
        } else {
            Err(text)
        }
    });
}

/// What strikes while some entries are applied and in no snapshot, in a group.
fn strike_before_a_crash(
    fault: &str,
    told: &str,
    then_pending: u64,
    strike: impl FnOnce(&mut RedisServer),
) {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).stream_only("group").start();
    add(&redis, 100);
    gateway.wait_value("sent_total", &[], 100.0);
    gateway.terminate();
    add(&redis, 200);
    redis.run::<()>(&["SAVE"]);
    let mut gateway = gateway.set("Snapshot__Interval", "1h").start();
    gateway.wait_value("sent_total", &[], 300.0);
    strike(&mut redis);
    wait_logged(&gateway, told);
    add(&redis, 20);
    gateway.wait_value("sent_total", &[], 320.0);
    assert_eq!(gateway.total("lost"), 0, "{fault}: {}", gateway.status());
    eventually("what is in no snapshot is pending", DEADLINE, || pending(&redis) == then_pending);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 320.0);
    assert_eq!(gateway.total("lost"), 0, "{fault}: {}", gateway.status());
}

#[test]
fn after_an_older_dump_a_crash_loses_nothing() {
    strike_before_a_crash("an older dump", OLDER, 220, restart_from_dump);
}

#[test]
fn after_the_group_was_destroyed_a_crash_loses_nothing() {
    // What came before is in a snapshot, which the new group waits for.
    strike_before_a_crash("XGROUP DESTROY", "the consumer group is gone", 20, |redis| {
        redis.run(&["XGROUP", "DESTROY", STREAM, GROUP])
    });
}

#[test]
fn what_waited_in_a_wiped_stream_is_metered() {
    let strikes: [(&str, Strike); 3] = [
        ("FLUSHALL", |redis| redis.run(&["FLUSHALL"])),
        ("DEL", |redis| redis.run(&["DEL", STREAM])),
        ("a restart without persistence", restart_from_dump),
    ];
    let _turn = turn::shared();
    for (fault, strike) in strikes {
        for mode in ["group", "reader"] {
            lost(mode, fault, strike);
        }
    }
}

/// While entries are read one by one and many wait.
#[track_caller]
fn lost(mode: &str, fault: &str, strike: Strike) {
    let mut redis = RedisServer::start(&[]);
    let proxy = far_away(&redis);
    let gateway = Gateway::through(&proxy, &redis).stream_only(mode);
    let mut gateway = gateway.set("Stream__BatchSize", "1");
    send(producer::to_stream(&redis), BACKLOG);
    gateway.launch();
    eventually("it listens", DEADLINE, || gateway.get("/-/healthy").is_ok());
    // So that the stream is known when it is gone.
    let of_source = |field: &str| gateway.status()["sources"][0][field].as_u64();
    eventually("it reads", DEADLINE, || of_source("processed") > Some(0));
    // The second look from here on has seen all of them.
    for look in ["first", "second"] {
        let lag = || of_source("lag_entries");
        let before = lag();
        wait_for(&format!("the {look} look"), DEADLINE, || match lag() {
            now if now != before => Ok(()),
            now => Err(format!("lag {now:?}")),
        });
    }
    strike(&mut redis);
    if RedisServer::counts_entries() {
        wait_accounted(&gateway, BACKLOG);
    } else {
        // By the stream's length: with what was read and not trimmed yet, so too many at worst.
        eventually("no fewer are metered than waited", DEADLINE, || {
            gateway.total("processed") + gateway.total("lost") >= BACKLOG
        });
    }
    let lost = gateway.total("lost");
    assert!(lost > 0, "{mode}, {fault}: all was read before");
    let told = if mode == "group" { "the consumer group is gone" } else { "not the one that was" };
    wait_logged(&gateway, told);

    add(&redis, 100);
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 100.0);
    assert_eq!(gateway.total("lost"), lost, "{mode}, {fault}: {}", gateway.status());
}

#[test]
fn a_stream_whose_ids_run_backwards_is_read_from_its_beginning() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&[]);
        let mut gateway = Gateway::of(&redis).stream_only(mode).start();
        add(&redis, 50);
        gateway.wait_value("sent_total", &[], 50.0);
        wait_marked(&redis);
        eventually("it is durable", DEADLINE, || mode == "reader" || pending(&redis) == 0);
        // Their checkpoint comes after the stream is gone: the new one must not be trimmed by it.
        add(&redis, 10);
        gateway.wait_value("sent_total", &[], 60.0);
        redis.run::<u64>(&["DEL", STREAM]);
        for sequence in 1..=30 {
            let id = format!("7-{sequence}");
            redis.run::<String>(&["XADD", STREAM, &id, "data", EVENT]);
        }
        gateway.wait_value("sent_total", &[], 90.0);
        wait_marked(&redis);
        eventually("that is durable too", DEADLINE, || mode == "reader" || pending(&redis) == 0);
        gateway.kill();
        redis.run::<String>(&["XADD", STREAM, "7-31", "data", EVENT]);
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_value("sent_total", &[], 91.0);
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
    }
}

#[test]
fn a_key_of_another_type_is_told_and_waited_for() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&[]);
        let gateway = Gateway::of(&redis).stream_only(mode).start();
        add(&redis, 50);
        gateway.wait_value("sent_total", &[], 50.0);
        redis.run::<u64>(&["DEL", STREAM]);
        redis.run::<()>(&["SET", STREAM, "somebody's"]);
        eventually("the reason is told", DEADLINE, || {
            let error = gateway.status()["sources"][0]["error"].to_string();
            error.contains("is a key of another type, expected a stream")
        });
        redis.run::<u64>(&["DEL", STREAM]);
        add(&redis, 5);
        gateway.wait_value("sent_total", &[], 55.0);
        assert_eq!(gateway.total("lost"), 0, "{mode}: {}", gateway.status());
    }
}

#[test]
fn a_group_that_was_left_with_unapplied_entries_is_gone_back_to() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).stream_only("group").start();
    add(&redis, 50);
    gateway.wait_value("sent_total", &[], 50.0);
    gateway.terminate();
    gateway = gateway.set("Snapshot__Interval", "1h").start();
    add(&redis, 10);
    gateway.wait_value("sent_total", &[], 60.0);
    gateway.kill();
    let mut gateway = gateway.set("Stream__Group", "another");
    gateway.launch();
    eventually("the reason is told", DEADLINE, || {
        gateway.get("/-/ready").is_ok_and(|answer| {
            answer.body.contains(&format!("Stream.Group changed from `{GROUP}` to `another`"))
        })
    });
    gateway.kill();
    let mut gateway = gateway.set("Stream__Group", GROUP).start();
    gateway.wait_value("sent_total", &[], 60.0);
    gateway.terminate();
    let gateway = gateway.set("Stream__Group", "another").start();
    add(&redis, 5);
    gateway.wait_value("sent_total", &[], 65.0);
}

/// Once the group has read on, Redis shows no gap any more.
#[test]
fn a_loss_is_not_forgotten_by_a_gateway_that_is_killed_right_after() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&[]);
        // No checkpoint but those that cannot wait.
        let mut gateway =
            Gateway::of(&redis).stream_only(mode).set("Snapshot__Interval", "1h").start();
        add(&redis, 100);
        gateway.wait_value("sent_total", &[], 100.0);
        gateway.stop();
        add(&redis, 500);
        redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", "200"]);
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_value("sent_total", &[], 300.0);
        // The gateway says at its start that it cannot know of these.
        let lost = if RedisServer::counts_entries() { 300 } else { 0 };
        assert_eq!(gateway.total("lost"), lost, "{mode}");
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_value("sent_total", &[], 300.0);
        assert_eq!(gateway.total("lost"), lost, "{mode}, after a kill");
    }
}

/// Reading on destroys the gap that shows a loss: it has to follow from counts.
#[test]
fn what_producers_trim_in_bursts_is_metered_exactly() {
    if !RedisServer::counts_entries() {
        return eprintln!("not looked at: this Redis does not count what is added");
    }
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let redis = RedisServer::start(&[]);
        let mut gateway = Gateway::of(&redis).stream_only(mode).start();
        add(&redis, 20);
        gateway.wait_value("sent_total", &[], 20.0);
        let mut sent = 20;
        for burst in 1..=10_u64 {
            // In one transaction, so faster than any gateway.
            let mut pipe = redis::pipe();
            pipe.atomic();
            for _ in 0..100 {
                let add = ["XADD", STREAM, "MAXLEN", "10", "*", "data", EVENT];
                add[1..].iter().fold(pipe.cmd(add[0]), |cmd, part| cmd.arg(part)).ignore();
            }
            redis.query(&pipe);
            sent += 100;
            wait_accounted(&gateway, sent);
            assert_eq!(gateway.total("lost"), 90 * burst, "{mode}: {}", gateway.status());
        }
        wait_logged(&gateway, "trimmed or deleted");
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        wait_accounted(&gateway, sent);
        assert_eq!(gateway.total("lost"), 900, "{mode}, after a kill");
    }
}

/// What was applied since the last snapshot is in Redis no more, once its history changed.
#[test]
fn what_a_changed_history_no_longer_has_is_made_durable_before_reading_on() {
    let strikes: [(&str, Strike); 3] = [
        ("FLUSHALL", |redis| redis.run(&["FLUSHALL"])),
        ("DEL", |redis| redis.run(&["DEL", STREAM])),
        ("a restart without persistence", restart_from_dump),
    ];
    let _turn = turn::shared();
    for (fault, strike) in strikes {
        for mode in ["group", "reader"] {
            let mut redis = RedisServer::start(&[]);
            let gateway = without_checkpoints(Gateway::of(&redis).stream_only(mode)).start();
            let context = format!("{mode}, {fault}");
            assert_strike_costs_nothing(&context, &mut redis, gateway, add, [100, 50, 50], strike);
        }
    }
}

/// A name of a gateway that is gone for good makes nobody less careful.
#[test]
fn a_group_that_is_destroyed_beside_a_retired_name_costs_nothing() {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    let gateway = without_checkpoints(Gateway::of(&redis).stream_only("group")).start();
    redis.run::<u64>(&["SADD", &format!("{{{STREAM}}}:{GROUP}:gateways"), "of-last-year"]);
    let destroy: Strike = |redis| {
        redis.run::<u64>(&["XGROUP", "DESTROY", STREAM, GROUP]);
    };
    assert_strike_costs_nothing("destroyed", &mut redis, gateway, add, [105, 1_000, 1], destroy);
}

/// A reader shows its lag by a group, but not by one that somebody consumes.
#[test]
fn a_reader_leaves_a_group_with_consumers_alone() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&["--stream-node-max-entries", "10"]);
    redis.run::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(&redis, 1_000);
    let read = ["XREADGROUP", "GROUP", GROUP, "theirs", "COUNT", "1000", "STREAMS", STREAM, ">"];
    redis.run::<Value>(&read);
    let gateway = Gateway::of(&redis).stream_only("reader");
    let gateway = gateway.set("Snapshot__Interval", "200ms").start();
    add(&redis, 2_000);
    gateway.wait_value("sent_total", &[], 3_000.0);
    wait_logged(&gateway, "consumers of its own");
    add(&redis, 100);
    gateway.wait_value("sent_total", &[], 3_100.0);
    let mut entries = 3_100;
    eventually("several checkpoints", DEADLINE, || {
        add(&redis, 1);
        entries += 1;
        gateway.status()["checkpoint"]["successes"].as_u64() > Some(4)
    });
    assert_eq!(redis.run::<u64>(&["XLEN", STREAM]), entries, "trimmed below what they need");
    let groups = format!("{:?}", redis.run::<Value>(&["XINFO", "GROUPS", STREAM]));
    let (count, lowest, ..): (u64, String, Value, Value) = redis.run(&["XPENDING", STREAM, GROUP]);
    assert_eq!(count, 1_000, "{groups}");
    let first: Vec<(String, Value)> = redis.run(&["XRANGE", STREAM, "-", "+", "COUNT", "1"]);
    assert_eq!(lowest, first[0].0);
    // What it has not read yet it still gets.
    let mut theirs = 0;
    loop {
        let page: Value = redis.run(&read);
        let Value::Array(streams) = page else { break };
        theirs += format!("{streams:?}").matches("sent_total").count();
    }
    assert_eq!(theirs as u64, entries - 1_000);
}

#[test]
fn somebodys_keys_under_our_names_are_told_and_cost_no_event() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    for name in ["ledger", "gone"] {
        redis.run::<u64>(&["RPUSH", &format!("{{{STREAM}}}:{GROUP}:{name}"), "somebody's"]);
    }
    add(&redis, 100);
    let gateway = Gateway::of(&redis).stream_only("group").start();
    gateway.wait_value("sent_total", &[], 100.0);
    wait_logged(&gateway, "somebody else's key lies where the group's ledger should");
    redis.run::<u64>(&["DEL", STREAM]);
    add(&redis, 50);
    gateway.wait_value("sent_total", &[], 150.0);
    eventually("all is acknowledged", DEADLINE, || pending(&redis) == 0);
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
}
