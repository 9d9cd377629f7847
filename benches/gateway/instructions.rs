//! Instructions that decoding, applying and rendering take, counted by valgrind: they repeat
//! where times do not, on any machine of the same kind.
//!
//! This executable runs itself under valgrind once for each stage of one piece of work, each
//! stage doing what the one before did and one thing more; what they differ by is what that one
//! thing took. So neither symbols nor marks in the code are needed.

mod pages;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::process::Command;

use prom_stream_gateway::expose::{PageFormat, render};
use prom_stream_gateway::model::{Batch, Timestamp};

use crate::events;
use crate::in_process::{InProcess, PAGE};
use crate::progress::Progress;
use crate::report::Section;
use crate::settings::Settings;
use crate::spread::significant;

use pages::{Page, Reply};

const ARGUMENT: &str = "--count-instructions-of";

/// Of a piece of work.
const EVENTS: usize = 50_000;

/// Stages, each with what the one before did: make replies of Redis; take them apart; decode the
/// entries; apply the batches; render.
const STAGES: usize = 5;

const KINDS: [Kind; 4] = [
    Kind { name: "list", reply: Reply::List, batch: 1, is_new: false },
    Kind { name: "stream", reply: Reply::Stream, batch: 1, is_new: false },
    Kind { name: "list, 100 events an entry", reply: Reply::List, batch: 100, is_new: false },
    Kind { name: "list, each of a new series", reply: Reply::List, batch: 1, is_new: true },
];

/// What Redis answers with.
struct Kind {
    name: &'static str,
    reply: Reply,
    /// Events of an entry.
    batch: usize,
    /// Each event makes a series.
    is_new: bool,
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
        let kind = &KINDS[self.kind];
        let replies = kind.replies();
        if self.stage == 0 {
            black_box(&replies);
            return;
        }
        let entries: Vec<_> = replies.into_iter().map(Page::entries).collect();
        if self.stage == 1 {
            black_box(&entries);
            return;
        }
        let mut process = InProcess::new();
        let batches: Vec<Batch> = entries.into_iter().map(|page| process.decode(page)).collect();
        if self.stage >= 3 {
            batches.iter().for_each(|batch| process.apply(batch));
        }
        if self.stage >= 4 {
            kind.render(&process);
        }
        black_box(&batches);
    }
}

impl Kind {
    fn replies(&self) -> Vec<Page> {
        let pages = (0..EVENTS).step_by(PAGE).map(|first| {
            let numbers: Vec<_> = (first..first + PAGE).collect();
            let event = if self.is_new { events::wide } else { events::event };
            match self.batch {
                1 => numbers.into_iter().map(event).collect(),
                size => events::batches(&numbers, size, event),
            }
        });
        pages.map(|payloads: Vec<String>| self.reply.with(&payloads)).collect()
    }

    fn series(&self) -> usize {
        if self.is_new { EVENTS } else { events::SERIES }
    }

    /// So many pages that there are as many series on them as there are events.
    fn render(&self, process: &InProcess) {
        let now = Timestamp::now();
        let cut = process.store.scrape(now);
        for _ in 0..EVENTS / self.series() {
            let _whole = render(&cut, &[], now, PageFormat::TEXT, |chunk| {
                black_box(chunk);
                ControlFlow::Continue(())
            });
        }
    }
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
        "Counted by valgrind over {} events of {} bytes, {} series, {PAGE} a read; they repeat to \
         within a percent, whatever else the machine does. *Read*: taking a reply of Redis apart. \
         *Render*: a text page, for each series on it.",
        significant(EVENTS as f64),
        events::event(0).len(),
        significant(events::SERIES as f64),
    ));
    let rows = KINDS.iter().enumerate().map(|(kind, Kind { name, .. })| {
        let counts: [f64; STAGES] = std::array::from_fn(|stage| {
            progress.step(&format!("{name}: stage {} of {STAGES}", stage + 1));
            count(kind, stage)
        });
        let stages = counts.windows(2).map(|pair| (pair[1] - pair[0]) / EVENTS as f64);
        std::iter::once((*name).into()).chain(stages.map(significant)).collect()
    });
    section.table(
        &["", "read, an event", "decode, an event", "apply, an event", "render, a series"],
        rows,
    );
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
