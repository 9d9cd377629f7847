//! A wall clock that somebody sets.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;

/// How wrong it is at most. Where it is set forward while the gateway is down, that cannot be told
/// from time that passed; so from one extreme to the other is less than an idempotency key is
/// remembered for.
const MOST_MILLISECONDS: i64 = 200_000;

/// Some times; what it is in the end it stays.
pub(super) fn set(round: &mut Round, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let wrong_by = random.below(2 * MOST_MILLISECONDS as u64) as i64 - MOST_MILLISECONDS;
        round.clock.set(wrong_by);
        round.pass(random, Duration::from_millis(900));
    }
}
