//! The README's figures, measured end to end against real servers.
//!
//! What is read from Redis is compared with a client of the same redis crate that reads
//! the same entries from the same server in the same run and throws them away; pushes are
//! compared with the gateways that people push to today, where those are installed. So the
//! figures hold on a slow or busy machine too. All take turns; medians are printed.
//! `ONLY=rates|size|push` runs a part; `EVENTS`, `SERIES`, `ROUNDS`, `SECONDS` and
//! `PUSHED_SERIES` override the sizes; `PUSHGATEWAY` and `GRAVEL` name executables that are
//! not in the path.

mod baseline;
mod process;
mod push;
mod rates;
mod size;

fn main() {
    // `cargo test --benches` only asks whether this runs at all.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let only = std::env::var("ONLY").ok().filter(|only| !only.is_empty());
    if let Some(unknown) =
        only.as_ref().filter(|only| !["rates", "size", "push"].contains(&&***only))
    {
        panic!("ONLY={unknown:?}: expected rates, size or push");
    }
    let asked_for = |part: &str| only.as_ref().is_none_or(|only| only == part);
    let rounds = setting("ROUNDS", 3);
    if asked_for("rates") {
        let events = setting("EVENTS", 1_000_000);
        println!("{events} events an entry each, 1,000 series of 3 labels; {rounds} rounds\n");
        rates::run(rounds, events);
    }
    if asked_for("size") {
        size::run(setting("SERIES", 1_000_000));
    }
    if asked_for("push") {
        push::run(rounds, setting("SECONDS", 4), setting("PUSHED_SERIES", 100_000));
    }
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
