//! When the port is there, and what is said where it cannot be.

use super::*;
use crate::harness::{RedisServer, turn};

/// With Redis' own port somewhere else.
fn at_default(mut gateway: Gateway, port: u16) -> Gateway {
    gateway.unassign("Redis__Listen");
    gateway.set("Redis__ListenDefault", &format!("127.0.0.1:{port}"))
}

#[test]
fn nothing_names_a_redis_and_its_port_is_taken() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let mut gateway = at_default(Gateway::bare(), redis.port());
    gateway.launch();
    let (status, log) = gateway.wait_exit();
    assert_eq!(status.code(), Some(64), "{log}");
    for remedy in ["Redis__ConnectionString=localhost:6379", "Redis__Listen=127.0.0.1:6380"] {
        assert!(log.contains(remedy), "{log}");
    }
}

#[test]
fn a_redis_that_is_named_is_read_and_the_port_is_not_there_unless_asked_for() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let port = free_port();
    let mut gateway = at_default(Gateway::of(&redis), port).start();
    assert!(try_connect(port).is_err());
    redis.run::<u64>(&["LPUSH", LIST, &event("r_total", 1)]);
    gateway.wait_value("r_total", &[], 1.0);
    // Producers move one by one.
    gateway.stop();
    gateway.assign("Redis__Listen", &format!("127.0.0.1:{port}"));
    gateway.launch();
    gateway.wait_ready();
    redis.run::<u64>(&["LPUSH", LIST, &event("r_total", 2)]);
    run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("r_total", 4)]);
    gateway.wait_value("r_total", &[], 7.0);
    gateway.stop();
    // Without its name: which of the two is meant, nobody can know.
    gateway.unassign("Redis__ConnectionString");
    gateway.unassign("Redis__Listen");
    gateway.launch();
    let (status, log) = gateway.wait_exit();
    assert_eq!(status.code(), Some(64), "{log}");
    assert!(log.contains("the state was read from a Redis ("), "{log}");
    gateway.assign("Redis__Listen", &format!("127.0.0.1:{port}"));
    gateway.launch();
    gateway.wait_ready();
    run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("r_total", 8)]);
    gateway.wait_value("r_total", &[], 15.0);
}

#[test]
fn until_the_state_is_restored_clients_are_told_to_wait() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut owner = gateway.start();
    let mut standby = Gateway::bare()
        .set("Snapshot__Url", &owner.setting("Snapshot__Url"))
        .set("Redis__Listen", &format!("127.0.0.1:{}", free_port()));
    standby.launch();
    let there = standby.setting("Redis__Listen").rsplit_once(':').expect("a port").1.parse();
    let there = there.expect("a port");
    crate::harness::wait_for("the standby's port", DEADLINE, || {
        try_connect(there).map(drop).map_err(|error| error.to_string())
    });
    let said = say(there, format!("LPUSH {LIST} {}\r\nINFO\r\n", "{}").as_bytes());
    assert!(said.starts_with("-LOADING not taking pushes: restoring, standing by"), "{said}");
    assert!(said.contains("loading:1\r\n"), "{said}");
    run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("s_total", 1)]);
    owner.stop();
    standby.wait_ready();
    run::<u64>(&mut connect(there), &["LPUSH", LIST, &event("s_total", 1)]);
}

#[test]
fn a_stop_answers_what_was_sent() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut gateway = gateway.start();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let command = format!("LPUSH {LIST} '{}'\r\n", event("e_total", 1));
    stream.write_all(command.repeat(1000).as_bytes()).expect("sent");
    let mut first = [0; 1];
    stream.read_exact(&mut first).expect("the first answer");
    gateway.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("an end in good order");
    let said = format!("{}{rest}", char::from(first[0]));
    let taken = said.lines().filter(|line| line.starts_with(':')).count();
    gateway.launch();
    gateway.wait_ready();
    assert_eq!(gateway.page().value("e_total", &[]), Some(taken as f64));
}
