//! The same events from more and more streams.

use crate::curves::{Curve, Y};
use crate::end_to_end::{Mode, run};
use crate::events;
use crate::plot::Axis;
use crate::progress::Progress;
use crate::redis_server::Dump;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

const EVENTS: usize = 1_000_000;

pub(super) fn measure(settings: &Settings, progress: &Progress, section: &mut Section) {
    let events = settings.scaled(EVENTS);
    let mut lines = [Mode::Reader, Mode::Group].map(|mode| (mode, Vec::new()));
    for streams in [1, 2, 4, 16, 64] {
        progress.step(&format!("{streams} streams"));
        let keys: Vec<_> = (0..streams).map(|number| format!("bench:stream-{number}")).collect();
        let dump = Dump::of_streams(&keys, (0..events).map(events::event));
        let keys = keys.join(",");
        for (mode, points) in &mut lines {
            let rates = (0..settings.rounds_of_a_curve()).map(|_| {
                let run = run(&dump, *mode, &[("Stream__Keys", &keys)], events);
                events as f64 / run.seconds
            });
            points.push((f64::from(streams), Spread::of(rates)));
        }
    }
    Curve {
        name: "streams",
        title: "Streams".into(),
        x: ("streams", Axis::Logarithmic),
        y: Y::events_per_second(Axis::Linear),
        lines: lines.map(|(mode, points)| (mode.name(), points)).into(),
    }
    .add_to(section);
}
