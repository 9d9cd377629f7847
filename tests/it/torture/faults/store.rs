//! A bucket or a disk that fails while it is written to.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;
use crate::harness::s3::{Fault, Weather};
use crate::harness::wait_for;

const DEADLINE: Duration = Duration::from_secs(30);

/// The first try of a request and the client's own further ones.
const TRIES: u64 = 4;

pub(super) fn applied_then_500(round: &mut Round, random: &mut Random) {
    puts_of_head(round, Fault::AppliedWith500, random);
}

pub(super) fn applied_then_dropped(round: &mut Round, random: &mut Random) {
    puts_of_head(round, Fault::AppliedWithoutAnswer, random);
}

/// For longer than the lease lasts.
pub(super) fn applied_then_silence(round: &mut Round, random: &mut Random) {
    puts_of_head(round, Fault::AppliedThenSilence, random);
}

pub(super) fn dropped(round: &mut Round, random: &mut Random) {
    puts_of_head(round, Fault::NeitherAppliedNorAnswered, random);
}

pub(super) fn conflict(round: &mut Round, random: &mut Random) {
    puts_of_head(round, Fault::Conflict, random);
}

/// The gateway meets it at its next checkpoint or, killed before, while it takes over.
fn puts_of_head(round: &mut Round, fault: Fault, random: &mut Random) {
    let times = match fault.applies() {
        // The client's next try finds that the condition does not hold any more.
        true => 1,
        false => 1 + random.below(TRIES),
    };
    let bucket = round.store.bucket();
    bucket.expect(&vec![fault; times as usize]);
    if random.below(2) == 0 {
        round.kill();
        round.launch();
    }
    let bucket = round.store.bucket();
    wait_for("the fault", DEADLINE, || match bucket.faults_left() {
        0 => Ok(()),
        left => Err(format!("{left} times to go")),
    });
    if random.below(2) == 0 {
        round.kill();
        round.launch();
    }
}

pub(super) fn unavailable(round: &mut Round, random: &mut Random) {
    round.store.bucket().set(Weather::Unavailable);
    round.pass(random, Duration::from_millis(1500));
    round.store.bucket().set(Weather::Fine);
}

pub(super) fn slow(round: &mut Round, random: &mut Random) {
    let delay = Duration::from_millis(5 + random.below(100));
    round.store.bucket().set(Weather::Slow(delay));
    round.pass(random, Duration::from_millis(2500));
    round.store.bucket().set(Weather::Fine);
}

pub(super) fn no_space_for_a_snapshot(round: &mut Round, random: &mut Random) {
    failing(round, "storage-write", "ENOSPC", random);
}

pub(super) fn no_sync_of_a_snapshot(round: &mut Round, random: &mut Random) {
    failing(round, "storage-write-sync", "EIO", random);
}

pub(super) fn no_space_for_head(round: &mut Round, random: &mut Random) {
    failing(round, "storage-head", "ENOSPC", random);
}

pub(super) fn no_sync_of_head(round: &mut Round, random: &mut Random) {
    failing(round, "storage-head-sync", "EIO", random);
}

/// Some writes go well, some fail, those after them go well again.
fn failing(round: &mut Round, point: &str, error: &str, random: &mut Random) {
    round.kill();
    let (well, failing) = (1 + random.below(3), 1 + random.below(3));
    let action = format!("{point}={well}*off->{failing}*return({error})");
    round.gateway.assign("FAILPOINTS", &action);
    round.launch();
    round.gateway.unassign("FAILPOINTS");
    round.gateway.wait_ready();
    wait_for(&action, DEADLINE, || {
        let status = round.gateway.status();
        match status["checkpoint"]["failures"].as_u64() {
            Some(failures) if failures > 0 => Ok(()),
            _ => Err(status["checkpoint"].to_string()),
        }
    });
}
