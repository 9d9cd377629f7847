//! What Prometheus counts of producers that are gone a moment later: all of it, where it takes
//! start times.
//!
//! Short-lived producers make new series all the time, and `increase()` does not see what a series
//! had when it was scraped first. With `created-timestamp-zero-ingestion` Prometheus puts a zero
//! at each start time. A second Prometheus, without, shows that the count would tell.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use serde_json::Value;

use crate::harness::{Gateway, LIST, RedisServer, peers, seed, turn, wait_for};
use crate::prometheus::{Prometheus, scrape_configuration};

const DEADLINE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);

const PRODUCERS: u64 = 90;
/// A new producer comes in every so many steps.
const STEPS_BETWEEN: u64 = 3;
/// One lives from a single step to more than a scrape interval.
const MOST_STEPS: u64 = 40;
const KILLS: u64 = 9;

/// A producer that still lives.
struct Run {
    name: String,
    steps_left: u64,
}

#[test]
#[ignore = "needs a peer: `make peers`"]
fn increase_sees_every_value_of_short_lived_producers() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = Gateway::of(&redis).start();
    let (told, untold) = (prometheus_of(&gateway, true), prometheus_of(&gateway, false));

    let sent = produce(&redis, &mut gateway, &mut Random::new(seed()));
    gateway.wait_ready();
    for (run, value) in &sent {
        gateway.wait_value("short_total", &[("run", run)], *value);
    }
    wait_for("what Prometheus counts, producer by producer", DEADLINE, || {
        let counted = increases(&told)?;
        if counted == sent { Ok(()) } else { Err(format!("{counted:?}\nsent {sent:?}")) }
    });
    wait_for("the other Prometheus' last scrape", DEADLINE, || {
        let served: f64 = sent.values().sum();
        let stored = value(&untold.query("sum(short_total)")?[0]);
        if stored == Some(served) { Ok(()) } else { Err(format!("{stored:?} of {served}")) }
    });
    let (seen, all): (f64, f64) =
        (increases(&untold).expect("an answer").values().sum(), sent.values().sum());
    eprintln!("{all} sent; without start times Prometheus counts {seen}");
    assert!(seen < all * 0.75, "{seen} of {all}: the first values do not matter here");
}

/// Prometheus sees a zero at a start time only if its first sample is later. Of series that begin in
/// every millisecond of some seconds, some begin in the very one that a scrape is stamped with.
#[test]
#[ignore = "needs a peer: `make peers`"]
fn a_series_may_begin_when_a_scrape_does() {
    const SERIES: usize = 6_000;
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).start();
    let prometheus = prometheus_of(&gateway, true);
    for run in 0..SERIES {
        let event = format!(r#"{{"name":"short_total","value":1,"labels":{{"run":"{run}"}}}}"#);
        redis.run::<u64>(&["LPUSH", LIST, &event]);
        sleep(Duration::from_millis(1));
    }
    wait_for("every series' first value", DEADLINE, || {
        let counted = increases(&prometheus)?;
        let missed: Vec<_> = counted.iter().filter(|(_, increase)| **increase != 1.0).collect();
        if counted.len() == SERIES && missed.is_empty() {
            return Ok(());
        }
        Err(format!("{} of {SERIES} series; not seen: {missed:?}", counted.len()))
    });
}

/// A Prometheus that has scraped the gateway, and takes start times or does not.
fn prometheus_of(gateway: &Gateway, takes_start_times: bool) -> Prometheus {
    // `anchored`: the difference of two values, not extrapolated to the range's ends.
    let mut features = "promql-extended-range-selectors".to_owned();
    if takes_start_times {
        features.push_str(",created-timestamp-zero-ingestion");
    }
    let flag = format!("--enable-feature={features}");
    let configuration = scrape_configuration(gateway.port());
    let prometheus = Prometheus::start(peers::program("prometheus"), &configuration, &[&flag]);
    wait_for("a first scrape", DEADLINE, || match prometheus.query("up == 1") {
        Ok(up) if !up.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    });
    prometheus
}

/// Producers come, send and go, while the gateway is killed; what each has sent.
fn produce(
    redis: &RedisServer,
    gateway: &mut Gateway,
    random: &mut Random,
) -> BTreeMap<String, f64> {
    let mut sent = BTreeMap::<String, f64>::new();
    let mut living: Vec<Run> = Vec::new();
    let steps = PRODUCERS * STEPS_BETWEEN + MOST_STEPS;
    for step in 0..steps {
        let nth = step / STEPS_BETWEEN;
        if step % STEPS_BETWEEN == 0 && nth < PRODUCERS {
            let steps_left = 1 + random.below(MOST_STEPS);
            living.push(Run { name: format!("{nth:02}"), steps_left });
        }
        for run in &mut living {
            let (name, amount) = (&run.name, 1 + random.below(9));
            let event =
                format!(r#"{{"name":"short_total","value":{amount},"labels":{{"run":"{name}"}}}}"#);
            redis.run::<u64>(&["LPUSH", LIST, &event]);
            *sent.entry(name.clone()).or_default() += amount as f64;
            run.steps_left -= 1;
        }
        living.retain(|run| run.steps_left > 0);
        if step % (steps / KILLS) == steps / KILLS / 2 {
            gateway.kill();
            gateway.launch();
        }
        sleep(STEP);
    }
    sent
}

fn increases(prometheus: &Prometheus) -> Result<BTreeMap<String, f64>, String> {
    let series = prometheus.query("increase(short_total[10m] anchored)")?;
    let run = |series: &Value| Some((series["metric"]["run"].as_str()?.to_owned(), value(series)?));
    series.iter().map(|series| run(series).ok_or_else(|| series.to_string())).collect()
}

fn value(series: &Value) -> Option<f64> {
    series["value"][1].as_str()?.parse().ok()
}
