//! One push, or one batch, of nothing but new series: what a series costs must not grow with how
//! many there are.

use crate::curves::{Curve, Y};
use crate::events;
use crate::gateway::Gateway;
use crate::in_process::InProcess;
use crate::plot::Axis;
use crate::progress::Progress;
use crate::push::load;
use crate::redis_server::{Redis, directory};
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

/// A body of a million series has 84 MB.
const SETTINGS: &[(&str, &str)] = &[
    ("Metrics__MaxSeries", "20000000"),
    ("Push__MaxBodyBytes", "500000000"),
    ("Push__MaxBufferedBytes", "1000000000"),
    ("Push__RequestTimeout", "120s"),
];

pub(super) fn measure(settings: &Settings, progress: &Progress, section: &mut Section) {
    let (mut pushed, mut batched) = (Vec::new(), Vec::new());
    let redis = Redis::start();
    for series in [10_000, 100_000, 1_000_000] {
        let series = settings.scaled(series);
        progress.step(&format!("{series} new series at once"));
        let request = load::request("/metrics/job/batch", &events::exposition(series));
        let rounds = (0..settings.rounds_of_a_curve()).map(|_| {
            let nanoseconds = |seconds: f64| seconds / series as f64 * 1e9;
            (nanoseconds(push(&redis, &request, series)), nanoseconds(batch(series)))
        });
        let (pushes, batches): (Vec<_>, Vec<_>) = rounds.unzip();
        pushed.push((series as f64, Spread::of(pushes)));
        batched.push((series as f64, Spread::of(batches)));
    }
    Curve {
        name: "growth",
        title: "New series in one push, and in one batch".into(),
        x: ("new series", Axis::Logarithmic),
        y: Y::nanoseconds("ns/series"),
        lines: vec![("push, journal on disk", pushed), ("batch, in process", batched)],
    }
    .add_to(section);
}

/// Over HTTP, to a gateway that has no series; until it has answered.
fn push(redis: &Redis, request: &[u8], series: usize) -> f64 {
    let data = directory();
    let gateway = Gateway::start(redis.port, data.path(), SETTINGS);
    gateway.wait_ready();
    let took = load::once(gateway.port, request).as_secs_f64();
    let has = gateway.status()["series"].as_u64().expect("a count");
    assert!(has >= series as u64, "{has} series of {series}");
    took
}

fn batch(series: usize) -> f64 {
    let mut process = InProcess::new();
    process.take((0..series).map(events::wide), series);
    assert_eq!(process.store.size().series, series as u64);
    process.lap()
}
