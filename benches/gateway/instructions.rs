//! Instructions that decoding, applying and rendering take, counted by valgrind: they repeat
//! where times do not, on any machine of the same kind.
//!
//! This executable runs itself under valgrind once for each stage of one piece of work, each
//! stage doing what the one before did and one thing more; what they differ by is what that one
//! thing took. So neither symbols nor marks in the code are needed.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::process::Command;

use prom_stream_gateway::expose::{Form, render};
use prom_stream_gateway::model::{Batch, Timestamp};

use crate::events;
use crate::in_process::{InProcess, PAGE, entries};
use crate::progress::Progress;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::significant;

const ARGUMENT: &str = "--count-instructions-of";

/// Of a piece of work.
const EVENTS: usize = 50_000;

/// Stages, each with what the one before did: make entries; decode them; apply the batches; render.
const STAGES: usize = 4;

const KINDS: [(&str, Kind); 3] = [
    ("of 1,000 series, one an entry", Kind::Known),
    ("of 1,000 series, 100 an entry", Kind::Batched),
    ("each of a new series, one an entry", Kind::New),
];

#[derive(Clone, Copy)]
enum Kind {
    Known,
    Batched,
    New,
}

/// What one run of this executable does while it is counted.
pub(crate) struct Work {
    kind: usize,
    stage: usize,
}

pub(crate) fn asked_for(arguments: &[String]) -> Option<Work> {
    let at = arguments.iter().position(|argument| argument == ARGUMENT)?;
    let number = |offset: usize| arguments.get(at + offset)?.parse().ok();
    Some(Work { kind: number(1)?, stage: number(2)? })
}

impl Work {
    pub(crate) fn run(&self) {
        let mut process = InProcess::new();
        let pages: Vec<_> = match KINDS[self.kind].1 {
            Kind::Known => payloads(events::event),
            Kind::New => payloads(events::wide),
            Kind::Batched => (0..EVENTS / PAGE)
                .map(|page| {
                    let numbers: Vec<_> = (page * PAGE..(page + 1) * PAGE).collect();
                    events::batches(&numbers, 100, events::event)
                })
                .collect(),
        };
        let pages: Vec<_> = pages.into_iter().map(|page| entries(page.into_iter())).collect();
        if self.stage == 0 {
            black_box(&pages);
            return;
        }
        let batches: Vec<Batch> = pages.into_iter().map(|page| process.decode(page)).collect();
        if self.stage >= 2 {
            batches.iter().for_each(|batch| process.apply(batch));
        }
        if self.stage >= 3 {
            self.render(&process);
        }
        black_box(&batches);
    }

    /// So many pages that there are as many series on them as there are events.
    fn render(&self, process: &InProcess) {
        let now = Timestamp::now();
        let cut = process.store.scrape(now);
        for _ in 0..EVENTS / KINDS[self.kind].1.series() {
            let _whole = render(&cut, &[], now, Form::TEXT, |chunk| {
                black_box(chunk);
                ControlFlow::Continue(())
            });
        }
    }
}

impl Kind {
    fn series(self) -> usize {
        match self {
            Self::Known | Self::Batched => events::SERIES,
            Self::New => EVENTS,
        }
    }
}

fn payloads(event: impl Fn(usize) -> String) -> Vec<Vec<String>> {
    (0..EVENTS / PAGE).map(|page| (page * PAGE..(page + 1) * PAGE).map(&event).collect()).collect()
}

/// `None` without valgrind.
pub(crate) fn run(_settings: &Settings) -> Option<Section> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("no instructions are counted: valgrind is missing (apt-get install valgrind)");
        return None;
    }
    let progress = Progress::new("instructions", KINDS.len() * STAGES);
    let mut section = Section::new("instructions", "Instructions");
    section.paragraph(&format!(
        "Counted by valgrind over {} events, {PAGE} a batch; they repeat to within a percent, \
         whatever else the machine does. *Render* is of a text page, for each series on it.",
        significant(EVENTS as f64),
    ));
    let rows = KINDS.iter().enumerate().map(|(kind, (name, _))| {
        let counts: [f64; STAGES] = std::array::from_fn(|stage| {
            progress.step(&format!("events {name}: stage {} of {STAGES}", stage + 1));
            count(kind, stage)
        });
        let an_event = |stage: usize| (counts[stage] - counts[stage - 1]) / EVENTS as f64;
        let cells = [1, 2, 3].map(|stage| significant(an_event(stage)));
        [vec![format!("events {name}")], cells.to_vec()].concat()
    });
    section.table(&["", "decode, an event", "apply, an event", "render, a series"], rows);
    Some(section)
}

/// What valgrind counts of one run: `I refs: 1,234`.
fn count(kind: usize, stage: usize) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe().expect("this executable has a path"))
        .args([ARGUMENT, &kind.to_string(), &stage.to_string()])
        .output()
        .expect("valgrind starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind: {report}");
    let line = report.lines().find(|line| line.contains("refs:")).expect("a count");
    let number = line.rsplit(' ').next().expect("a number").replace(',', "");
    number.parse().expect("a number")
}
