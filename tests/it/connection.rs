//! Ways to Redis: TLS, ACL users, sockets; and a plain word when one is barred.

use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Gateway, LIST, Producers, RedisServer, STREAM, Scraper};
use crate::harness::{certificates, producer, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(20);

/// A user of the kind that a careful operator makes.
const USER: &str = "gateway on >s3cret ~prom-stream-gateway:* ~{prom-stream-gateway:* +@all";

#[track_caller]
fn assert_consumes(redis: &RedisServer, gateway: &Gateway) {
    redis.run::<u64>(&["LPUSH", LIST, r#"{"name":"from_list","value":1}"#]);
    redis.run::<String>(&["XADD", STREAM, "*", "data", r#"{"name":"from_stream","value":2}"#]);
    gateway.wait_value("from_list", &[], 1.0);
    gateway.wait_value("from_stream", &[], 2.0);
}

fn allow_user(redis: &RedisServer) {
    let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(USER.split(' ')).collect();
    redis.run::<()>(&words);
}

/// A server with a TLS port beside the plain one.
struct TlsServer {
    redis: RedisServer,
    port: u16,
    authority: String,
    _directory: TempDir,
}

fn tls_server() -> TlsServer {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let certificates = certificates::make(directory.path());
    let text = |path: &std::path::Path| path.display().to_string();
    let (key, certificate) = (text(&certificates.key), text(&certificates.certificate));
    let authority = text(&certificates.authority);
    let port = crate::harness::ports::free_port();
    let redis = RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
    ]);
    TlsServer { redis, port, authority, _directory: directory }
}

#[test]
fn tls_under_load_with_kills_and_cuts() {
    let _turn = turn::shared();
    let TlsServer { redis, port, authority, _directory } = tls_server();
    let mut gateway = Gateway::of(&redis)
        .set("Redis__ConnectionString", &format!("localhost:{port},ssl=true"))
        .set("Redis__TlsCaFile", &authority)
        .start();
    let scraper = Scraper::start(gateway.port());
    let producers = Producers::start(&producer::to_both(&redis));
    for round in 1..=4 {
        producers.wait_acknowledged(round * 3_000, DEADLINE);
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        let clients: String = redis.run(&["CLIENT", "LIST", "TYPE", "normal"]);
        let of_gateway = clients.lines().filter(|line| line.contains(&format!(":{port} ")));
        for client in of_gateway.filter_map(|line| line.strip_prefix("id=")?.split(' ').next()) {
            // It may have ended by itself.
            redis.run::<u64>(&["CLIENT", "KILL", "ID", client]);
        }
        wait_for("a reconnect", DEADLINE, || match gateway.total("reconnects") {
            0 => Err(gateway.status().to_string()),
            _ => Ok(()),
        });
    }
    let ledger = producers.stop();
    assert_eq!(ledger.events_acknowledged, ledger.events_attempted, "Redis was always there");
    gateway.wait_exact(&ledger, "over TLS");
    assert_eq!(gateway.total("lost"), 0, "{}", gateway.status());
    scraper.finish();
}

#[test]
fn tls_with_an_acl_user() {
    let _turn = turn::shared();
    let TlsServer { redis, port: tls_port, authority, _directory } = tls_server();
    allow_user(&redis);
    let connection =
        format!("localhost:{tls_port},ssl=true,user=gateway,password=s3cret,abortConnect=false");
    let tls = |connection: &str| {
        Gateway::of(&redis)
            .set("Redis__ConnectionString", connection)
            .set("Redis__TlsCaFile", &authority)
    };
    let gateway = tls(&connection).start();
    assert_consumes(&redis, &gateway);
    drop(gateway);
    let gateway = tls(&format!("rediss://gateway:s3cret@localhost:{tls_port}")).start();
    redis.run::<u64>(&["LPUSH", LIST, r#"{"name":"by_url","value":1}"#]);
    gateway.wait_value("by_url", &[], 1.0);
    drop(gateway);

    // An authority that is not trusted is not talked to.
    let mut distrusting = Gateway::of(&redis).set("Redis__ConnectionString", &connection);
    distrusting.launch();
    let reason = not_ready(&distrusting, &["certificate"]);
    assert!(!reason.contains("s3cret"), "{reason}");
}

#[test]
fn a_unix_socket() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let url = format!("unix://{}", redis.socket().display());
    let gateway = Gateway::of(&redis).set("Redis__ConnectionString", &url).start();
    assert_consumes(&redis, &gateway);
}

#[test]
fn a_wrong_password_is_told() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    allow_user(&redis);
    let connection = format!("{},user=gateway,password=wr0ng", redis.address());
    let mut gateway = Gateway::of(&redis).set("Redis__ConnectionString", &connection);
    gateway.launch();
    let reason = not_ready(&gateway, &["authentication failed"]);
    assert!(!reason.contains("wr0ng"), "the password is told: {reason}");
    assert_eq!(gateway.get("/-/healthy").expect("the gateway answers").status, 200);

    // Mended on the other side, it goes on by itself.
    redis.run::<()>(&["ACL", "SETUSER", "gateway", ">wr0ng"]);
    gateway.wait_ready();
    assert_consumes(&redis, &gateway);
}

/// The reason for not being ready, once it has one of the words.
#[track_caller]
fn not_ready(gateway: &Gateway, words: &[&str]) -> String {
    wait_for(&format!("a reason with one of {words:?}"), DEADLINE, || {
        let answer = gateway.get("/-/ready").map_err(|error| error.to_string())?;
        let told = words.iter().any(|word| answer.body.contains(word));
        match answer.status {
            503 if told => Ok(answer.body),
            _ => Err(format!("{answer:?}")),
        }
    })
}
