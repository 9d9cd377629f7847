//! Pushes over HTTP: small ones at many connections, and one that is large.
//!
//! Our gateway keeps each push (in memory, or on disk before it answers) and the peers do
//! what they do by default: neither keeps a push before it answers. Each round starts every
//! server anew; a gateway that adds up must in the end serve exactly what it acknowledged.

use std::time::Duration;

mod contender;
mod load;

use contender::{Contender, Server};
use load::Load;

const CONNECTIONS: usize = 64;

/// The time of one large push is a square of its series there: 100,000 take minutes.
const MOST_FOR_GRAVEL: usize = 20_000;

/// What a short-lived function has to say: three families.
const BODY: &str = "\
# HELP function_invocations_total Invocations.
# TYPE function_invocations_total counter
function_invocations_total{function=\"thumbnail\",outcome=\"ok\"} 1
# HELP function_last_success_timestamp_seconds When it last succeeded.
# TYPE function_last_success_timestamp_seconds gauge
function_last_success_timestamp_seconds{function=\"thumbnail\"} 1700000000
# HELP function_duration_seconds How long it took.
# TYPE function_duration_seconds histogram
function_duration_seconds_bucket{function=\"thumbnail\",le=\"+Inf\"} 1
function_duration_seconds_sum{function=\"thumbnail\"} 0.25
function_duration_seconds_count{function=\"thumbnail\"} 1
";

pub(crate) fn run(rounds: usize, seconds: usize, series: usize) {
    let contenders = contender::all();
    small(&contenders, rounds, Duration::from_secs(seconds as u64));
    large(&contenders, rounds, series);
}

fn small(contenders: &[Contender], rounds: usize, duration: Duration) {
    println!(
        "\n3 families, 5 samples a push, {CONNECTIONS} connections, {rounds} rounds of {duration:?}:"
    );
    let request = load::request("/metrics/job/thumbnail", BODY);
    let mut measured: Vec<Vec<Load>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            let server = contender.start();
            let load = load::run(server.port, &request, CONNECTIONS, duration);
            if contender.adds_up {
                assert_adds_up(&server, load.answers, contender.name);
            }
            measured.push(load);
        }
    }
    for (contender, measured) in contenders.iter().zip(&measured) {
        let of = |figure: fn(&Load) -> f64| median(measured.iter().map(figure).collect());
        println!(
            "  {:34} {:>7.0} pushes/s, p50 {:6.2} ms, p99 {:6.2} ms",
            contender.name,
            of(|load| load.per_second),
            of(|load| load.p50.as_secs_f64() * 1e3),
            of(|load| load.p99.as_secs_f64() * 1e3),
        );
    }
    for (peer, ours) in contender::comparisons(contenders) {
        let ratios = measured[ours].iter().zip(&measured[peer]);
        let ratio = median(ratios.map(|(ours, peer)| ours.per_second / peer.per_second).collect());
        println!("  ratio: {} to {}: {ratio:.1}", contenders[ours].name, contenders[peer].name);
    }
}

/// One push of many series to a server that has none, and the same push again.
fn large(contenders: &[Contender], rounds: usize, series: usize) {
    println!("\none push of {series} series with 75 bytes of labels each, {rounds} rounds:");
    for contender in contenders {
        let series = if contender.is_quadratic { series.min(MOST_FOR_GRAVEL) } else { series };
        let request = load::request("/metrics/job/batch", &body(series));
        let (first, again): (Vec<_>, Vec<_>) = (0..rounds)
            .map(|_| {
                let server = contender.start();
                let push = || load::once(server.port, &request).as_secs_f64() * 1e3;
                (push(), push())
            })
            .unzip();
        println!(
            "  {:34} {series:>7} series: {:>6.0} ms, again {:>6.0} ms",
            contender.name,
            median(first),
            median(again)
        );
    }
}

/// As the README's other figures: `path="…",service="…",zone="…"` come to 75 bytes.
fn body(series: usize) -> String {
    let line = |number| {
        format!(
            "requests_total{{path=\"/api/v1/items/{number:08}\",service=\"checkout\",zone=\"eu-west-1\"}} 1\n"
        )
    };
    let lines: String = (0..series).map(line).collect();
    format!("# TYPE requests_total counter\n{lines}")
}

/// Nothing that was acknowledged is missing, and nothing is there twice.
fn assert_adds_up(server: &Server, acknowledged: u64, name: &str) {
    let page = server.get("/metrics");
    let served = page
        .lines()
        .find(|line| line.starts_with("function_invocations_total{"))
        .and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    assert_eq!(served, Some(acknowledged as f64), "{name} served another sum than it acknowledged");
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
