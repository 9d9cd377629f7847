//! Labels of an event, bytes of an event, events of an entry: through the list, and in process.

use crate::curves::{Curve, Y};
use crate::end_to_end::{Mode, run};
use crate::events;
use crate::in_process::{InProcess, PAGE};
use crate::plot::Axis;
use crate::progress::Progress;
use crate::redis_server::Dump;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

const EVENTS: usize = 1_000_000;

/// The most that a point has in Redis.
const BYTES: usize = 400_000_000;

/// What both ways of measuring take: elements of the list.
type Elements<'a> = &'a dyn Fn() -> Box<dyn Iterator<Item = String> + 'a>;

/// A value of x, measured in both ways.
struct Point {
    x: f64,
    list: Spread,
    in_process: Spread,
}

pub(super) fn measure(settings: &Settings, progress: &Progress, section: &mut Section) {
    let events = settings.scaled(EVENTS);
    let labels = [0, 1, 2, 5, 10, 20].map(|labels| {
        progress.step(&format!("{labels} labels"));
        let elements = || {
            Box::new((0..events).map(move |number| events::with_labels(number, labels))) as Box<_>
        };
        point(settings, labels as f64, events, PAGE, &elements)
    });
    curve("labels", "Labels", ("labels of an event", Axis::Linear), &labels).add_to(section);

    let sizes = [64, 250, 1_000, 4_000, 16_000, 64_000].map(|bytes| {
        progress.step(&format!("{bytes} bytes an event"));
        let events = events.min(settings.scaled(BYTES) / bytes);
        let elements =
            || Box::new((0..events).map(move |number| events::of_size(number, bytes))) as Box<_>;
        point(settings, bytes as f64, events, PAGE, &elements)
    });
    let mut sizes = curve("sizes", "Bytes of an event", ("bytes", Axis::Logarithmic), &sizes);
    sizes.y = Y::events_per_second(Axis::Logarithmic);
    sizes.add_to(section);

    let numbers: Vec<usize> = (0..events).collect();
    let batches = [1, 3, 10, 30, 100, 300, 1000].map(|size| {
        progress.step(&format!("{size} events an entry"));
        let elements = || {
            let chunks = numbers.chunks(PAGE * 3);
            Box::new(chunks.flat_map(move |chunk| events::batches(chunk, size, events::event)))
                as Box<_>
        };
        point(settings, size as f64, events, PAGE.div_ceil(size), &elements)
    });
    curve("batches", "Events of an entry", ("events", Axis::Logarithmic), &batches).add_to(section);
}

fn point(settings: &Settings, x: f64, events: usize, page: usize, elements: Elements<'_>) -> Point {
    let dump = Dump::of_list(elements());
    let per_second = |seconds: f64| events as f64 / seconds;
    let (list, in_process): (Vec<_>, Vec<_>) = (0..settings.rounds_of_a_curve())
        .map(|_| {
            let mut process = InProcess::new();
            process.take(elements(), page);
            let list = run(&dump, Mode::List, &[], events).seconds;
            (per_second(list), per_second(process.lap()))
        })
        .unzip();
    Point { x, list: Spread::of(list), in_process: Spread::of(in_process) }
}

fn curve(name: &'static str, title: &str, x: (&'static str, Axis), points: &[Point]) -> Curve {
    let line = |of: fn(&Point) -> Spread| points.iter().map(|point| (point.x, of(point))).collect();
    Curve {
        name,
        title: title.into(),
        x,
        y: Y::events_per_second(Axis::Linear),
        lines: vec![
            ("list", line(|point| point.list)),
            ("in process", line(|point| point.in_process)),
        ],
    }
}
