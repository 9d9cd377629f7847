//! Only the connection that holds the owner's token takes the queue: neither a superseded
//! process nor a command that an abandoned connection still has on its way.

use std::time::Duration;

use redis::RedisResult;

use crate::harness::{Gateway, LAST_TAKER, LIST, OWNER, RedisServer, eventually, turn};

const CLAIM: &str = include_str!("../../src/source/list/claim.lua");
const RENAME: &str = include_str!("../../src/source/list/rename.lua");

const EVENT: &str = r#"{"name":"sent_total","value":1}"#;
const DEADLINE: Duration = Duration::from_secs(20);

/// Whether it was claimed, and what the hash held before.
type Claimed = (bool, Option<String>, Option<u64>);

/// `token`: epoch, nonce and number of the connection that claims.
fn claim(redis: &RedisServer, token: [&str; 3], replace: &str) -> Claimed {
    let [epoch, nonce, connection] = token;
    let keys = [OWNER, LIST, LAST_TAKER];
    let arguments = [epoch, nonce, connection, replace, "0"];
    type Beside = redis::Value;
    let (claimed, token, segment, ..): (bool, _, _, Beside, Beside, Beside) =
        redis.run(&[&["EVAL", CLAIM, "3"][..], &keys, &arguments].concat());
    (claimed, token, segment)
}

fn rename(redis: &RedisServer, token: &str, segment: u64) -> RedisResult<u64> {
    let number = segment.to_string();
    let key = segment_key(segment);
    let keys = [LIST, &key, OWNER, LAST_TAKER];
    redis.try_run(&[&["EVAL", RENAME, "4"][..], &keys, &[token, &number, "default"]].concat())
}

fn segment_key(segment: u64) -> String {
    format!("{{{LIST}}}:seg:default:{segment}")
}

fn push(redis: &RedisServer) {
    redis.run::<u64>(&["LPUSH", LIST, EVENT]);
}

#[test]
fn the_newest_claim_alone_renames() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let held = |token: &str| Some(token.to_owned());
    assert_eq!(claim(&redis, ["3", "a", "1"], ""), (true, None, None));
    push(&redis);
    assert_eq!(rename(&redis, "3:a:1", 7), Ok(1));
    assert_eq!(rename(&redis, "3:a:1", 8), Ok(0), "the queue is empty");

    assert_eq!(claim(&redis, ["3", "a", "2"], ""), (true, held("3:a:1"), Some(7)));
    assert_eq!(claim(&redis, ["3", "a", "1"], ""), (false, held("3:a:2"), Some(7)), "late");
    assert_eq!(claim(&redis, ["10", "b", "1"], ""), (true, held("3:a:2"), Some(7)));
    assert_eq!(claim(&redis, ["9", "c", "1"], ""), (false, held("10:b:1"), Some(7)), "older");
    push(&redis);
    for superseded in ["3:a:1", "3:a:2", "9:c:1", "", "10:b:2"] {
        let refused = rename(&redis, superseded, 8).expect_err("it is not the owner");
        assert_eq!(refused.code(), Some("FENCED"), "{superseded}: {refused}");
    }
    assert_eq!(redis.run::<u64>(&["LLEN", LIST]), 1);
    assert_eq!(rename(&redis, "10:b:1", 7), Ok(0), "a segment is never overwritten");
    redis.run::<u64>(&["LPUSH", &segment_key(8), EVENT]);
    let refused = rename(&redis, "10:b:1", 8).expect_err("no gateway made it");
    assert_eq!(refused.code(), Some("FOREIGN"), "{refused}");
    assert_eq!(redis.run::<u64>(&["DEL", &segment_key(8)]), 1);
    assert_eq!(rename(&redis, "10:b:1", 8), Ok(1));

    // By force, but only from the owner that was seen.
    assert_eq!(claim(&redis, ["1", "d", "1"], "9:c:1"), (false, held("10:b:1"), Some(8)));
    assert_eq!(claim(&redis, ["1", "d", "1"], "10:b:1"), (true, held("10:b:1"), Some(8)));
    redis.run::<u64>(&["DEL", OWNER]);
    push(&redis);
    let refused = rename(&redis, "1:d:1", 9).expect_err("the token is gone");
    assert_eq!(refused.code(), Some("FENCED"));
}

#[test]
fn a_full_redis_allows_both() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    push(&redis);
    redis.run::<u64>(&["LPUSH", &segment_key(2), EVENT]);
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    redis.try_run::<u64>(&["LPUSH", LIST, EVENT]).expect_err("it is full");
    assert_eq!(claim(&redis, ["1", "a", "1"], ""), (true, None, None));
    assert_eq!(rename(&redis, "1:a:1", 1), Ok(1));
    assert_eq!(claim(&redis, ["2", "b", "1"], ""), (true, Some("1:a:1".into()), Some(1)));
    assert_eq!(redis.run::<String>(&["HGET", OWNER, "token"]), "2:b:1");
    let refused = rename(&redis, "2:b:1", 2).expect_err("no gateway made it");
    assert_eq!(refused.code(), Some("FOREIGN"), "{refused}");
}

#[test]
fn a_queue_that_is_no_list_is_left_alone() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    redis.run::<()>(&["SET", LIST, "somebody's"]);
    claim(&redis, ["1", "a", "1"], "");
    let refused = rename(&redis, "1:a:1", 1).expect_err("it is a string");
    assert_eq!(refused.code(), Some("WRONGTYPE"));
    let mut gateway = Gateway::of(&redis).list_only();
    gateway.launch();
    eventually("the reason is told", DEADLINE, || {
        gateway.get("/-/ready").is_ok_and(|answer| {
            answer.body.contains(&format!("`{LIST}` is a key of another type, expected a list"))
        })
    });
    assert_eq!(redis.run::<String>(&["GET", LIST]), "somebody's");
    redis.run::<u64>(&["DEL", LIST]);
    push(&redis);
    gateway.wait_ready();
    gateway.wait_value("sent_total", &[], 1.0);
}

#[test]
fn an_owner_key_that_vanishes_or_is_anothers_is_claimed_again() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::of(&redis).list_only().start();
    push(&redis);
    gateway.wait_value("sent_total", &[], 1.0);
    redis.run::<u64>(&["DEL", OWNER]);
    push(&redis);
    gateway.wait_value("sent_total", &[], 2.0);

    // A command of an abandoned connection that arrives late takes nothing, and does no harm.
    redis.run::<u64>(&["HSET", OWNER, "token", "0:older:1"]);
    push(&redis);
    gateway.wait_value("sent_total", &[], 3.0);
    assert!(!gateway.log().contains("newer owner"), "{}", gateway.log());

    // The snapshots on disk are locked: whoever Redis remembers, this process is the owner.
    redis.run::<u64>(&["HSET", OWNER, "token", "1000:newer:1"]);
    push(&redis);
    gateway.wait_value("sent_total", &[], 4.0);
    let log = gateway.log();
    assert!(log.contains("the snapshots confirm this process: taking the list over"), "{log}");
    let token: String = redis.run(&["HGET", OWNER, "token"]);
    assert!(token.starts_with("1:"), "{token}");
    assert_eq!(gateway.total("lost"), 0);
}
