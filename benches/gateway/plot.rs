//! A line plot as SVG, small enough to be read in a diff, and legible on light and dark pages.
//!
//! There is a tick for each value of x that was measured, and a line's name stands at its end
//! instead of in a legend.

use std::fmt::Write;

mod scale;

use scale::Scale;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 545.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 322.0;

/// Names of lines come no closer than this to each other.
const NAME_HEIGHT: f64 = 16.0;

/// Classes and no CSS variables, which some renderers do not know.
const STYLE: &str = "\
.paper{fill:#fff}\
text{font:12px system-ui,sans-serif;fill:#59636e}\
.title{font-size:14px;font-weight:600;fill:#1f2328}\
.grid{stroke:#d1d9e0}\
.line{fill:none;stroke-width:2;stroke-linejoin:round}\
.s0{stroke:#0969da}.f0{fill:#0969da}.s1{stroke:#bc4c00}.f1{fill:#bc4c00}\
@media(prefers-color-scheme:dark){\
.paper{fill:#0d1117}text{fill:#9198a1}.title{fill:#f0f6fc}.grid{stroke:#3d444d}\
.s0{stroke:#4493f8}.f0{fill:#4493f8}.s1{stroke:#f0883e}.f1{fill:#f0883e}}";

/// How an axis grows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Linear,
    Logarithmic,
}

pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: (&'static str, Axis),
    pub(crate) y: (&'static str, Axis),
    /// As many as there are colours: two.
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    pub(crate) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>\n\
             <text x=\"{LEFT}\" y=\"39\">{}</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            self.y.0,
            f64::midpoint(LEFT, RIGHT),
            HEIGHT - 14.0,
            self.x.0,
            title = self.title,
        );
        let mut xs: Vec<f64> = self.points().map(|(x, _)| *x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let x = Scale::exact(self.x.1, &xs, (LEFT, RIGHT));
        let ys: Vec<f64> = self.points().map(|(_, y)| *y).collect();
        let y = Scale::round(self.y.1, &ys, (BOTTOM, TOP));
        self.grid(&mut svg, &x, &xs, &y);
        self.lines(&mut svg, &x, &y);
        svg + "</svg>\n"
    }

    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    fn grid(&self, svg: &mut String, x: &Scale, xs: &[f64], y: &Scale) {
        for tick in y.ticks() {
            let at = y.at(tick);
            push(svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>"));
            let (left, base) = (LEFT - 8.0, at + 4.0);
            let text = short(tick);
            push(
                svg,
                format_args!(
                    "<text x=\"{left}\" y=\"{base:.1}\" text-anchor=\"end\">{text}</text>"
                ),
            );
        }
        for tick in xs {
            let (at, end, base) = (x.at(*tick), BOTTOM + 5.0, BOTTOM + 20.0);
            push(svg, format_args!("<path class=\"grid\" d=\"M{at:.1} {BOTTOM}V{end}\"/>"));
            let text = short(*tick);
            push(
                svg,
                format_args!(
                    "<text x=\"{at:.1}\" y=\"{base}\" text-anchor=\"middle\">{text}</text>"
                ),
            );
        }
    }

    fn lines(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let mut names: Vec<(f64, usize)> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let mut path = String::new();
            for (at, (px, py)) in line.points.iter().enumerate() {
                let command = if at == 0 { 'M' } else { 'L' };
                let (px, py) = (x.at(*px), y.at(*py));
                write!(path, "{command}{px:.1} {py:.1}").expect("writing to a string succeeds");
                push(
                    svg,
                    format_args!(
                        "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\" class=\"f{index}\"/>"
                    ),
                );
            }
            push(svg, format_args!("<path class=\"line s{index}\" d=\"{path}\"/>"));
            names.extend(line.points.last().map(|(_, last)| (y.at(*last), index)));
        }
        names.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut lowest = f64::NEG_INFINITY;
        for (at, index) in names {
            lowest = at.max(lowest + NAME_HEIGHT);
            let (left, base, name) = (RIGHT + 10.0, lowest + 4.0, self.lines[index].name);
            push(
                svg,
                format_args!("<text x=\"{left}\" y=\"{base:.1}\" class=\"f{index}\">{name}</text>"),
            );
        }
    }
}

fn push(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("writing to a string succeeds");
}

/// `1500000` as `1.5M`.
pub(crate) fn short(number: f64) -> String {
    let (divisor, suffix) = match number.abs() {
        1e6.. => (1e6, "M"),
        1e3.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.6}", number / divisor);
    format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
}
