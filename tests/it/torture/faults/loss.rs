//! What Redis loses, while it is known what that is.
//!
//! Before each of these an orderly stop makes everything durable that was applied. What is
//! destroyed after it can be told from what must stay.

use std::fs;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::{Round, event, interval};
use crate::harness::{RedisServer, STREAM};

const DEADLINE: Duration = Duration::from_secs(30);

/// Never served: they are destroyed before anybody reads them.
const DESTROYED: &str = "torture_destroyed_total";
/// Those of a trimmed stream that are left.
const SPARED: &str = "torture_spared_total";

pub(super) fn flush(round: &mut Round, _: &mut Random) {
    restart_orderly(round);
    round.redis.run::<()>(&["FLUSHALL"]);
    more(round);
}

/// Nothing is in a snapshot but what was there at the start, until the gateway finds out.
pub(super) fn flush_unsaved(round: &mut Round, _: &mut Random) {
    stop(round);
    round.gateway.assign("Snapshot__Interval", "1h");
    round.launch();
    round.gateway.wait_ready();
    round.send_counted("torture_unsaved_total", 100);
    round.settle("before FLUSHALL");
    round.redis.run::<()>(&["FLUSHALL"]);
    round.send_counted("torture_after_loss_total", 100);
    round.settle("after FLUSHALL");
    round.kill();
    let usual = interval(&round.setting);
    round.gateway.assign("Snapshot__Interval", &usual);
    round.launch();
}

pub(super) fn delete(round: &mut Round, random: &mut Random) {
    restart_orderly(round);
    let targets = round.targets();
    round.redis.run::<u64>(&["DEL", targets[random.below(targets.len() as u64) as usize]]);
    more(round);
}

/// How many there were nobody had seen, so none of them need be metered.
pub(super) fn flush_unread(round: &mut Round, random: &mut Random) {
    stop(round);
    let events = 1 + random.below(500);
    let destroyed = event(DESTROYED);
    round.send(&vec![destroyed.as_bytes(); events as usize]);
    round.redis.run::<()>(&["FLUSHALL"]);
    round.expected.lost(0..=events * round.targets().len() as u64);
    round.launch();
    more(round);
}

pub(super) fn forget(round: &mut Round, random: &mut Random) {
    restart_orderly(round);
    round.redis.kill();
    round.sleep(random, Duration::from_millis(100));
    round.redis.start_again();
    more(round);
}

/// Everything that the dump holds was applied, and so was what came after it.
pub(super) fn older_dump(round: &mut Round, random: &mut Random) {
    round.redis.run::<()>(&["SAVE"]);
    let producers = round.start_producers();
    producers.wait_acknowledged(1 + random.below(5_000), DEADLINE);
    round.expected.ledger.merge(&producers.stop());
    round.settle("before Redis is restored from a dump");
    restart_orderly(round);
    round.redis.kill();
    round.redis.start_again();
    let dump = round.redis.directory().join("dump.rdb");
    fs::remove_file(dump).expect("the dump that Redis has just loaded can be removed");
    more(round);
}

pub(super) fn trim_ahead(round: &mut Round, random: &mut Random) {
    let spared = add_unread(round, random);
    let held: u64 = round.redis.run(&["XLEN", STREAM]);
    round.redis.run::<u64>(&["XTRIM", STREAM, "MAXLEN", &spared.to_string()]);
    assert!(held > spared, "the destroyed ones and what Redis had not trimmed yet");
    round.launch();
}

/// What comes in one transaction nobody reads in between.
pub(super) fn trimming_burst(round: &mut Round, random: &mut Random) {
    // What is in no snapshot yet would be trimmed with it, and missing after a kill.
    restart_orderly(round);
    round.gateway.wait_ready();
    let (destroyed, spared) = (1 + random.below(500), 1 + random.below(50));
    let mut burst = redis::pipe();
    burst.atomic();
    for (counter, count) in [(DESTROYED, destroyed), (SPARED, spared)] {
        for _ in 0..count {
            let add = burst.cmd("XADD").arg(STREAM).arg("MAXLEN").arg(spared);
            add.arg("*").arg("data").arg(event(counter)).ignore();
        }
    }
    let added: redis::RedisResult<()> = burst.query(&mut round.redis.connection());
    added.expect("Redis takes them");
    round.expected.counted(SPARED, spared);
    expect_metered(round, destroyed);
    round.pass(random, Duration::from_millis(500));
}

pub(super) fn delete_ahead(round: &mut Round, random: &mut Random) {
    add_unread(round, random);
    let entries: Vec<(String, Vec<String>)> = round.redis.run(&["XRANGE", STREAM, "-", "+"]);
    for (id, _) in entries.iter().filter(|(_, fields)| fields[1].contains(DESTROYED)) {
        round.redis.run::<u64>(&["XDEL", STREAM, id]);
    }
    round.launch();
}

/// Entries to be destroyed, and after them some to be spared: so many of these.
fn add_unread(round: &mut Round, random: &mut Random) -> u64 {
    stop(round);
    let (destroyed, spared) = (1 + random.below(300), 1 + random.below(300));
    let mut pipe = redis::pipe();
    for (counter, count) in [(DESTROYED, destroyed), (SPARED, spared)] {
        for _ in 0..count {
            pipe.cmd("XADD").arg(STREAM).arg("*").arg("data").arg(event(counter)).ignore();
        }
    }
    let added: redis::RedisResult<()> = pipe.query(&mut round.redis.connection());
    added.expect("Redis takes them");
    round.expected.counted(SPARED, spared);
    expect_metered(round, destroyed);
    spared
}

/// Entries that were trimmed or deleted unread; before Redis 7.0 nobody can know of them.
fn expect_metered(round: &mut Round, destroyed: u64) {
    let metered = if RedisServer::counts_entries() { destroyed } else { 0 };
    round.expected.lost(metered..=metered);
}

fn stop(round: &mut Round) {
    round.gateway.wait_ready();
    round.gateway.stop();
}

fn restart_orderly(round: &mut Round) {
    stop(round);
    round.launch();
}

/// Events that come after the loss, and a kill among them.
fn more(round: &mut Round) {
    round.gateway.wait_ready();
    round.send_counted("torture_after_loss_total", 200);
    round.kill();
    round.launch();
}
