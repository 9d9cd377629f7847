//! What Redis does, or others do to it, without losing anything that it acknowledged.

use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::Round;
use crate::harness::STREAM;

/// Mostly for less than a reply may take, at times for longer.
pub(super) fn silent(round: &mut Round, random: &mut Random) {
    round.redis.pause();
    let longest = if random.below(6) == 0 { 9_000 } else { 1_500 };
    round.pass(random, Duration::from_millis(longest));
    round.redis.resume();
}

pub(super) fn restart(round: &mut Round, random: &mut Random) {
    round.redis.kill();
    if random.below(3) == 0 {
        round.kill();
        round.launch();
    }
    round.sleep(random, Duration::from_millis(200));
    round.redis.start_again();
}

pub(super) fn full(round: &mut Round, random: &mut Random) {
    round.redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    round.pass(random, Duration::from_millis(1500));
    round.redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
}

/// Redis closes a connection whose replies are larger, in the middle of them.
pub(super) fn small_replies(round: &mut Round, random: &mut Random) {
    let limit = format!("normal {} 0 0", 20_000 + random.below(100_000));
    round.redis.run::<()>(&["CONFIG", "SET", "client-output-buffer-limit", &limit]);
    round.pass(random, Duration::from_millis(1500));
    let unlimited = "normal 0 0 0";
    round.redis.run::<()>(&["CONFIG", "SET", "client-output-buffer-limit", unlimited]);
}

/// Somebody's string under the key, and what was there under another name meanwhile.
pub(super) fn wrong_type(round: &mut Round, random: &mut Random) {
    const AWAY: &str = "if redis.call('EXISTS', KEYS[1]) == 1 then \
        redis.call('RENAME', KEYS[1], KEYS[2]) end redis.call('SET', KEYS[1], 'a string')";
    const BACK: &str = "redis.call('DEL', KEYS[1]) if redis.call('EXISTS', KEYS[2]) == 1 then \
        redis.call('RENAME', KEYS[2], KEYS[1]) end";
    let targets = round.targets();
    let key = targets[random.below(targets.len() as u64) as usize];
    round.redis.run::<()>(&["EVAL", AWAY, "2", key, "torture-aside"]);
    round.pass(random, Duration::from_millis(1000));
    round.redis.run::<()>(&["EVAL", BACK, "2", key, "torture-aside"]);
}

/// `CLIENT KILL` of the gateway's connections; the producers keep theirs.
pub(super) fn cut_off(round: &mut Round, random: &mut Random) {
    for _ in 0..=random.below(4) {
        round.sleep(random, Duration::from_millis(150));
        let clients: String = round.redis.run(&["CLIENT", "LIST"]);
        for client in clients.lines().filter(|client| client.contains("name=torture")) {
            let id = client.strip_prefix("id=").and_then(|rest| rest.split(' ').next());
            // It may be gone already.
            round.redis.run::<u64>(&["CLIENT", "KILL", "ID", id.expect("a client has an id")]);
        }
    }
}

/// A consumer that is no gateway is given entries and dies; they must be claimed from it.
pub(super) fn foreign_consumer(round: &mut Round, random: &mut Random) {
    round.gateway.wait_ready();
    round.kill();
    round.sleep(random, Duration::from_millis(50));
    let count = (1 + random.below(200)).to_string();
    let group = round.group.as_str();
    let read = ["XREADGROUP", "GROUP", group, "foreign", "COUNT", &count, "STREAMS", STREAM, ">"];
    round.redis.run::<::redis::Value>(&read);
    round.expected.out_of_order();
    round.launch();
}
