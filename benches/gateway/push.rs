//! Pushes over HTTP: small ones at many connections, and one that is large.
//!
//! Our gateway keeps each push (in memory, or on disk before it answers) and the peers do
//! what they do by default: neither keeps a push before it answers. Each round starts every
//! server anew; a gateway that adds up must in the end serve exactly what it acknowledged.

mod contender;
pub(crate) mod load;

use crate::events;
use crate::progress::Progress;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

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

pub(crate) fn run(settings: &Settings) -> Section {
    let contenders = contender::all();
    let rounds = settings.rounds;
    let progress = Progress::new("push", contenders.len() * rounds * 2);
    let mut section = Section::new("push", "Pushes over HTTP");
    section.paragraph(&format!(
        "{rounds} rounds; every server is started anew in each. Peers take part where they are \
         installed, and do what they do by default: none of them keeps a push before it answers.",
    ));
    small(&contenders, settings, &progress, &mut section);
    large(&contenders, settings, &progress, &mut section);
    section
}

fn small(
    contenders: &[Contender],
    settings: &Settings,
    progress: &Progress,
    section: &mut Section,
) {
    let duration = settings.push_duration;
    let request = load::request("/metrics/job/thumbnail", BODY);
    let mut measured: Vec<Vec<Load>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..settings.rounds {
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            progress.step(contender.name);
            let server = contender.start();
            let load = load::run(server.port, &request, CONNECTIONS, duration);
            if contender.adds_up {
                assert_adds_up(&server, load.answers, contender.name);
            }
            measured.push(load);
        }
    }
    section.heading(&format!(
        "3 families of 5 samples a push, {CONNECTIONS} connections, {} s",
        duration.as_secs()
    ));
    let rows = contenders.iter().zip(&measured).map(|(contender, measured)| {
        let of = |figure: fn(&Load) -> f64| Spread::of(measured.iter().map(figure)).to_string();
        vec![
            contender.name.into(),
            of(|load| load.per_second),
            of(|load| load.p50.as_secs_f64() * 1e3),
            of(|load| load.p99.as_secs_f64() * 1e3),
        ]
    });
    section.table(&["", "pushes/s", "p50, ms", "p99, ms"], rows);
    let comparisons = contender::comparisons(contenders);
    let rows = comparisons.iter().map(|(peer, ours)| {
        let ratios = measured[*ours].iter().zip(&measured[*peer]);
        let ratio = Spread::of(ratios.map(|(ours, peer)| ours.per_second / peer.per_second));
        let names = format!("{} / {}", contenders[*ours].name, contenders[*peer].name);
        vec![names, ratio.to_string()]
    });
    if !comparisons.is_empty() {
        section.table(&["ours / peer", "ratio of pushes/s"], rows);
    }
}

/// One push of many series to a server that has none, and the same push again.
fn large(
    contenders: &[Contender],
    settings: &Settings,
    progress: &Progress,
    section: &mut Section,
) {
    section.heading("One push of many series with 75 bytes of labels each");
    let rows = contenders.iter().map(|contender| {
        let series = settings.pushed_series;
        let series = if contender.is_quadratic { series.min(MOST_FOR_GRAVEL) } else { series };
        let request = load::request("/metrics/job/batch", &events::exposition(series));
        let (first, again): (Vec<_>, Vec<_>) = (0..settings.rounds)
            .map(|_| {
                progress.step(&format!("{}, {series} series", contender.name));
                let server = contender.start();
                let push = || load::once(server.port, &request).as_secs_f64() * 1e3;
                (push(), push())
            })
            .unzip();
        let cells = [first, again].map(|times| Spread::of(times).to_string());
        [vec![contender.name.into(), series.to_string()], cells.to_vec()].concat()
    });
    let rows: Vec<_> = rows.collect();
    section.table(&["", "series", "new, ms", "the same again, ms"], rows);
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
