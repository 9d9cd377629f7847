//! Kills at random times, under load, of whatever can be killed.
//!
//! The same campaign runs against the gateway and against a naive consumer: that the
//! second one loses events shows that the campaign bites.

use std::thread::sleep;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::{Producers, wait_for};

const READY_DEADLINE: Duration = Duration::from_secs(60);

/// How long the campaign may last until the producers have sent what it asks for.
const EVENTS_DEADLINE: Duration = Duration::from_secs(120);

/// A process that is killed and started again.
pub(crate) trait Victim {
    fn launch(&mut self);
    fn kill(&mut self);
    fn is_ready(&mut self) -> bool;
}

/// `SEED` of the environment or a new one; printed, so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("SEED") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("SEED={text:?}: {error}")),
        Err(_) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.expect("the clock is past 1970").as_micros() as u64
        }
    };
    eprintln!("SEED={seed}");
    seed
}

/// Kills the victim, which must be running, as often as that, and leaves it starting.
///
/// Two kills in three hit a victim that serves; the third hits while it starts:
/// while it restores, replays, or has not even opened its first connection.
#[track_caller]
pub(crate) fn burst(victim: &mut dyn Victim, kills: u32, random: &mut Random) {
    for kill in 0..kills {
        let starting = random.below(3) == 0;
        if !starting {
            wait_for(&format!("readiness before kill {kill}"), READY_DEADLINE, || {
                if victim.is_ready() { Ok(()) } else { Err("not ready".into()) }
            });
        }
        sleep(Duration::from_micros(random.below(500_000)));
        victim.kill();
        victim.launch();
    }
}

/// Kills the victim under load, until the producers have sent what is asked for, and leaves it
/// running and ready.
#[track_caller]
pub(crate) fn torment(
    victim: &mut dyn Victim,
    producers: &Producers,
    kills: u32,
    events: u64,
    random: &mut Random,
) {
    burst(victim, kills, random);
    producers.wait_acknowledged(events, EVENTS_DEADLINE);
    wait_for("readiness after the last kill", READY_DEADLINE, || {
        if victim.is_ready() { Ok(()) } else { Err("not ready".into()) }
    });
}
