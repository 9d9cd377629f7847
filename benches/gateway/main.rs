//! The README's figures and the curves behind them, measured end to end against real servers,
//! and written to `benches/RESULTS.md`.
//!
//! What is read from Redis is compared with a client of the same redis crate that reads the same
//! entries from the same dump in the same round and throws them away, and with what one core
//! decodes and applies in this process; pushes are compared with the gateways that people push to
//! today, where those are installed. All take turns, so the ratios hold on a slow or busy machine
//! too. Nothing here asserts a time.
//!
//! `ONLY=rates|size|push|door|curves|remote|instructions` runs a part. `QUICK=1` runs everything in a
//! small way, to see that it works, and writes below `target`. `ROUNDS`, `EVENTS`, `SERIES`,
//! `SECONDS` and `PUSHED_SERIES` override sizes; `PUSHGATEWAY` and `GRAVEL` name executables that
//! are not in the path. `ONLY=profile` runs the ingest path under perf: see `make profile`.

mod baseline;
mod curves;
mod door;
mod end_to_end;
mod events;
mod gateway;
mod http_client;
mod in_process;
mod instructions;
mod plot;
mod profile;
mod progress;
mod provenance;
mod push;
mod rates;
mod redis_server;
mod remote;
mod report;
mod settings;
mod size;
mod spread;
mod usage;

use report::Section;
use settings::Settings;

type Part = (&'static str, fn(&Settings) -> Option<Section>);

/// In the order in which they stand in the report.
const PARTS: [Part; 7] = [
    ("rates", |settings| Some(rates::run_all(settings))),
    ("size", |settings| Some(size::run(settings))),
    ("push", |settings| Some(push::run(settings))),
    ("door", |settings| Some(door::run(settings))),
    ("curves", |settings| Some(curves::run(settings))),
    ("remote", |settings| Some(remote::run(settings))),
    ("instructions", instructions::run),
];

fn main() {
    // As the gateway does: what runs in process is compared with it.
    prom_stream_gateway::allocator::set_up();
    let arguments: Vec<_> = std::env::args().collect();
    // `cargo test --benches` only asks whether this runs at all.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    if let Some(work) = instructions::asked_for(&arguments) {
        return work.run();
    }
    let order = PARTS.map(|(name, _)| name);
    let only = std::env::var("ONLY").ok().filter(|only| !only.is_empty());
    match only.as_deref() {
        Some("profile") => return profile::run(&Settings::from_environment()),
        Some(unknown) if !order.contains(&unknown) => {
            panic!("ONLY={unknown:?}: expected one of {}, profile", order.join(", "));
        }
        _ => {}
    }
    let settings = Settings::from_environment();
    for (name, run) in PARTS {
        if only.as_ref().is_none_or(|only| only == name)
            && let Some(section) = run(&settings)
        {
            section.write(&settings, &order);
        }
    }
}
