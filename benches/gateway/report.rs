//! `RESULTS.md`, one section a part; writing a part leaves the others' sections as they are.
//!
//! A section begins with a comment that names its part, and says itself where and when it was
//! measured: parts may be run one at a time.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plot::Plot;
use crate::provenance;
use crate::settings::Settings;
use crate::spread::{Spread, significant};

const INTRODUCTION: &str = "# What was measured

Written by `make bench`, which overwrites the section of each part that it runs (`ONLY=rates`, \
and so on). What is compared takes turns in the same run. A figure is the median of all rounds \
with the least and the most of them in brackets; a ratio is taken within each round. Nothing here \
fails a build: *met* says how the median stands to the target.
";

/// What a median should come to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is promised.
    None,
}

impl Target {
    /// The cells *target* and *met*.
    pub(crate) fn cells(self, spread: Spread) -> [String; 2] {
        let (text, is_met) = match self {
            Self::AtLeast(least) => (format!("≥ {}", plain(least)), spread.median >= least),
            Self::AtMost(most) => (format!("≤ {}", plain(most)), spread.median <= most),
            Self::None => return [String::new(), String::new()],
        };
        [text, if is_met { "yes".into() } else { "**no**".into() }]
    }
}

/// A target was written by people: without zeros that they did not write.
fn plain(number: f64) -> String {
    let text = significant(number);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// A figure with its unit and target.
pub(crate) struct Figure {
    name: String,
    spread: Spread,
    unit: &'static str,
    target: Target,
}

impl Figure {
    pub(crate) fn new(
        name: impl Into<String>,
        spread: Spread,
        unit: &'static str,
        target: Target,
    ) -> Self {
        Self { name: name.into(), spread, unit, target }
    }
}

pub(crate) struct Section {
    part: &'static str,
    text: String,
    plots: Vec<(String, String)>,
}

impl Section {
    pub(crate) fn new(part: &'static str, title: &str) -> Self {
        let text = format!("## {title}\n\n{}\n", provenance::sentence());
        Self { part, text, plots: Vec::new() }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        write!(self.text, "\n### {text}\n").expect("writing to a string succeeds");
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        write!(self.text, "\n{text}\n").expect("writing to a string succeeds");
    }

    pub(crate) fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let separator: String = (0..head.len()).map(|_| "---|").collect();
        let mut table = format!("\n| {} |\n|{separator}\n", head.join(" | "));
        for row in rows {
            assert_eq!(row.len(), head.len(), "{row:?}");
            table += &format!("| {} |\n", row.join(" | "));
        }
        self.text += &table;
    }

    pub(crate) fn figures(&mut self, figures: Vec<Figure>) {
        let rows = figures.into_iter().map(|Figure { name, spread, unit, target }| {
            let [target, met] = target.cells(spread);
            vec![name, format!("{spread} {unit}"), target, met]
        });
        self.table(&["", "median [least–most]", "target", "met"], rows);
    }

    /// Draws a plot below `plots`, and shows it here.
    pub(crate) fn plot(&mut self, name: &str, plot: &Plot) {
        let file = format!("{name}.svg");
        self.paragraph(&format!("![{}](plots/{file})", plot.title));
        self.plots.push((file, plot.svg()));
    }

    /// Replaces this part's section of the report, and says where that is.
    pub(crate) fn write(self, settings: &Settings, order: &[&str]) {
        println!("\n{}", self.text);
        let directory = settings.directory();
        let plots = directory.join("plots");
        fs::create_dir_all(&plots).unwrap_or_else(|error| cannot_write(&plots, &error));
        for (file, svg) in &self.plots {
            write_file(&plots.join(file), svg);
        }
        let path = directory.join("RESULTS.md");
        let before = fs::read_to_string(&path).unwrap_or_default();
        write_file(&path, &merged(&before, self.part, &self.text, order));
        println!("written to {}", path.display());
    }
}

/// The report with this part's text in place of the one before, parts in their order.
fn merged(before: &str, part: &str, text: &str, order: &[&str]) -> String {
    let marker = |part: &str| format!("\n<!-- part: {part} -->\n");
    let mut report = INTRODUCTION.to_owned();
    for one in order {
        let kept = before
            .split_once(&marker(one))
            .map(|(_, rest)| rest.split_once("\n<!-- part: ").map_or(rest, |(section, _)| section));
        let section = if *one == part { Some(text) } else { kept };
        if let Some(section) = section {
            report += &format!("{}{}\n", marker(one), section.trim_end());
        }
    }
    report
}

fn write_file(path: &PathBuf, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| cannot_write(path, &error));
}

fn cannot_write(path: &Path, error: &std::io::Error) -> ! {
    panic!("cannot write {}: {error}", path.display())
}
