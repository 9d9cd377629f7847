//! A Redis that is further away: every byte comes later, none is held back for want of bandwidth.

mod proxy;

use std::time::Duration;

use crate::end_to_end::{Mode, run_through};
use crate::events;
use crate::progress::Progress;
use crate::redis_server::{Dump, STREAM};
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::{Spread, significant};
use crate::usage;

use proxy::Proxy;

const EVENTS: usize = 3_000_000;

/// Added to a round trip.
const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(20)];

/// What rounds measured of one mode.
#[derive(Default)]
struct Measured {
    /// Events a second, of each delay.
    rates: [Vec<f64>; DELAYS.len()],
    /// CPU of the proxy, nanoseconds an event, without delay.
    proxy: Vec<f64>,
}

pub(crate) fn run(settings: &Settings) -> Section {
    let events = settings.scaled(EVENTS);
    let rounds = settings.rounds_of_a_curve();
    let progress = Progress::new("remote", rounds * 9 + 1);
    progress.step("filling Redis");
    let list = Dump::of_list((0..events).map(events::event));
    let stream = Dump::of_streams(&[STREAM.into()], (0..events).map(events::event));
    let mut measured = Mode::ALL.map(|mode| (mode, Measured::default()));
    for _ in 0..rounds {
        for (mode, measured) in &mut measured {
            let dump = if *mode == Mode::List { &list } else { &stream };
            for (delay, rates) in DELAYS.iter().zip(&mut measured.rates) {
                progress.step(&format!("{} with {delay:?} of round trip", mode.name()));
                let cpu_before = usage::cpu_seconds(std::process::id());
                let mut proxy = None;
                let run = run_through(dump, *mode, &[], events, |redis| {
                    proxy.insert(Proxy::to(redis.port, *delay / 2)).port
                });
                let cpu = usage::cpu_seconds(std::process::id()) - cpu_before;
                rates.push(events as f64 / run.seconds);
                if delay.is_zero() {
                    measured.proxy.push(cpu / events as f64 * 1e9);
                }
            }
        }
    }
    drop(progress);

    let mut section = Section::new("remote", "A remote Redis");
    section.paragraph(&format!(
        "{} events, {rounds} rounds, through a proxy in the bench's process that delays \
         each direction by half of the round trip and limits nothing else. It uses the same two \
         cores: the last column says how much of them. Shares are of the rate through the same \
         proxy without delay, in the same round.",
        significant(events as f64),
    ));
    let rows = measured.iter().map(|(mode, Measured { rates, proxy })| {
        let [none, delayed @ ..] = rates;
        let millions = |rates: &[f64]| Spread::of(rates.iter().copied()).times(1e-6).to_string();
        let mut cells = vec![mode.name().to_owned(), millions(none)];
        for rates in delayed {
            let shares = rates.iter().zip(none).map(|(rate, undelayed)| rate / undelayed);
            cells.extend([millions(rates), Spread::of(shares).to_string()]);
        }
        cells.push(Spread::of(proxy.iter().copied()).to_string());
        cells
    });
    section.table(
        &[
            "",
            "0 ms, M events/s",
            "1 ms, M events/s",
            "1 ms, share",
            "20 ms, M events/s",
            "20 ms, share",
            "proxy CPU, ns/event",
        ],
        rows,
    );
    section
}
