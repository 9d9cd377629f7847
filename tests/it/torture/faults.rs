//! Everything that can happen, in one table: its name, where it can happen, and what does it.
//!
//! A fault that makes it unknowable what the totals must be is left out where it does: a list,
//! after Redis came back older than it was (restored from a dump), holds again what was taken
//! from it, and nothing tells that from new items.

use prom_stream_gateway::commands::load::mix::Random;

use super::points::{POINTS, Point, Way};
use super::round::Round;
use super::schedule::{Setting, What};

mod clock;
mod damage;
mod gateway;
mod input;
mod journal;
mod loss;
mod network;
mod redis;
mod store;

pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) moment: Moment,
    /// How often it is drawn, relative to the others; slow ones seldom.
    pub(super) weight: usize,
    pub(super) applies: fn(&Setting) -> bool,
    pub(super) strike: fn(&mut Round, &mut Random),
}

/// When it can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    UnderLoad,
    /// While nothing is sent and everything is applied: what is destroyed then is known.
    Quiet,
}

const fn busy(
    name: &'static str,
    weight: usize,
    applies: fn(&Setting) -> bool,
    strike: fn(&mut Round, &mut Random),
) -> Fault {
    Fault { name, moment: Moment::UnderLoad, weight, applies, strike }
}

const fn quiet(
    name: &'static str,
    weight: usize,
    applies: fn(&Setting) -> bool,
    strike: fn(&mut Round, &mut Random),
) -> Fault {
    Fault { name, moment: Moment::Quiet, weight, applies, strike }
}

pub(super) const FAULTS: &[Fault] = &[
    busy("SIGTERM under load", 2, always, gateway::terminate),
    busy("SIGSTOP and SIGCONT of the gateway", 2, always, gateway::suspend),
    busy("two starters at once", 2, always, gateway::two_starters),
    busy("takeover by a standby", 2, always, gateway::take_over),
    busy("SIGSTOP past the lease, then SIGCONT", 4, in_bucket, gateway::zombie),
    busy("newest snapshot truncated", 2, keeps_several, damage::truncate),
    busy("newest snapshot with a flipped bit", 3, keeps_several, damage::flip_bit),
    busy("newest snapshot of zeros", 2, keeps_several, damage::zero),
    busy("newest snapshot missing", 2, keeps_several, damage::remove),
    busy("head missing", 2, always, damage::remove_head),
    busy("head corrupt", 2, always, damage::corrupt_head),
    busy("put of head applied, then 500", 4, in_bucket, store::applied_then_500),
    busy("put of head applied, then dropped", 4, in_bucket, store::applied_then_dropped),
    busy("put of head dropped", 4, in_bucket, store::dropped),
    busy("put of head answered with 409", 4, in_bucket, store::conflict),
    busy("put of head applied, then silence", 4, in_bucket, store::applied_then_silence),
    busy("bucket unavailable (503)", 4, in_bucket, store::unavailable),
    busy("slow puts", 4, in_bucket, store::slow),
    busy("ENOSPC at a snapshot", 4, on_disk, store::no_space_for_a_snapshot),
    busy("EIO at a snapshot's sync", 4, on_disk, store::no_sync_of_a_snapshot),
    busy("ENOSPC at head", 4, on_disk, store::no_space_for_head),
    busy("EIO at head's sync", 4, on_disk, store::no_sync_of_head),
    busy("ENOSPC in the journal of pushes", 4, on_disk, journal::no_space),
    busy("EIO at the journal's sync", 4, on_disk, journal::no_sync),
    busy("the journal's tail torn", 4, on_disk, journal::torn),
    busy("no place for a journal", 4, in_bucket, journal::no_place),
    busy("the clock set", 3, always, clock::set),
    busy("Redis silent (SIGSTOP)", 2, always, redis::silent),
    busy("Redis killed, with append-only file", 4, persistent, redis::restart),
    busy("Redis at maxmemory", 2, always, redis::full),
    busy("wrong type", 2, always, redis::wrong_type),
    busy("connections killed by Redis", 2, always, redis::cut_off),
    busy("a second identity, retired", 3, shareable, gateway::beside),
    busy("another Stream.Group", 3, group, gateway::regroup),
    busy("client-output-buffer-limit", 2, always, redis::small_replies),
    busy("pending entries of a foreign consumer", 4, group, redis::foreign_consumer),
    busy("half-open link", 2, always, network::half_open),
    busy("replies swallowed", 2, always, network::replies_swallowed),
    busy("flapping link", 2, always, network::flapping),
    busy("slow link", 2, always, network::slow),
    busy("bad events of every reason", 2, always, input::every_reason),
    busy("payloads of 1 MiB", 2, always, input::large),
    busy("binary garbage", 2, always, input::garbage),
    busy("deep nesting", 2, always, input::deep),
    quiet("FLUSHALL", 2, always, loss::flush),
    quiet("DEL of the keys", 2, always, loss::delete),
    quiet("wiped while the gateway was down", 2, always, loss::flush_unread),
    quiet("Redis killed without persistence", 4, forgetful, loss::forget),
    quiet("Redis restored from an older dump", 20, forgetful_stream, loss::older_dump),
    quiet("FLUSHALL, and what was applied is in no snapshot", 4, always, loss::flush_unsaved),
    quiet("XTRIM ahead of the gateway", 4, stream, loss::trim_ahead),
    quiet("XADD MAXLEN in bursts", 6, stream, loss::trimming_burst),
    quiet("XDEL ahead of the gateway", 6, stream, loss::delete_ahead),
];

fn always(_: &Setting) -> bool {
    true
}

fn on_disk(setting: &Setting) -> bool {
    !setting.bucket
}

fn in_bucket(setting: &Setting) -> bool {
    setting.bucket
}

fn keeps_several(setting: &Setting) -> bool {
    setting.keep > 1
}

fn persistent(setting: &Setting) -> bool {
    setting.persistent
}

fn forgetful(setting: &Setting) -> bool {
    !setting.persistent
}

fn forgetful_stream(setting: &Setting) -> bool {
    forgetful(setting) && !setting.sources.list()
}

fn group(setting: &Setting) -> bool {
    setting.sources.group()
}

/// A reader owns its stream.
fn shareable(setting: &Setting) -> bool {
    !setting.sources.reader()
}

fn stream(setting: &Setting) -> bool {
    setting.sources.stream()
}

/// Every name, as the report counts them.
pub(super) fn names() -> impl Iterator<Item = String> {
    let points = POINTS.iter().map(What::KillAt);
    FAULTS.iter().map(What::Fault).chain(points).map(|what| what.to_string())
}

/// Whether the gateway got there.
pub(super) fn kill_at(round: &mut Round, point: &Point, random: &mut Random) -> bool {
    if point.way == Way::Damage {
        damage::truncate_and_leave_dead(round, random);
    } else {
        round.gateway.kill();
    }
    let struck = point.strike(&mut round.gateway, random);
    round.tally.kills += 1;
    round.launch();
    struck
}
