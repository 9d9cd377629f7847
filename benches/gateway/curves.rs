//! How speed follows the shape of what is sent, and of the gateway's settings: a table and a plot
//! each. What needs no process is measured in this one, on one core.

mod growth;
mod intervals;
mod lists;
mod series;
mod shapes;
mod streams;

use crate::plot::{Axis, Line, Plot};
use crate::progress::Progress;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::Spread;

pub(crate) fn run(settings: &Settings) -> Section {
    let progress = Progress::new("curves", 44);
    let mut section = Section::new("curves", "Curves");
    section.paragraph(&format!(
        "{} rounds a point. *List* is end to end, through Redis and the gateway's process; *in \
         process* is decoding and applying on one core.",
        settings.rounds_of_a_curve(),
    ));
    shapes::measure(settings, &progress, &mut section);
    lists::measure(settings, &progress, &mut section);
    streams::measure(settings, &progress, &mut section);
    intervals::measure(settings, &progress, &mut section);
    series::measure(settings, &progress, &mut section);
    growth::measure(settings, &progress, &mut section);
    section
}

/// Several lines over the same values of x.
struct Curve {
    name: &'static str,
    title: String,
    x: (&'static str, Axis),
    y: Y,
    lines: Vec<(&'static str, Vec<(f64, Spread)>)>,
}

/// What is measured: on the plot as it is, in the table in a unit that suits numbers.
struct Y {
    axis: (&'static str, Axis),
    unit: &'static str,
    factor: f64,
}

impl Y {
    fn events_per_second(axis: Axis) -> Self {
        Self { axis: ("events/s", axis), unit: "k events/s", factor: 1e-3 }
    }

    fn nanoseconds(unit: &'static str) -> Self {
        Self { axis: (unit, Axis::Linear), unit, factor: 1.0 }
    }
}

impl Curve {
    /// As a heading, a plot and a table with a row for each x.
    fn add_to(&self, section: &mut Section) {
        let lines = self.lines.iter().map(|(name, points)| Line {
            name,
            points: points.iter().map(|(x, y)| (*x, y.median)).collect(),
        });
        let (title, lines) = (self.title.clone(), lines.collect());
        section.heading(&self.title);
        section.plot(self.name, &Plot { title, x: self.x, y: self.y.axis, lines });

        let mut xs: Vec<f64> =
            self.lines.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x)).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let heads = self.lines.iter().map(|(name, _)| format!("{name}, {}", self.y.unit));
        let head: Vec<String> = std::iter::once(self.x.0.to_owned()).chain(heads).collect();
        let rows = xs.iter().map(|x| {
            let cells = self.lines.iter().map(|(_, points)| {
                let point = points.iter().find(|(at, _)| at == x);
                point
                    .map_or_else(String::new, |(_, spread)| spread.times(self.y.factor).to_string())
            });
            std::iter::once(crate::plot::short(*x)).chain(cells).collect()
        });
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        section.table(&head, rows);
    }
}
