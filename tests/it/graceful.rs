//! SIGTERM: a quick and orderly end, after which nothing has to be replayed.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::harness::s3::{S3, Weather};
use crate::harness::{Gateway, LIST, Producers, RedisServer, Scraper, producer, turn, wait_for};

const STOPS: u32 = 4;
const EVENTS_BETWEEN: u64 = 5_000;
const EVENTS_DEADLINE: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn list() {
    stop_under_load(Gateway::list_only, producer::to_list);
}

#[test]
fn stream_group() {
    stop_under_load(|gateway| gateway.stream_only("group"), producer::to_stream);
}

#[test]
fn stream_reader() {
    stop_under_load(|gateway| gateway.stream_only("reader"), producer::to_stream);
}

fn stop_under_load(mode: fn(Gateway) -> Gateway, plan: fn(&RedisServer) -> Plan) {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    // So rare that what a stop leaves behind is the final checkpoint's work.
    let mut gateway = mode(Gateway::of(&redis)).set("Snapshot__Interval", "1h").start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&plan(&redis));
    for stop in 1..=STOPS {
        producers.wait_acknowledged(u64::from(stop) * EVENTS_BETWEEN, EVENTS_DEADLINE);
        let (status, elapsed) = gateway.terminate();
        assert_eq!(status.code(), Some(0), "stop {stop}");
        assert!(elapsed < STOPPED_WITHIN, "stop {stop} took {elapsed:?}");
        gateway.launch();
        gateway.wait_ready();
        assert_eq!(gateway.total("replayed"), 0, "after stop {stop}: {}", gateway.status());
    }
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, "after stops under load");
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged);
    assert_eq!(gateway.total("lost"), 0);
    scraper.finish();
}

#[test]
fn a_stop_while_redis_is_away_is_as_quick() {
    let _turn = turn::shared();
    let mut redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    redis.kill();
    let (status, elapsed) = gateway.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(elapsed < STOPPED_WITHIN, "took {elapsed:?}");
}

/// As `timeout` and supervisors do, which signal the process and its group.
#[test]
fn two_signals_within_a_moment_are_one() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).list_only().set("Snapshot__Interval", "1h").start();
    redis.run::<()>(&["LPUSH", LIST, r#"{"name":"jobs_total","value":1}"#]);
    gateway.wait_value("jobs_total", &[], 1.0);
    for signal in [Signal::TERM, Signal::TERM, Signal::INT] {
        gateway.signal(signal);
    }
    let (status, output) = gateway.wait_exit();
    assert_eq!(status.code(), Some(0), "{output}");
    gateway.launch();
    gateway.wait_ready();
    assert_eq!(gateway.page().value("jobs_total", &[]), Some(1.0));
    assert_eq!(gateway.total("replayed"), 0, "the final checkpoint was written");
}

#[test]
fn a_later_signal_ends_it_at_once() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut gateway = s3.gateway(&redis).set("Snapshot__Interval", "1h").start();
    redis.run::<()>(&["LPUSH", LIST, r#"{"name":"jobs_total","value":1}"#]);
    gateway.wait_value("jobs_total", &[], 1.0);
    // Longer than the last checkpoint is waited for.
    s3.set(Weather::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    let status = wait_for("the end", Duration::from_secs(30), || {
        if let Some(status) = gateway.exited() {
            return Ok(status);
        }
        gateway.signal(Signal::TERM);
        Err("it goes on".into())
    });
    assert_eq!(status.code(), Some(130), "{}", gateway.log());
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was not given a moment");
    assert!(gateway.log().contains("stopping at once"), "{}", gateway.log());
}
