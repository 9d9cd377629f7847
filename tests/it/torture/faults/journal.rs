//! A disk that fails under the journal of pushes, and a tail that a crash tore.

use std::fs;
use std::io::Write;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;

pub(super) fn no_space(round: &mut Round, random: &mut Random) {
    failing(round, "journal-write", "ENOSPC", random);
}

pub(super) fn no_sync(round: &mut Round, random: &mut Random) {
    failing(round, "journal-sync", "EIO", random);
}

/// Some appends go well, some fail, those after them go well again.
fn failing(round: &mut Round, point: &str, error: &str, random: &mut Random) {
    round.kill();
    let (well, failing) = (1 + random.below(20), 1 + random.below(5));
    let action = format!("{point}={well}*off->{failing}*return({error})");
    round.gateway.assign("FAILPOINTS", &action);
    round.launch();
    round.gateway.unassign("FAILPOINTS");
    round.gateway.wait_ready();
    round.sleep(random, std::time::Duration::from_millis(500));
}

/// What a crash of the machine leaves of a write that was under way.
pub(super) fn torn(round: &mut Round, random: &mut Random) {
    round.gateway.wait_ready();
    round.kill();
    let newest = round.store.journal_segments().pop().expect("the journal has a segment");
    let length = 1 + random.below(200);
    let garbage: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
    let mut file =
        fs::OpenOptions::new().append(true).open(newest).expect("a segment can be opened");
    file.write_all(&garbage).expect("a segment can be appended to");
    round.launch();
}
