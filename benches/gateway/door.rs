//! The port that speaks Redis' protocol, beside a Redis that promises as much: one that syncs before
//! it answers; alone, and with the gateway reading it until the events are on the page.
//!
//! The load is `redis-benchmark`, on the same cores as what it measures.

use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::time::Instant;

use crate::events;
use crate::gateway::Gateway;
use crate::progress::Progress;
use crate::redis_server::{QUEUE, Redis, directory, free_port};
use crate::report::{Section, Target};
use crate::settings::Settings;
use crate::spread::{Spread, significant};

/// How producers come: so many at a time, so many commands a round trip.
struct Load {
    name: &'static str,
    clients: usize,
    pipeline: usize,
    /// A connection for each command.
    reconnects: bool,
    pushes: usize,
    /// What the port's rate is to be of the Redis'.
    least: f64,
}

const LOADS: [Load; 5] = [
    Load {
        name: "50 clients, one at a time",
        clients: 50,
        pipeline: 1,
        reconnects: false,
        pushes: 200_000,
        least: 1.0,
    },
    Load {
        name: "50 clients, 16 a pipeline",
        clients: 50,
        pipeline: 16,
        reconnects: false,
        pushes: 1_000_000,
        least: 1.2,
    },
    Load {
        name: "50 clients, 100 a pipeline",
        clients: 50,
        pipeline: 100,
        reconnects: false,
        pushes: 2_000_000,
        least: 1.2,
    },
    Load {
        name: "one client, one at a time",
        clients: 1,
        pipeline: 1,
        reconnects: false,
        pushes: 20_000,
        least: 0.9,
    },
    Load {
        name: "50 clients, a connection for each",
        clients: 50,
        pipeline: 1,
        reconnects: true,
        pushes: 20_000,
        least: 0.9,
    },
];

/// Of one run.
struct Measured {
    /// Pushes a second, until they are where they are to be.
    per_second: f64,
    p99_milliseconds: f64,
}

pub(crate) fn run(settings: &Settings) -> Section {
    let progress = Progress::new("door", LOADS.len() * settings.rounds * 3);
    let mut section = Section::new("door", "The Redis-protocol port");
    section.paragraph(&format!(
        "`LPUSH` of events of {} bytes by `redis-benchmark`, on the same cores; {} rounds. The port's \
         time is until all are applied. *Redis*: `appendonly yes`, `appendfsync always`, until all \
         are answered; *read*: with the gateway reading it, until all are applied.",
        events::event(0).len(),
        settings.rounds,
    ));
    let mut rows = Vec::new();
    for load in &LOADS {
        let [mut port, mut redis, mut read] = [const { Vec::new() }; 3];
        for _ in 0..settings.rounds {
            progress.step(&format!("{}: the port", load.name));
            port.push(at_the_port(load, settings));
            progress.step(&format!("{}: Redis", load.name));
            redis.push(at_redis(load, settings, false));
            progress.step(&format!("{}: Redis, read", load.name));
            read.push(at_redis(load, settings, true));
        }
        let rates = |runs: &[Measured]| Spread::of(runs.iter().map(|run| run.per_second / 1e3));
        let p99 = |runs: &[Measured]| Spread::of(runs.iter().map(|run| run.p99_milliseconds));
        let ratio = |to: &[Measured]| {
            let rounds = port.iter().zip(to);
            Spread::of(rounds.map(|(port, to)| port.per_second / to.per_second))
        };
        let [target, met] = Target::AtLeast(load.least).cells(ratio(&redis));
        rows.push(vec![
            load.name.into(),
            rates(&port).to_string(),
            rates(&redis).to_string(),
            ratio(&redis).to_string(),
            target,
            met,
            rates(&read).to_string(),
            ratio(&read).to_string(),
            p99(&port).to_string(),
            p99(&redis).to_string(),
        ]);
    }
    section.table(
        &[
            "",
            "port, k/s",
            "Redis, k/s",
            "ratio",
            "target",
            "met",
            "Redis read by the gateway, k/s",
            "ratio",
            "p99 of the port, ms",
            "of Redis, ms",
        ],
        rows,
    );
    drop(progress);
    section.paragraph(&format!(
        "An idle connection takes {} bytes of the gateway's memory.",
        significant(connection_bytes(settings))
    ));
    section
}

fn pushes(load: &Load, settings: &Settings) -> usize {
    settings.scaled(load.pushes)
}

/// Sends the load; the 99th percentile of how long an answer took, in milliseconds.
fn send(port: u16, load: &Load, pushes: usize) -> f64 {
    let output = Command::new("redis-benchmark")
        .args(["-p", &port.to_string(), "-n", &pushes.to_string(), "--csv"])
        .args(["-c", &load.clients.to_string(), "-P", &load.pipeline.to_string()])
        .args(["-k", if load.reconnects { "0" } else { "1" }])
        .args(["LPUSH", QUEUE, &events::event(0)])
        .stderr(Stdio::null())
        .output()
        .expect("redis-benchmark; it comes with redis-server");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let fields = last.rsplit(',').map(|field| field.trim_matches('"').parse().ok());
    let figures: Vec<f64> = fields.map_while(|figure| figure).collect();
    // Backwards: the most, the 99th percentile, and so on.
    *figures.get(1).unwrap_or_else(|| panic!("redis-benchmark said: {text}"))
}

fn port_of_its_own() -> (Gateway, u16, TempDir) {
    let (port, data) = (free_port(), directory());
    let settings = [("Redis__Listen", &*format!("127.0.0.1:{port}"))];
    let gateway = Gateway::start_without_redis(data.path(), &settings);
    gateway.wait_ready();
    (gateway, port, data)
}

fn at_the_port(load: &Load, settings: &Settings) -> Measured {
    let (gateway, port, _data) = port_of_its_own();
    let pushes = pushes(load, settings);
    let started = Instant::now();
    let p99_milliseconds = send(port, load, pushes);
    gateway.wait_processed(pushes as u64);
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(gateway.processed(), pushes as u64, "each once");
    Measured { per_second: pushes as f64 / seconds, p99_milliseconds }
}

fn at_redis(load: &Load, settings: &Settings, is_read: bool) -> Measured {
    let (redis, data) = (Redis::start_that_syncs(), directory());
    let gateway = is_read.then(|| {
        let gateway = Gateway::start(redis.port, data.path(), &[("Stream__Mode", "off")]);
        gateway.wait_ready();
        gateway
    });
    let pushes = pushes(load, settings);
    let started = Instant::now();
    let p99_milliseconds = send(redis.port, load, pushes);
    if let Some(gateway) = gateway {
        gateway.wait_processed(pushes as u64);
    }
    Measured { per_second: pushes as f64 / started.elapsed().as_secs_f64(), p99_milliseconds }
}

/// Of each of many that have said something once.
fn connection_bytes(settings: &Settings) -> f64 {
    let (gateway, port, _data) = port_of_its_own();
    let before = crate::usage::resident_bytes(gateway.pid());
    let client = redis::Client::open(("127.0.0.1", port)).expect("a valid address");
    let count = settings.scaled(5_000);
    let connections: Vec<_> =
        (0..count).map(|_| client.get_connection().expect("the port answers")).collect();
    let after = crate::usage::resident_bytes(gateway.pid());
    drop(connections);
    (after - before) / count as f64
}
