//! A gateway without state or events.

use std::time::Duration;

use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::progress::Progress;
use crate::redis_server::{Redis, directory};
use crate::report::{Figure, Target};
use crate::settings::Settings;
use crate::spread::Spread;
use crate::usage;

pub(super) fn measure(settings: &Settings, progress: &Progress) -> Vec<Figure> {
    progress.step("starting without state");
    let redis = Redis::start();
    let starts = (0..settings.rounds * 2).map(|_| {
        let data = directory();
        let started = Instant::now();
        let gateway = Gateway::start(redis.port, data.path(), &[]);
        gateway.wait_ready();
        let took = started.elapsed();
        gateway.stop();
        took.as_secs_f64() * 1e3
    });
    let starts = Spread::of(starts);

    progress.step("being idle");
    let data = directory();
    let gateway = Gateway::start(redis.port, data.path(), &[]);
    gateway.wait_ready();
    let window = Duration::from_secs(if settings.quick { 1 } else { 4 });
    std::thread::sleep(window / 4);
    let shares = (0..settings.rounds).map(|_| {
        let before = gateway.cpu_seconds();
        std::thread::sleep(window);
        (gateway.cpu_seconds() - before) / window.as_secs_f64() * 100.0
    });
    let shares = Spread::of(shares);
    let executable = std::fs::metadata(Gateway::executable()).expect("the executable").len();
    let one = |figure: f64| Spread::of([figure]);
    let resident = one(usage::resident_bytes(gateway.pid()) / 1e6);
    vec![
        Figure::new("start to ready, no state", starts, "ms", Target::AtMost(50.0)),
        Figure::new("CPU, idle", shares, "% of a core", Target::AtMost(0.5)),
        Figure::new("resident memory, idle", resident, "MB", Target::None),
        Figure::new("executable", one(executable as f64 / 1e6), "MB", Target::None),
    ]
}
