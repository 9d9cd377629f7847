//! The same events from more and more lists, all at one Redis: what a list costs beside its events.

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
    let points = [1, 4, 16, 64].map(|lists| {
        progress.step(&format!("{lists} lists"));
        let keys: Vec<_> = (0..lists).map(|number| format!("bench:list-{number}")).collect();
        let dump = Dump::of_lists(&keys, (0..events).map(events::event));
        let keys = keys.join(",");
        let rates = (0..settings.rounds_of_a_curve()).map(|_| {
            let run = run(&dump, Mode::List, &[("Redis__MetricQueueKeys", &keys)], events);
            events as f64 / run.seconds
        });
        (f64::from(lists), Spread::of(rates))
    });
    Curve {
        name: "lists",
        title: "Lists".into(),
        x: ("lists", Axis::Logarithmic),
        y: Y::events_per_second(Axis::Linear),
        lines: vec![(Mode::List.name(), points.into())],
    }
    .add_to(section);
}
