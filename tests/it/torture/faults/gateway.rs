//! Signals, and more than one process of the same identity.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use rustix::process::Signal;

use super::super::round::Round;
use crate::harness::{Gateway, Page, STREAM, wait_for};

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
    round.gateway.stop();
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
        // The first owner may have been too slow to keep the lease: then it goes away.
        let stands_back = |gateway: &mut Gateway| match gateway.exited() {
            Some(status) => status.code() == Some(1),
            None => phase(gateway) == "standby",
        };
        let phases = (phase(&round.gateway), phase(&round.other));
        if phases.0 == "serving" && stands_back(&mut round.other) {
            return Ok(false);
        }
        if phases.1 == "serving" && stands_back(&mut round.gateway) {
            return Ok(true);
        }
        Err(format!("{phases:?}"))
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
        round.gateway.stop();
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

/// Another identity takes a part, is killed like the first one, and ends for good.
pub(super) fn beside(round: &mut Round, random: &mut Random) {
    round.gateway.wait_ready();
    round.tally.retired += 1;
    let mut beside = round.gateway_beside(&format!("beside-{}", round.tally.retired));
    beside.launch();
    for _ in 0..=random.below(4) {
        round.sleep(random, Duration::from_millis(600));
        if random.below(2) == 0 {
            round.kill();
            round.launch();
        } else {
            beside.kill();
            round.tally.kills += 1;
            beside.launch();
        }
    }
    if random.below(2) == 0 {
        beside.wait_ready();
        beside.terminate();
    } else {
        beside.kill();
    }
    let retired = beside.command(&["retire"]);
    let told = String::from_utf8_lossy(&retired.stderr).into_owned();
    assert!(retired.status.success(), "{told}");
    let exported = beside.command(&["snapshot", "export"]);
    let page = Page::parse(&String::from_utf8_lossy(&exported.stdout)).expect("a page");
    round.expected.elsewhere(page);
}

/// The group is another one from here on, and the one before is removed.
pub(super) fn regroup(round: &mut Round, _: &mut Random) {
    round.gateway.wait_ready();
    round.gateway.stop();
    let (pending, ..): (u64, redis::Value, redis::Value, redis::Value) =
        round.redis.run(&["XPENDING", STREAM, &round.group]);
    // Entries of a foreign consumer, to be claimed first.
    if pending == 0 {
        round.tally.regrouped += 1;
        let before = std::mem::replace(&mut round.group, format!("g-{}", round.tally.regrouped));
        for gateway in [&mut round.gateway, &mut round.other] {
            gateway.assign("Stream__Group", &round.group);
        }
        round.launch();
        round.gateway.wait_ready();
        round.redis.run::<u64>(&["XGROUP", "DESTROY", STREAM, &before]);
    } else {
        round.launch();
    }
}
