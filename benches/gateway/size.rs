//! What an idle gateway costs, and what a million series cost: memory, scrapes, checkpoints.
//!
//! A scrape and a checkpoint cost what has changed since the one before, if the gateway is good;
//! so each is measured after every series changed, after one in a hundred did (neighbours, or
//! spread over all), and after none did.

mod checkpoints;
mod idle;
mod large_state;
mod scrapes;
mod under_load;

use crate::progress::Progress;
use crate::report::{Figure, Section, Target};
use crate::settings::Settings;
use crate::spread::{Spread, significant};

use large_state::LargeState;

pub(crate) fn run(settings: &Settings) -> Section {
    let progress = Progress::new("size", 12);
    let mut section = Section::new("size", "A large state, and an idle gateway");
    section.heading("Idle");
    section.figures(idle::measure(settings, &progress));

    progress.step("loading series");
    let state = LargeState::load(settings);
    section
        .heading(&format!("{} series of 75 bytes of labels", significant(settings.series as f64)));
    section.paragraph(
        "Counters of up to six digits. *Changed* is what changed since the scrape or the checkpoint before. Scrapes \
         are read to their end by a client of the same machine. A page of which every series \
         changed is the first that an idle gateway compresses anew. CPU of a \
         checkpoint includes the three idle seconds before it.",
    );
    let mut figures = vec![
        state.memory("resident memory, after loading", state.resident_bytes()),
        state.memory("most resident memory, while loading", state.peak_bytes()),
    ];
    figures.extend(scrapes::measure(&state, settings, &progress));
    figures.extend(under_load::measure(&state, settings, &progress));
    figures.extend(checkpoints::measure(&state, settings, &progress));
    figures.push(state.memory("most resident memory, all of this included", state.peak_bytes()));
    progress.step("restoring");
    let restores = state.restore(settings.rounds);
    figures.push(Figure::new(
        "restore: start to ready",
        Spread::of(restores),
        "s",
        Target::AtMost(1.5),
    ));
    section.figures(figures);
    section
}
