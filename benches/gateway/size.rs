//! What a million series cost, and what an idle gateway costs.

use std::time::Duration;

use tokio::time::Instant;

use crate::process::{Gateway, QUEUE, Redis};

pub(crate) fn run(series: usize) {
    let redis = Redis::start();
    let data = tempfile::tempdir().expect("a temporary directory");
    let idle = Gateway::start(&redis, data.path(), &[]);
    idle.wait_ready();
    report_idle(&idle);
    idle.stop();

    fill(&redis, series);
    let settings = [("Metrics__MaxSeries", "2000000"), ("Snapshot__Interval", "1s")];
    let gateway = Gateway::start(&redis, data.path(), &settings);
    gateway.wait_ready();
    let checkpoint = |gateway: &Gateway, name: &str| -> Option<f64> {
        gateway.status()?.get("checkpoint")?.get(name)?.as_f64()
    };
    let successes = checkpoint(&gateway, "successes").unwrap_or(0.0);
    gateway.wait("two more checkpoints", |gateway| {
        touch(&redis);
        checkpoint(gateway, "successes").is_some_and(|now| now >= successes + 2.0)
    });
    println!("{series} series of 75 bytes of labels:");
    for (name, unit) in [("cut_seconds", 1e3), ("duration_seconds", 1e3)] {
        let seconds = checkpoint(&gateway, name).unwrap_or(f64::NAN);
        println!("  checkpoint {name}: {:.1} ms", seconds * unit);
    }
    println!("  snapshot: {:.1} MB", checkpoint(&gateway, "size_bytes").unwrap_or(f64::NAN) / 1e6);
    for _ in 0..3 {
        let started = Instant::now();
        let page = gateway.get("/metrics").expect("the page");
        println!("  scrape: {:.0} ms, {:.1} MB", ms(started.elapsed()), page.len() as f64 / 1e6);
    }
    println!("  resident: {:.0} MB", resident_bytes(&gateway) / 1e6);
    gateway.stop();
    let started = Instant::now();
    let gateway = Gateway::start(&redis, data.path(), &settings);
    gateway.wait_ready();
    println!("  start to ready, restored: {:.0} ms", ms(started.elapsed()));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn report_idle(gateway: &Gateway) {
    let window = Duration::from_secs(10);
    let before = cpu_seconds(gateway);
    std::thread::sleep(window);
    let share = (cpu_seconds(gateway) - before) / window.as_secs_f64();
    println!(
        "idle: {:.2} % of a core, {:.1} MB resident",
        share * 100.0,
        resident_bytes(gateway) / 1e6
    );
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_prom-stream-gateway"));
    println!("binary: {:.1} MB", binary.expect("the binary").len() as f64 / 1e6);
}

fn fill(redis: &Redis, series: usize) {
    let mut connection = redis.client().get_connection().expect("redis answers");
    for chunk in (0..series).collect::<Vec<_>>().chunks(10_000) {
        let mut pipe = redis::pipe();
        for number in chunk {
            // path="…",service="…",zone="…" come to 75 bytes.
            let event = format!(
                r#"{{"name":"requests_total","value":1,"labels":{{"path":"/api/v1/items/{number:08}","service":"checkout","zone":"eu-west-1"}}}}"#
            );
            pipe.cmd("LPUSH").arg(QUEUE).arg(event).ignore();
        }
        pipe.query::<()>(&mut connection).expect("redis takes the events");
    }
}

/// One event, so that another checkpoint is due.
fn touch(redis: &Redis) {
    let mut connection = redis.client().get_connection().expect("redis answers");
    redis::cmd("LPUSH")
        .arg(QUEUE)
        .arg(r#"{"name":"touched_total","value":1}"#)
        .exec(&mut connection)
        .expect("LPUSH");
}

/// Seconds of CPU that the process has used, from `/proc/<pid>/stat` (in ticks of 10 ms).
fn cpu_seconds(gateway: &Gateway) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.pid())).expect("/proc");
    let after_name = stat.rsplit(") ").next().expect("the fields after the name");
    let ticks = |index| after_name.split(' ').nth(index).and_then(|text| text.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

fn resident_bytes(gateway: &Gateway) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("kilobytes") * 1024.0
}
