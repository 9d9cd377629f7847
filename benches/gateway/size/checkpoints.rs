//! Checkpoints of a large state: how long ingestion stands still, and what they cost and write.
//!
//! A checkpoint is written at intervals. Right after one has succeeded there is time for a change
//! to be applied as a whole; the next one is the one that holds it.

use std::time::Duration;

use crate::gateway::{Checkpoint, Gateway};
use crate::progress::Progress;
use crate::report::{Figure, Target};
use crate::settings::Settings;
use crate::spread::Spread;

use super::large_state::{Change, LargeState};

/// Each look costs CPU time, which is what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Until a change has met no checkpoint half way.
const TRIES: usize = 5;

struct Cycle {
    checkpoint: Checkpoint,
    cpu_seconds: f64,
}

pub(super) fn measure(state: &LargeState, settings: &Settings, progress: &Progress) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut everything_bytes = f64::NAN;
    let cases = [
        (Change::Everything, "every series changed"),
        (Change::Neighbours, "1 % changed, neighbours"),
        (Change::Spread, "1 % changed, spread"),
    ];
    // The first cycle, too, is to begin right after a checkpoint.
    let successes = state.gateway.checkpoint().successes;
    state.change(Change::Neighbours);
    wait_for_more_than(&state.gateway, successes);
    for (change, name) in cases {
        progress.step(&format!("checkpoints, {name}"));
        let cycles: Vec<_> = (0..settings.rounds).map(|_| cycle(state, change)).collect();
        let of = |figure: fn(&Cycle) -> f64| Spread::of(cycles.iter().map(figure));
        let bytes = of(|cycle| cycle.checkpoint.size_bytes);
        let mut figure = |what: &str, spread, unit, target| {
            figures.push(Figure::new(format!("checkpoint, {name}: {what}"), spread, unit, target));
        };
        let cut = of(|cycle| cycle.checkpoint.cut_seconds).times(1e3);
        figure("ingest stands still", cut, "ms", Target::AtMost(20.0));
        let duration = of(|cycle| cycle.checkpoint.duration_seconds);
        figure("cut to durable", duration, "s", Target::None);
        figure("CPU", of(|cycle| cycle.cpu_seconds), "s", Target::AtMost(0.5));
        figure("written", bytes.times(1e-6), "MB", Target::None);
        if change == Change::Everything {
            everything_bytes = bytes.median;
        } else {
            let share = bytes.times(100.0 / everything_bytes);
            figure("written, of a full one", share, "%", Target::AtMost(5.0));
        }
    }
    figures
}

/// Makes a change right after a checkpoint, and waits for the one that holds it.
fn cycle(state: &LargeState, change: Change) -> Cycle {
    let gateway = &state.gateway;
    for _ in 0..TRIES {
        let before = gateway.checkpoint().successes;
        state.change(change);
        if gateway.checkpoint().successes != before {
            continue;
        }
        let cpu_before = gateway.cpu_seconds();
        wait_for_more_than(gateway, before);
        return Cycle {
            cpu_seconds: gateway.cpu_seconds() - cpu_before,
            checkpoint: gateway.checkpoint(),
        };
    }
    panic!("a checkpoint came before {change:?} was applied, {TRIES} times");
}

fn wait_for_more_than(gateway: &Gateway, successes: u64) {
    gateway.wait_looking_every(LOOK_EVERY, "a checkpoint", |gateway| {
        gateway.checkpoint().successes > successes
    });
}
