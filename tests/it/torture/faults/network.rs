//! A bad link between the gateway and Redis.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;
use crate::harness::proxy::Link;
use crate::harness::wait_for;

const DEADLINE: Duration = Duration::from_secs(15);

pub(super) fn half_open(round: &mut Round, _: &mut Random) {
    present_connections(round, Link::Silent);
}

/// The hard half of it: what was asked for is done, and nobody learns of it.
pub(super) fn replies_swallowed(round: &mut Round, _: &mut Random) {
    present_connections(round, Link::SilentReplies);
}

fn present_connections(round: &mut Round, link: Link) {
    round.gateway.wait_ready();
    let before = round.gateway.total("reconnects");
    round.proxy.set_present(link);
    wait_for("new connections", DEADLINE, || match round.gateway.total("reconnects") {
        now if now > before => Ok(()),
        _ => Err(round.gateway.status().to_string()),
    });
}

pub(super) fn flapping(round: &mut Round, random: &mut Random) {
    round.proxy.flap(3, Duration::from_millis(150), random);
}

pub(super) fn slow(round: &mut Round, random: &mut Random) {
    round.proxy.set(Link::Delayed(Duration::from_millis(1 + random.below(20))));
    round.pass(random, Duration::from_millis(1500));
    round.proxy.set(Link::Fine);
}
