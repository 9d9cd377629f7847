//! The README's figures, measured end to end against a real redis-server.
//!
//! Every speed is a ratio against a client of the same redis crate that reads
//! the same entries from the same server in the same run and throws them away,
//! so the figures hold on a slow or busy machine too. The two take turns; the
//! median of the ratios is printed. `EVENTS` and `ROUNDS` override the sizes.

mod baseline;
mod process;
mod rates;
mod size;

fn main() {
    // `cargo test --benches` only asks whether this runs at all.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let rounds = setting("ROUNDS", 3);
    let events = setting("EVENTS", 1_000_000);
    println!("{events} events an entry each, 1,000 series of 3 labels; {rounds} rounds\n");
    rates::run(rounds, events);
    size::run(setting("SERIES", 1_000_000));
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
