//! A disk that fails under the journal of pushes or has no place for one, and a tail that a crash
//! tore.

use std::fs;
use std::io::Write;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;
use crate::harness::{Gateway, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);

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
    round.sleep(random, Duration::from_millis(500));
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

/// As on a root that is read-only, with snapshots in a bucket: all goes on but pushes, and those too
/// once there is a place.
pub(super) fn no_place(round: &mut Round, random: &mut Random) {
    round.kill();
    let obstacle = round.gateway.directory().join("obstacle");
    fs::write(&obstacle, "").expect("a file");
    let journal = obstacle.join("journal").display().to_string();
    round.gateway.assign("Push__Journal", &journal);
    round.launch();
    round.gateway.wait_ready();
    assert!(lacks_a_journal(&round.gateway), "{}", round.gateway.status());
    round.pass(random, Duration::from_millis(1500));
    fs::remove_file(&obstacle).expect("removed");
    if random.below(2) == 0 {
        round.gateway.wait_ready();
        wait_for("a journal", DEADLINE, || match lacks_a_journal(&round.gateway) {
            false => Ok(()),
            true => Err(round.gateway.status().to_string()),
        });
    }
    round.kill();
    round.gateway.unassign("Push__Journal");
    round.launch();
    fs::remove_dir_all(obstacle).ok();
}

fn lacks_a_journal(gateway: &Gateway) -> bool {
    let status = gateway.status();
    let causes = status["degraded"].as_array().unwrap_or_else(|| panic!("{status}"));
    causes.iter().any(|cause| cause.as_str().is_some_and(|cause| cause.contains("Push.Journal")))
}
