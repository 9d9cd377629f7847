//! A Redis that forgets, or remembers an older state: the state stays, ingestion goes on, what
//! is lost is metered where it can be known, and the log says what happened.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::producer::Plan;

use crate::harness::proxy::{Link, Proxy};
use crate::harness::{Gateway, Producers, RedisServer, STREAM, wait_for};

mod list;
mod replica;
mod stream;

const DEADLINE: Duration = Duration::from_secs(90);

type Strike = fn(&mut RedisServer);

/// Sends that many events and waits until Redis has them.
#[track_caller]
fn send(plan: Plan, events: u64) -> Ledger {
    let ledger = Producers::start(&Plan { total: Some(events), rate: 0.0, ..plan }).wait();
    assert_eq!(ledger.events_acknowledged, events);
    ledger
}

/// A way to Redis on which entries come at some thousands a second at most, however fast the machine
/// is: so there is time to do something while many of them wait.
fn far_away(redis: &RedisServer) -> Proxy {
    let proxy = Proxy::to(redis.port());
    proxy.set(Link::Delayed(Duration::from_millis(5)));
    proxy
}

#[track_caller]
fn wait_logged(gateway: &Gateway, words: &str) {
    wait_for(&format!("a log line with {words:?}"), DEADLINE, || {
        let log = gateway.log();
        if log.contains(words) { Ok(()) } else { Err(log) }
    });
}

/// Waits until every event is either applied or metered as lost.
#[track_caller]
fn wait_accounted(gateway: &Gateway, events: u64) {
    wait_for("every event accounted for", DEADLINE, || {
        match (gateway.total("processed"), gateway.total("lost")) {
            (processed, lost) if processed + lost == events => Ok(()),
            other => Err(format!("{other:?} of {events}; {}", gateway.status())),
        }
    });
}

/// Whether the group has come to the stream's end: a reader moves it to what is durable.
fn group_is_at_the_end(redis: &RedisServer) -> bool {
    let last: Vec<(String, redis::Value)> =
        redis.run(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]);
    let groups: redis::Value = redis.run(&["XINFO", "GROUPS", STREAM]);
    format!("{groups:?}").contains(&last[0].0)
}

/// SIGKILL, and a start from the last SAVE, if there was one.
fn restart_from_dump(redis: &mut RedisServer) {
    redis.kill();
    redis.start_again();
}

/// The same while the gateway runs, or between its orderly stop and its next start.
fn restart_from_dump_beside(redis: &mut RedisServer, gateway: &mut Gateway, gateway_runs: bool) {
    if gateway_runs {
        restart_from_dump(redis);
    } else {
        gateway.terminate();
        restart_from_dump(redis);
        gateway.launch();
        gateway.wait_ready();
    }
}

/// No checkpoint but those that cannot wait, and the one of a stop.
fn without_checkpoints(gateway: Gateway) -> Gateway {
    gateway.set("Snapshot__Interval", "1h")
}

/// Sends some events that an orderly stop makes durable, some more that a gateway
/// [`without_checkpoints`] only applied when Redis' history is struck, and some behind it; then
/// kills the gateway. Nothing may be lost.
#[track_caller]
fn assert_strike_costs_nothing(
    context: &str,
    redis: &mut RedisServer,
    mut gateway: Gateway,
    add: fn(&RedisServer, u32),
    [durable, applied, behind]: [u32; 3],
    strike: Strike,
) {
    add(redis, durable);
    gateway.wait_value("sent_total", &[], f64::from(durable));
    gateway.terminate();
    gateway.launch();
    gateway.wait_ready();
    add(redis, applied);
    gateway.wait_value("sent_total", &[], f64::from(durable + applied));
    strike(redis);
    add(redis, behind);
    let all = f64::from(durable + applied + behind);
    gateway.wait_value("sent_total", &[], all);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], all);
    assert_eq!(gateway.total("lost"), 0, "{context}: {}", gateway.status());
}
