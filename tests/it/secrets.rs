//! A secret that somebody wrote into `Snapshot.Url` is told to nobody.

use std::time::Duration;

use crate::harness::s3::{S3, Weather};
use crate::harness::{Gateway, RedisServer, turn, wait_for};

const SECRET: &str = "hunter2";
const DEADLINE: Duration = Duration::from_secs(60);

/// Everything that it says while its storage fails.
fn said(gateway: &Gateway) -> String {
    let mut said = String::new();
    for path in ["/-/ready", "/api/v1/status", "/-/metrics", "/metrics"] {
        said += &gateway.get(path).expect("an answer").body;
    }
    for arguments in [&["check"][..], &["snapshot", "list"], &["snapshot", "verify"]] {
        let output = gateway.command(arguments);
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    said + &gateway.log()
}

#[track_caller]
fn assert_secret(said: &str) {
    let lines: Vec<_> = said.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn credentials_in_the_snapshot_url_are_not_shown() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut gateway = s3.gateway(&redis).set("Logging__Level", "debug");
    let url = gateway.setting("Snapshot__Url").replace("s3://", &format!("s3://KEY:{SECRET}@"));
    gateway.assign("Snapshot__Url", &format!("{url}?token={SECRET}"));
    gateway.launch();
    gateway.wait_ready();
    let fine = said(&gateway);
    assert!(fine.contains("s3://***@"), "it is told where the snapshots are: {fine}");
    assert_secret(&fine);
    s3.set(Weather::Unavailable);
    gateway.kill();
    gateway.launch();
    let failing = wait_for("a storage that fails", DEADLINE, || {
        let ready = gateway.get("/-/ready").map_err(|error| error.to_string())?.body;
        if ready.contains("s3://***@") { Ok(said(&gateway)) } else { Err(ready) }
    });
    assert_secret(&failing);
}

#[test]
fn nor_are_those_of_a_url_that_is_refused() {
    let _turn = turn::shared();
    for url in [
        format!("s3://KEY:{SECRET}/more@bucket/prefix"),
        format!("ftp://KEY:{SECRET}@host/path"),
        format!("s3://KEY:{SECRET}@"),
    ] {
        let gateway = Gateway::bare().set("Snapshot__Url", &url);
        for arguments in [&["check"][..], &["serve"], &["snapshot", "list"]] {
            let output = gateway.command(arguments);
            assert_eq!(output.status.code(), Some(64), "{output:?}");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(text.contains("Snapshot.Url"), "{text}");
            assert_secret(&(text + &String::from_utf8_lossy(&output.stdout)));
        }
    }
}
