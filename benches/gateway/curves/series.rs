//! What an event costs, the more series there are: one that makes a series, and one that finds it
//! again, in no order. A table that outgrows the caches costs more by steps; anything steeper is a
//! fault.

use crate::curves::{Curve, Y};
use crate::events;
use crate::in_process::{InProcess, PAGE};
use crate::plot::Axis;
use crate::progress::Progress;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

/// Events that find their series, at each point at least; and of few series so many times more are
/// made anew.
const EVENTS: usize = 1_000_000;

pub(super) fn measure(settings: &Settings, progress: &Progress, section: &mut Section) {
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for series in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        progress.step(&format!("{series} series"));
        let series: usize = if settings.quick { series / 100 } else { series };
        let order = events::shuffled(series);
        let known_events = settings.scaled(EVENTS);
        let rounds = (0..settings.rounds_of_a_curve()).map(|_| {
            let states = (settings.scaled(EVENTS) / 10).div_ceil(series);
            let mut last = None;
            let created: f64 = (0..states)
                .map(|_| {
                    let mut process = InProcess::new();
                    process.take((0..series).map(events::wide), PAGE);
                    let seconds = process.lap();
                    last = Some(process);
                    seconds
                })
                .sum();
            let mut process = last.expect("at least one state");
            let numbers = order.iter().cycle().take(known_events);
            process.take(numbers.map(|number| events::wide(*number)), PAGE);
            let nanoseconds = |seconds: f64, events: usize| seconds / events as f64 * 1e9;
            (nanoseconds(created, states * series), nanoseconds(process.lap(), known_events))
        });
        let (created, found): (Vec<_>, Vec<_>) = rounds.unzip();
        new.push((series as f64, Spread::of(created)));
        known.push((series as f64, Spread::of(found)));
    }
    Curve {
        name: "series",
        title: "Series, in process".into(),
        x: ("series", Axis::Logarithmic),
        y: Y::nanoseconds("ns/event"),
        lines: vec![("of a new series", new), ("of a known series", known)],
    }
    .add_to(section);
}
