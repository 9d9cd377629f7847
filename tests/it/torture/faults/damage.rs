//! Snapshots and `head` damaged while the gateway is down.
//!
//! Only when `head` names two snapshots of this very process is the newest damaged: an
//! older one might not cover what Redis has been allowed to forget, or be damaged itself.

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;

pub(super) fn truncate(round: &mut Round, random: &mut Random) {
    truncate_and_leave_dead(round, random);
    round.launch();
}

pub(super) fn truncate_and_leave_dead(round: &mut Round, random: &mut Random) {
    damage(round, |bytes| bytes.truncate(random.below(bytes.len() as u64) as usize));
}

pub(super) fn flip_bit(round: &mut Round, random: &mut Random) {
    damage(round, |bytes| {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
    });
    round.launch();
}

pub(super) fn zero(round: &mut Round, _: &mut Random) {
    damage(round, |bytes| bytes.fill(0));
    round.launch();
}

pub(super) fn remove(round: &mut Round, _: &mut Random) {
    kill_with_several(round);
    round.store.remove(&round.store.newest());
    round.launch();
}

pub(super) fn remove_head(round: &mut Round, _: &mut Random) {
    kill_with_several(round);
    round.store.remove("head");
    round.launch();
}

pub(super) fn corrupt_head(round: &mut Round, random: &mut Random) {
    kill_with_several(round);
    round.store.damage("head", |bytes| {
        let length = random.below(bytes.len() as u64);
        bytes.truncate(length as usize);
    });
    round.launch();
}

fn damage(round: &mut Round, damage: impl FnOnce(&mut Vec<u8>)) {
    kill_with_several(round);
    round.store.damage(&round.store.newest(), damage);
}

fn kill_with_several(round: &mut Round) {
    round.gateway.wait_ready();
    round.gateway.wait_checkpoint(2);
    round.kill();
}
