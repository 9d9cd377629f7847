//! What checkpoints take from ingestion, the more often they are made, of a state that is large.

use crate::curves::{Curve, Y};
use crate::end_to_end::{Mode, run};
use crate::events;
use crate::plot::Axis;
use crate::progress::Progress;
use crate::redis_server::Dump;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::{Spread, significant};

/// Events of each series.
const EACH: usize = 4;

pub(super) fn measure(settings: &Settings, progress: &Progress, section: &mut Section) {
    progress.step("filling Redis");
    let order = events::shuffled(settings.series);
    let events = settings.series * EACH;
    let numbers = order.iter().cycle().take(events);
    let dump = Dump::of_list(numbers.map(|number| events::wide(*number)));
    let points = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0].map(|interval: f64| {
        progress.step(&format!("a checkpoint every {interval} s"));
        let every = format!("{}ms", interval * 1e3);
        let settings_of_it =
            [("Snapshot__Interval", every.as_str()), ("Metrics__MaxSeries", "20000000")];
        let rates = (0..settings.rounds_of_a_curve())
            .map(|_| events as f64 / run(&dump, Mode::List, &settings_of_it, events).seconds);
        (interval, Spread::of(rates))
    });
    Curve {
        name: "intervals",
        title: format!(
            "Checkpoint interval: {EACH} events to each of {} series",
            significant(settings.series as f64)
        ),
        x: ("seconds between checkpoints", Axis::Logarithmic),
        y: Y::events_per_second(Axis::Linear),
        lines: vec![("list", points.into())],
    }
    .add_to(section);
}
