//! A deterministic simulation: the gateway's own restore, sources, store and
//! checkpoints in one process, on paused time, against a model of Redis and a
//! bucket whose answers lie, through thousands of seeded schedules of faults and
//! crashes. After each, what is served must equal what Redis acknowledged to the
//! producers, event by event, and no scrape may ever have gone backwards.
//!
//! `SEED=n` runs exactly that schedule and prints its record; `SCHEDULES=n` sets
//! how many are run, from seed 1 on.

use std::time::Duration;

use tokio::time::Instant;

mod bucket;
mod crash;
mod gate;
mod ledger;
mod life;
mod plan;
mod real_redis;
#[path = "../it/harness/redis_executable.rs"]
mod redis_executable;
mod redis_model;
mod resp;
mod schedule;
mod server;
mod sources;
mod world;
mod zombies;

/// Without a number given, as many as begin within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines of the record that a failure prints.
const SHOWN_LINES: usize = 150;

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a whole number")))
}

fn describe(report: &schedule::Report, reason: &str) -> String {
    let from = report.trace.len().saturating_sub(SHOWN_LINES);
    let lines = report.trace[from..].join("\n");
    format!("{lines}\n\n{}\n{reason}\n(SEED={} repeats it)", report.plan, report.plan.seed)
}

#[test]
fn every_schedule_ends_with_the_ledger() {
    if let Some(seed) = number_from_environment("SEED") {
        let report = schedule::run(seed);
        println!("{}\n{}", report.trace.join("\n"), report.plan);
        assert_eq!(report.failure, None);
        return;
    }
    let wanted = number_from_environment("SCHEDULES");
    let started = Instant::now();
    let (mut schedules, mut events, mut operations) = (0, 0, 0);
    for seed in 1.. {
        let enough = match wanted {
            Some(wanted) => schedules >= wanted,
            None => started.elapsed() >= PATIENCE,
        };
        if enough {
            break;
        }
        let report = schedule::run(seed);
        if let Some(reason) = &report.failure {
            panic!("{}", describe(&report, reason));
        }
        schedules += 1;
        events += report.events;
        operations += report.trace.len();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{schedules} schedules, {events} events, {operations} operations in {seconds:.1} s: {:.0} \
         schedules a minute",
        schedules as f64 / seconds * 60.0
    );
}

#[test]
fn the_same_seed_takes_the_same_path() {
    for seed in 1..=40 {
        let (first, second) = (schedule::run(seed), schedule::run(seed));
        let differs = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
        if let Some(at) = differs {
            let lines = &first.trace[at.saturating_sub(10)..=at];
            panic!(
                "seed {seed}: after\n{}\nthe second run has\n{}",
                lines.join("\n"),
                second.trace[at]
            );
        }
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}
