//! The model against the original: random commands to both, and every reply must be the same.
//!
//! What depends on the moment (idle times) and on memory (radix trees) is left
//! out, and of an error only its code is compared. The model is of Redis 7.0: before it nothing
//! was counted, and after it a group's `entries-read` and `lag` pass deleted entries otherwise.

use std::process::{Child, Stdio};
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::source::group::ledger::{ACKNOWLEDGE, COUNT_PENDING, GONE, SETTLE};
use prom_stream_gateway::source::reader::look::LOOK;
use redis::{Client, Connection, Value};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::redis_executable::redis_server;
use crate::redis_model::Redis;
use crate::redis_model::scripts::{CLAIM, RENAME};
use crate::resp;

const COMMANDS: usize = 30_000;
const START_DEADLINE: Duration = Duration::from_secs(10);

struct Server {
    child: Child,
    // After the child, which writes to it.
    _directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}

fn start() -> (Server, Connection) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let socket = directory.path().join("redis.sock");
    let child = redis_server()
        .args(["--port", "0", "--save", "", "--dir"])
        .arg(directory.path())
        .arg("--unixsocket")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server can be started");
    let server = Server { child, _directory: directory };
    let deadline = Instant::now() + START_DEADLINE;
    let url = format!("unix://{}", socket.display());
    let connection = loop {
        let connected = Client::open(url.as_str()).and_then(|client| client.get_connection());
        match connected {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < deadline, "redis-server: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    (server, connection)
}

/// A reply as text, without what may differ.
fn normal(reply: Result<Value, redis::RedisError>, command: &[String]) -> String {
    let value = match reply {
        Ok(value) => value,
        Err(error) => return format!("error {}", error.code().unwrap_or("ERR")),
    };
    let value = match (command[0].as_str(), value) {
        ("HGETALL", Value::Array(parts)) => {
            let mut fields: Vec<Value> =
                parts.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect();
            fields.sort_by_key(|field| format!("{field:?}"));
            Value::Array(fields)
        }
        ("SMEMBERS", Value::Array(mut parts)) => {
            parts.sort_by_key(|part| format!("{part:?}"));
            Value::Array(parts)
        }
        ("SCAN", Value::Array(parts)) => {
            let mut keys: Vec<_> = parts.into_iter().skip(1).collect();
            if let Some(Value::Array(keys)) = keys.first_mut() {
                keys.sort_by_key(|key| format!("{key:?}"));
            }
            Value::Array(keys)
        }
        ("XPENDING", Value::Array(rows)) if command.len() > 3 => {
            Value::Array(rows.into_iter().map(without_idle).collect())
        }
        ("XINFO", Value::Array(parts)) if command[1] == "STREAM" => {
            let pairs = parts.chunks(2).filter(|pair| !format!("{:?}", pair[0]).contains("radix"));
            Value::Array(pairs.flatten().cloned().collect())
        }
        ("XINFO", Value::Array(groups)) => {
            Value::Array(groups.into_iter().map(without_consumers).collect())
        }
        (_, value) => value,
    };
    format!("{value:?}")
}

fn without_idle(row: Value) -> Value {
    match row {
        Value::Array(mut parts) if parts.len() == 4 => {
            parts[2] = Value::Nil;
            Value::Array(parts)
        }
        other => other,
    }
}

/// Before 7.2 a consumer that found nothing new is not made.
fn without_consumers(group: Value) -> Value {
    match group {
        Value::Array(mut parts) if parts.len() > 3 => {
            parts.drain(2..4);
            Value::Array(parts)
        }
        other => other,
    }
}

/// The next command, of those that the sources send.
fn draw(random: &mut Random, next_id: &mut u64) -> Vec<String> {
    let mut below = |bound| random.below(bound);
    let id = |below: &mut dyn FnMut(u64) -> u64, next_id: u64| {
        format!("{}-{}", 1 + below(next_id / 3 + 2), below(3))
    };
    let segment = format!("{{queue}}:seg:a:{}", 1 + below(4));
    let key = if below(25) == 0 { "queue" } else { "stream" };
    let group = ["g", "h"][below(2) as usize];
    let consumer = ["a", "b"][below(2) as usize];
    let token = format!("{}:{}:{}", 1 + below(2), ["n", "m"][below(2) as usize], 1 + below(3));
    let (owner, last) = ("{queue}:seg:a:owner", "{queue}:seg:last");
    let text = match below(40) {
        0 | 1 => format!("LPUSH queue {}", below(100)),
        2 => format!("LPUSH {segment} {}", below(100)),
        3 => format!("LLEN {segment}"),
        4 => format!("LRANGE {segment} {} {}", below(7) as i64 - 3, below(7) as i64 - 3),
        5 => format!("LTRIM {segment} 0 {}", below(5) as i64 - 1),
        6 => format!("RENAMENX queue {segment}"),
        7 => format!("UNLINK {segment} {{queue}}:seg:a:{}", 1 + below(4)),
        8 => format!("TYPE {}", [key, owner, "queue"][below(3) as usize]),
        9 => "SCAN 0 MATCH {queue}:seg:a:* COUNT 1000".into(),
        10 => format!("SADD members {consumer}"),
        11 => "SMEMBERS members".into(),
        12..=16 => {
            *next_id += 1 + below(2);
            let trims = ["", "", "MAXLEN = 3 "][below(3) as usize];
            format!("XADD {key} {trims}{}-{} event {}", *next_id / 3, *next_id % 3, below(100))
        }
        17 => format!("XDEL stream {}", id(&mut below, *next_id)),
        18 => format!("XTRIM stream MINID {}", id(&mut below, *next_id / 2)),
        19 => format!("XRANGE {key} ({} + COUNT 2", id(&mut below, *next_id)),
        20 => format!("XREAD COUNT 3 STREAMS {key} {}", id(&mut below, *next_id)),
        21 => format!("XGROUP CREATE {key} {group} {} MKSTREAM", id(&mut below, *next_id)),
        22 if below(3) == 0 => format!("XGROUP DESTROY stream {group}"),
        22 => format!("XGROUP SETID {key} {group} {}", id(&mut below, *next_id)),
        23 => format!(
            "XGROUP SETID stream {group} {} ENTRIESREAD {}",
            id(&mut below, *next_id),
            below(9)
        ),
        24 | 25 => format!("XREADGROUP GROUP {group} {consumer} COUNT 2 STREAMS {key} >"),
        26 => format!("XREADGROUP GROUP {group} {consumer} COUNT 2 STREAMS {key} 0"),
        27 => {
            format!("XACK {key} {group} {} {}", id(&mut below, *next_id), id(&mut below, *next_id))
        }
        28 => format!("XCLAIM stream {group} {consumer} 0 {} JUSTID", id(&mut below, *next_id)),
        29 if below(2) == 0 => format!("XPENDING {key} {group}"),
        29 => format!("XPENDING stream {group} IDLE 0 - + 5 {consumer}"),
        30 => format!("XINFO STREAM {key}"),
        31 => format!("XINFO GROUPS {key}"),
        32 => {
            let replace = if below(3) == 0 { token.as_str() } else { "none" };
            let claimed = token.replace(':', " ");
            format!("EVAL CLAIM 3 {owner} queue {last} {claimed} {replace} {}", below(4))
        }
        33 => format!("EVAL RENAME 4 queue {segment} {owner} {last} {token} {} a", 1 + below(4)),
        34 => {
            let (one, other) = (id(&mut below, *next_id), id(&mut below, *next_id));
            format!("EVAL ACKNOWLEDGE 2 {key} ledger {group} {one} {other}")
        }
        35 => {
            let sign = ["1", "-1"][below(2) as usize];
            format!("EVAL COUNT_PENDING 2 {key} ledger {group} {sign}")
        }
        36 | 37 => format!("EVAL SETTLE 2 {key} ledger {group} {consumer} {}-0", below(3)),
        // Before 7.2 a consumer that found nothing new is not made: groups without any are alike.
        38 if below(2) == 0 => "EVAL LOOK 1 stream none".into(),
        38 => format!("EVAL GONE 1 gone {} {} {consumer}", below(20), below(20)),
        _ => ["HDEL ledger base", "HGETALL ledger"][below(2) as usize].into(),
    };
    let parts = text.split(' ').map(|part| match part {
        "CLAIM" => CLAIM.to_owned(),
        "RENAME" => RENAME.to_owned(),
        "ACKNOWLEDGE" => ACKNOWLEDGE.to_owned(),
        "COUNT_PENDING" => COUNT_PENDING.to_owned(),
        "LOOK" => LOOK.to_owned(),
        "SETTLE" => SETTLE.to_owned(),
        "GONE" => GONE.to_owned(),
        part => part.to_owned(),
    });
    parts.collect()
}

#[test]
fn the_model_answers_as_redis_does() {
    let (_server, mut connection) = start();
    let info: String = redis::cmd("INFO").arg("server").query(&mut connection).expect("INFO");
    if !info.contains("redis_version:7.0.") {
        return eprintln!("not compared: the model is of Redis 7.0, and this is another\n{info}");
    }
    let mut random = Random::new(1);
    let mut model = Redis::new(1);
    let mut next_id = 3;
    for at in 0..COMMANDS {
        if at % 500 == 0 {
            redis::cmd("FLUSHALL").exec(&mut connection).expect("FLUSHALL");
            model = Redis::new(1);
            next_id = 3;
        }
        let command = draw(&mut random, &mut next_id);
        let mut asked = redis::cmd(&command[0]);
        command[1..].iter().for_each(|argument| {
            asked.arg(argument);
        });
        let expected = normal(asked.query::<Value>(&mut connection), &command);
        let bytes: resp::Command = command.iter().map(|part| part.as_bytes().to_vec()).collect();
        let mut reply = Vec::new();
        model.execute(&bytes).encode(&mut reply);
        let reply = redis::parse_redis_value(&reply).and_then(Value::extract_error);
        assert_eq!(normal(reply, &command), expected, "command {at}: {}", command.join(" "));
    }
}
