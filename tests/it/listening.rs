//! Where the gateway listens: on both families, and on the port that it says.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::harness::ports::free_port;
use crate::harness::{Gateway, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);

fn launched(listen: &[(&str, &str)], gateway: impl FnOnce(Gateway) -> Gateway) -> Gateway {
    let mut gateway = gateway(
        Gateway::bare()
            .set("Redis__MetricQueueEnabled", "false")
            .set("Stream__Mode", "off")
            .set("Push__Journal", "memory"),
    );
    gateway.unassign("Http__Listen");
    for (key, value) in listen {
        gateway.assign(key, value);
    }
    gateway.launch();
    gateway
}

/// Asks whether it is healthy there, until it answers.
#[track_caller]
fn wait_healthy(address: SocketAddr) {
    wait_for(&format!("health at {address}"), DEADLINE, || {
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let request = b"GET /-/healthy HTTP/1.0\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).map_err(|error| error.to_string())?;
        stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
        if answer.starts_with("HTTP/1.0 200") { Ok(()) } else { Err(answer) }
    });
}

/// What it says of its own address.
#[track_caller]
fn told(gateway: &Gateway) -> SocketAddr {
    wait_for("the line of the start", DEADLINE, || {
        let log = gateway.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut starts = lines.filter(|line| line["message"] == "prom-stream-gateway");
        let listen = starts.next().and_then(|line| Some(line["listen"].as_str()?.to_owned()));
        listen.and_then(|listen| listen.parse().ok()).ok_or(log)
    })
}

#[test]
fn a_port_alone_is_one_of_both_families() {
    let _turn = turn::shared();
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let port = free_port();
    let (colon, bare, url) = (format!(":{port}"), port.to_string(), format!("http://+:{port}"));
    for (key, value) in [
        ("Http__Listen", &colon),
        ("Http__Listen", &bare),
        ("ASPNETCORE_URLS", &url),
        ("ASPNETCORE_HTTP_PORTS", &bare),
    ] {
        let gateway = launched(&[(key, value)], |gateway| gateway);
        wait_healthy(([127, 0, 0, 1], port).into());
        if has_ipv6 {
            wait_healthy(format!("[::1]:{port}").parse().expect("an address"));
        }
        let checked = gateway.command(&["healthcheck"]);
        assert!(checked.status.success(), "{key}={value}: {checked:?}");
    }
}

#[test]
fn without_ipv6_it_is_ipv4_alone() {
    let _turn = turn::shared();
    let port = free_port();
    let gateway = launched(&[("Http__Listen", &format!(":{port}"))], |gateway| {
        gateway.failing("socket:error=EAFNOSUPPORT:when=1")
    });
    wait_healthy(([127, 0, 0, 1], port).into());
    assert!(told(&gateway).is_ipv4());
}

#[test]
fn the_port_that_was_found_is_told() {
    let _turn = turn::shared();
    let gateway = launched(&[("Http__Listen", "127.0.0.1:0")], |gateway| gateway);
    let address = told(&gateway);
    assert_ne!(address.port(), 0);
    wait_healthy(address);
}
