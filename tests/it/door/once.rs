//! What comes again under its key counts once: whichever way it comes, and across restarts.

use super::*;
use crate::harness::{http, turn};

#[test]
fn an_entry_that_is_added_again() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut gateway = gateway.set("Snapshot__Interval", "1h").start();
    let add = |options: &[&str], value| {
        let event = event("once_total", value);
        let words = [&["XADD", STREAM], options, &["*", "data", &event]].concat();
        run::<String>(&mut connect(port), &words)
    };
    let first = add(&["IDMP", "producer", "1"], 1);
    assert_eq!(add(&["IDMP", "producer", "1"], 100), first, "the fields are not compared");
    assert_ne!(add(&["MAXLEN", "~", "5", "IDMP", "producer", "2"], 2), first);
    assert_ne!(add(&["IDMP", "other", "1"], 4), first);
    let content = add(&["IDMPAUTO", "producer"], 8);
    assert_eq!(add(&["IDMPAUTO", "producer"], 8), content);
    gateway.wait_value("once_total", &[], 15.0);
    for _ in 0..2 {
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        add(&["IDMP", "producer", "1"], 1000);
        add(&["IDMP", "producer", "2"], 1000);
        add(&["IDMPAUTO", "producer"], 8);
        gateway.wait_value("once_total", &[], 15.0);
        gateway.stop();
        gateway.launch();
        gateway.wait_ready();
    }
    add(&["IDMP", "producer", "3"], 16);
    gateway.wait_value("once_total", &[], 31.0);
}

#[test]
fn a_payload_with_an_id() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let mut gateway = gateway.start();
    let payload = |id: &str, value| {
        let (one, other) = (event("id_total", value), event("other_total", value));
        format!(r#"{{"id":{id},"events":[{one},{other}]}}"#)
    };
    let by_http = |body: &str| {
        let sent = http::send(gateway.port(), "POST", "/api/v1/events", &[], body.as_bytes());
        assert_eq!(sent.expect("an answer").status, 200);
    };
    let mut client = connect(port);
    run::<u64>(&mut client, &["LPUSH", LIST, &payload("\"a\"", 1)]);
    run::<u64>(&mut client, &["LPUSH", LIST, &payload("\"a\"", 1), &payload("7", 2)]);
    run::<String>(&mut client, &["XADD", STREAM, "*", "data", &payload("7", 2)]);
    gateway.wait_value("id_total", &[], 3.0);
    by_http(&payload("\"a\"", 1));
    by_http(&payload("\"b\"", 4));
    by_http(&payload("\"b\"", 4));
    run::<u64>(&mut client, &["LPUSH", LIST, &payload("\"b\"", 4)]);
    run::<u64>(&mut client, &["LPUSH", LIST, &event("id_total", 8)]);
    gateway.wait_value("id_total", &[], 15.0);
    assert_eq!(gateway.page().value("other_total", &[]), Some(7.0));
    // A bad one among them is a dead letter once, and the others count.
    let bad =
        r#"{"id":"c","events":[{"name":"id_total","value":16},{"name":"bad name","value":1}]}"#;
    run::<u64>(&mut client, &["LPUSH", LIST, bad, bad]);
    gateway.wait_value("id_total", &[], 31.0);
    let bad_names = |gateway: &Gateway| {
        let dropped = gateway.status()["sources"][0]["dropped"]["invalid_name"].as_u64();
        dropped.unwrap_or(0)
    };
    assert_eq!(bad_names(&gateway), 1);
    run::<u64>(
        &mut client,
        &["LPUSH", LIST, r#"{"id":null,"events":[]}"#, r#"{"id":1,"events":2}"#],
    );
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    run::<u64>(
        &mut connect(port),
        &["LPUSH", LIST, bad, &payload("\"b\"", 4), &event("id_total", 32)],
    );
    gateway.wait_value("id_total", &[], 63.0);
}
