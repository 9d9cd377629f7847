//! The Redis-protocol port as producers see it: no Redis is there, and what is answered is kept.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use redis::{Client, Connection, FromRedisValue, RedisResult};

use crate::harness::ports::free_port;
use crate::harness::{Gateway, LIST, STREAM};

mod clients;
mod conversation;
#[cfg(feature = "failpoints")]
mod disk;
mod flood;
mod kills;
mod once;
mod opening;
mod replies;

const DEADLINE: Duration = Duration::from_secs(60);

/// A gateway that takes events at a port of its own, and where that is.
fn door() -> (Gateway, u16) {
    let port = free_port();
    let gateway = Gateway::bare()
        .set("Redis__Listen", &format!("127.0.0.1:{port}"))
        .set("Snapshot__Interval", "150ms");
    (gateway, port)
}

fn try_connect(port: u16) -> RedisResult<Connection> {
    let client = Client::open(format!("redis://127.0.0.1:{port}"))?;
    let connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(connection)
}

#[track_caller]
fn connect(port: u16) -> Connection {
    try_connect(port).unwrap_or_else(|error| panic!("cannot connect: {error}"))
}

fn try_run<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> RedisResult<T> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(word);
    }
    command.query(connection)
}

#[track_caller]
fn run<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> T {
    try_run(connection, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// A counter's event.
fn event(name: &str, value: u64) -> String {
    format!(r#"{{"name":"{name}","value":{value}}}"#)
}

/// All that is answered to these bytes until the connection ends, or nothing comes for a while.
#[track_caller]
fn say(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_millis(700))).expect("a time-out");
    // Who closes does not read on.
    stream.write_all(bytes).ok();
    let (mut said, mut buffer) = (Vec::new(), [0; 65536]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        said.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&said).into_owned()
}
