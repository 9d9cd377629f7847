//! Events a second from Redis to the served state, beside what the bare client reads.

use std::time::Duration;

use tokio::time::Instant;

use crate::baseline;
use crate::process::{Gateway, QUEUE, Redis, STREAM};

pub(crate) fn run(rounds: usize, events: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let list = compare(
        "list   / RPOP 25",
        rounds,
        events,
        fill_list,
        &[("Stream__Mode", "off")],
        |redis| {
            runtime.block_on(baseline::pop(redis));
        },
    );
    let stream_only = ("Redis__MetricQueueEnabled", "false");
    let group = compare(
        "group  / XREADGROUP 1000 + XACK",
        rounds,
        events,
        fill_stream,
        &[stream_only, ("Stream__Mode", "group")],
        |redis| runtime.block_on(baseline::read_group(redis)),
    );
    let reader = compare(
        "reader / XREADGROUP 1000 + XACK",
        rounds,
        events,
        fill_stream,
        &[stream_only, ("Stream__Mode", "reader")],
        |redis| runtime.block_on(baseline::read_group(redis)),
    );
    println!("\nratios: list {list:.2}, group {group:.2}, reader {reader:.2}\n");
}

/// The median ratio of the gateway's speed to the baseline's.
fn compare(
    name: &str,
    rounds: usize,
    events: usize,
    fill: fn(&Redis, usize),
    settings: &[(&str, &str)],
    mut baseline: impl FnMut(&Redis),
) -> f64 {
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|_| {
            let redis = Redis::start();
            fill(&redis, events);
            let baseline = time(|| baseline(&redis));
            drop(redis);
            let redis = Redis::start();
            fill(&redis, events);
            let gateway = time_gateway(&redis, settings);
            let rate = |took: Duration| events as f64 / took.as_secs_f64() / 1e6;
            println!("{name}: {:.2} M/s to {:.2} M/s", rate(gateway), rate(baseline),);
            baseline.as_secs_f64() / gateway.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// From the start of the process to a complete `/metrics`, checkpoints and acknowledgements included.
fn time_gateway(redis: &Redis, settings: &[(&str, &str)]) -> Duration {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut settings = settings.to_vec();
    settings.push(("Snapshot__Interval", "500ms"));
    let started = Instant::now();
    let gateway = Gateway::start(redis, data.path(), &settings);
    gateway.wait_ready();
    started.elapsed()
}

fn event(number: usize) -> String {
    let series = number % 1000;
    format!(
        r#"{{"type":"counter","name":"http_requests_total","value":1,"labels":{{"method":"GET","status":"200","path":"/{series}"}}}}"#
    )
}

fn fill(redis: &Redis, events: usize, command: impl Fn(&mut redis::Pipeline, String)) {
    let mut connection = redis.client().get_connection().expect("redis answers");
    for chunk in (0..events).collect::<Vec<_>>().chunks(10_000) {
        let mut pipe = redis::pipe();
        chunk.iter().for_each(|number| command(&mut pipe, event(*number)));
        pipe.query::<()>(&mut connection).expect("redis takes the events");
    }
}

fn fill_list(redis: &Redis, events: usize) {
    fill(redis, events, |pipe, event| {
        pipe.cmd("LPUSH").arg(QUEUE).arg(event).ignore();
    });
}

fn fill_stream(redis: &Redis, events: usize) {
    fill(redis, events, |pipe, event| {
        pipe.cmd("XADD").arg(STREAM).arg("*").arg("data").arg(event).ignore();
    });
}
