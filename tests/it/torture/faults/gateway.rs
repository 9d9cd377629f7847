//! Signals, and more than one process of the same identity.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use rustix::process::Signal;

use super::super::round::Round;
use crate::harness::{Gateway, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn terminate(round: &mut Round, random: &mut Random) {
    // Once while it starts, else while it serves.
    if random.below(4) > 0 {
        round.gateway.wait_ready();
        round.sleep(random, Duration::from_millis(200));
    } else {
        wait_for("a process that listens", DEADLINE, || match round.gateway.get("/-/healthy") {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        });
    }
    let (status, _) = round.gateway.terminate();
    assert_eq!(status.code(), Some(0), "an orderly stop under load");
    round.launch();
}

pub(super) fn suspend(round: &mut Round, random: &mut Random) {
    round.sleep(random, Duration::from_millis(200));
    round.gateway.signal(Signal::STOP);
    round.sleep(random, Duration::from_millis(600));
    if random.below(3) == 0 {
        round.kill();
        round.launch();
    } else {
        round.gateway.signal(Signal::CONT);
    }
}

pub(super) fn two_starters(round: &mut Round, _: &mut Random) {
    round.kill();
    round.gateway.launch();
    round.other.launch();
    let other_won = wait_for("one owner", DEADLINE, || {
        match (phase(&round.gateway).as_str(), phase(&round.other).as_str()) {
            ("serving", "standby") => Ok(false),
            ("standby", "serving") => Ok(true),
            phases => Err(format!("{phases:?}")),
        }
    });
    if other_won {
        round.swap();
    }
    round.other.kill();
}

pub(super) fn take_over(round: &mut Round, random: &mut Random) {
    stand_by(round);
    round.sleep(random, Duration::from_millis(100));
    if random.below(2) == 0 {
        round.kill();
    } else {
        let (status, _) = round.gateway.terminate();
        assert_eq!(status.code(), Some(0), "an orderly stop beside a standby");
    }
    round.swap();
    round.gateway.wait_ready();
}

/// The owner does not notice how time passes, and another takes over meanwhile.
pub(super) fn zombie(round: &mut Round, random: &mut Random) {
    stand_by(round);
    round.sleep(random, Duration::from_millis(100));
    round.gateway.signal(Signal::STOP);
    round.other.wait_ready();
    round.sleep(random, Duration::from_millis(300));
    round.gateway.signal(Signal::CONT);
    let (status, output) = round.gateway.wait_exit();
    assert_eq!(status.code(), Some(1), "a zombie goes away: {output}");
    round.swap();
}

fn stand_by(round: &mut Round) {
    round.gateway.wait_ready();
    round.other.launch();
    wait_for("a standby", DEADLINE, || match phase(&round.other).as_str() {
        "standby" => Ok(()),
        phase => Err(phase.to_owned()),
    });
}

fn phase(gateway: &Gateway) -> String {
    let status = gateway.get("/api/v1/status").ok();
    let status: Option<serde_json::Value> =
        status.and_then(|answer| serde_json::from_str(&answer.body).ok());
    status.and_then(|status| Some(status["phase"].as_str()?.to_owned())).unwrap_or_default()
}
