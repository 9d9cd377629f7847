//! What is pushed is served, in a list's meaning and in a stream's, and survives a kill.

use super::*;
use crate::harness::{turn, wait_for};

#[test]
fn lists_and_streams_are_one_state() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut gateway = gateway.start();
    let mut client = connect(port);
    assert_eq!(run::<u64>(&mut client, &["LPUSH", LIST, &event("c_total", 1)]), 1);
    assert!(
        run::<u64>(&mut client, &["RPUSH", LIST, &event("c_total", 2), &event("c_total", 4)]) >= 2
    );
    let id: String = run(&mut client, &["XADD", STREAM, "*", "data", &event("c_total", 8)]);
    let (milliseconds, _) = id.split_once('-').expect("an id");
    assert_eq!(milliseconds.len(), 13, "{id}");
    run::<String>(&mut client, &["XADD", STREAM, "*", "name", "c_total", "value", "16"]);
    let batch = format!("[{},{}]", event("c_total", 32), event("c_total", 64));
    run::<u64>(&mut client, &["LPUSH", LIST, &batch]);
    gateway.wait_value("c_total", &[], 127.0);
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    assert_eq!(gateway.page().value("c_total", &[]), Some(127.0));
    wait_for("nothing waits", DEADLINE, || match run(&mut connect(port), &["LLEN", LIST]) {
        0_u64 => Ok(()),
        waiting => Err(waiting.to_string()),
    });
}

#[test]
fn a_bad_event_is_a_dead_letter_and_no_refusal() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut gateway = gateway.start();
    let mut client = connect(port);
    assert_eq!(run::<u64>(&mut client, &["LPUSH", LIST, "{", &event("good_total", 1)]), 2);
    run::<String>(&mut client, &["XADD", STREAM, "*", "name", "bad name", "value", "1"]);
    let large = format!(r#"{{"name":"large_total","value":1,"help":"{}"}}"#, "x".repeat(2 << 20));
    assert!(run::<u64>(&mut client, &["LPUSH", LIST, &large]) >= 1);
    gateway.wait_value("good_total", &[], 1.0);
    let three_letters = |gateway: &Gateway| {
        wait_for("three letters", DEADLINE, || {
            let letters = gateway.get("/api/v1/dead-letters").expect("an answer").body;
            let reasons = ["invalid_json", "invalid_name", "too_large"];
            match reasons.iter().all(|reason| letters.matches(reason).count() == 1) {
                true => Ok(()),
                false => Err(letters.chars().take(500).collect()),
            }
        });
    };
    three_letters(&gateway);
    wait_for("written letters", DEADLINE, || {
        match gateway.status()["dead_letters"]["written"].as_u64() {
            Some(3) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    gateway.stop();
    gateway.launch();
    gateway.wait_ready();
    three_letters(&gateway);
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.start();
    let mut client = connect(port);
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("LPUSH").arg(LIST).arg(event("t_total", 1));
    pipe.cmd("XADD").arg(STREAM).arg("*").arg("e").arg(event("t_total", 2));
    let (length, id): (u64, String) = pipe.query(&mut client).expect("executed");
    assert!(length >= 1 && id.contains('-'));
    gateway.wait_value("t_total", &[], 3.0);
    // One key is none of ours: nothing of it is applied.
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("LPUSH").arg(LIST).arg(event("t_total", 10));
    pipe.cmd("LPUSH").arg("other").arg(event("t_total", 20));
    let error = pipe.query::<()>(&mut client).expect_err("refused").to_string();
    assert!(error.contains("aborted") && error.contains("not at 'other'"), "{error}");
    run::<u64>(&mut client, &["LPUSH", LIST, &event("t_total", 100)]);
    gateway.wait_value("t_total", &[], 103.0);
}

#[test]
fn who_must_log_in_may_push_to_some_keys() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let users = gateway.directory().join("users.yml");
    let text = format!("users:\n- name: lists\n  password: hunter2\n  keys: [\"{LIST}\"]\n");
    std::fs::write(&users, text).expect("written");
    let gateway = gateway
        .set("Redis__ListenUsers", "default=secret")
        .set("Redis__ListenUsersFile", &users.display().to_string())
        .start();
    let push = format!("LPUSH {LIST} {{}}\r\n");
    let add = format!("XADD {STREAM} * a b\r\n");
    assert!(say(port, push.as_bytes()).starts_with("-NOAUTH"), "nobody logged in");
    assert!(say(port, b"AUTH wrong\r\nHELLO 3\r\n").starts_with("-WRONGPASS"));
    let words = |login: &str, then: &str| say(port, format!("{login}\r\n{then}").as_bytes());
    assert_eq!(words("AUTH secret", &push), "+OK\r\n:1\r\n");
    assert!(words("AUTH default secret", &add).starts_with("+OK\r\n$"));
    assert!(words("AUTH lists hunter2", &add).contains("-NOPERM"));
    assert!(words("HELLO 3 AUTH lists hunter2", &push).ends_with(":1\r\n"));
    let closed = say(port, b"AUTH a b\r\nAUTH a b\r\nAUTH a b\r\nPING\r\n");
    assert_eq!(closed.matches("-WRONGPASS").count(), 3, "{closed}");
    assert!(!closed.contains("NOAUTH"), "closed after the third");
    for secret in ["hunter2", "secret"] {
        assert!(!gateway.log().contains(secret), "{}", gateway.log());
    }
}

#[test]
fn a_unix_socket() {
    let _turn = turn::shared();
    let (gateway, _) = door();
    let socket = gateway.directory().join("door.sock");
    let mut gateway = gateway.set("Redis__Listen", &format!("unix:{}", socket.display())).start();
    let client = || Client::open(format!("unix://{}", socket.display()))?.get_connection();
    let mut connection = client().expect("a connection");
    run::<u64>(&mut connection, &["LPUSH", LIST, &event("u_total", 1)]);
    gateway.wait_value("u_total", &[], 1.0);
    // What a kill leaves there does not keep the next one from listening.
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    run::<u64>(&mut client().expect("a connection"), &["LPUSH", LIST, &event("u_total", 1)]);
    gateway.wait_value("u_total", &[], 2.0);
    gateway.stop();
    assert!(!socket.exists());
}
