//! Passwords of three kinds, and what goes without.

use super::*;
use crate::harness::ports::free_port;
use crate::harness::{http, turn};

fn protected() -> Gateway {
    let users = format!("basic_auth_users: {{alice: '{}'}}\n", hash("wonder"));
    let headers = "http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n";
    let gateway = gateway(&(users + headers));
    let hashes = format!("# Those of the pushers.\n\n{}\n{}\n", hash("push"), hash("pull"));
    write(gateway.directory(), "hashes", &hashes);
    gateway.set("Http__BasicAuthFile", "hashes").set("Http__BasicAuthUsers", "carol=sing,dave=x=y")
}

#[test]
fn any_known_password_lets_in_and_no_other() {
    let _turn = turn::shared();
    let gateway = launched(protected());
    for (arguments, status) in [
        (&[][..], 401),
        (&["-u", "alice:wonder"], 200),
        (&["-u", "alice:wonder2"], 401),
        (&["-u", "bob:wonder"], 401),
        (&["-u", "anybody:push"], 200),
        (&["-u", ":pull"], 200),
        (&["-H", "Authorization: push"], 200),
        (&["-H", "Authorization: wonder"], 401),
        (&["-u", "carol:sing"], 200),
        (&["-u", "dave:x=y"], 200),
        (&["-u", "dave:x"], 401),
        (&["-I"], 401),
        // No route is asked, and no body read: not even one that is announced and never comes.
        (&["-X", "POST", "-H", "Content-Length: 1000000"], 401),
        (&["-X", "DELETE"], 401),
    ] {
        for path in [PAGE, "/no/such/page"] {
            let seen = curl(&gateway, "http", path, arguments);
            let expected = if status == 200 && path != PAGE { 404 } else { status };
            assert_eq!(seen.status, expected, "{path} {arguments:?}: {seen:?}");
            let challenged = seen.text.contains("www-authenticate: Basic realm=");
            assert_eq!(challenged, status == 401, "{seen:?}");
            assert!(seen.text.contains("x-content-type-options: nosniff"), "{seen:?}");
        }
    }
    for (arguments, code) in [(&["healthcheck"][..], 0), (&["healthcheck", "--ready"], 1)] {
        let output = gateway.command(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[test]
fn what_is_exempt_needs_no_password() {
    let _turn = turn::shared();
    let gateway = launched(protected().set("Http__AuthExempt", "health"));
    assert_eq!(curl(&gateway, "http", "/-/healthy", &[]).status, 200);
    wait_for("readiness", DEADLINE, || match curl(&gateway, "http", "/-/ready", &[]) {
        seen if seen.status == 200 => Ok(()),
        seen => Err(format!("{seen:?}")),
    });
    assert_eq!(curl(&gateway, "http", "/-/healthy", &["-X", "POST"]).status, 401);
    assert_eq!(curl(&gateway, "http", "/metrics", &[]).status, 401);
    let ready = gateway.command(&["healthcheck", "--ready"]);
    assert!(ready.status.success(), "{ready:?}");
}

#[test]
fn the_lifecycle_listener_is_plain_and_open() {
    let _turn = turn::shared();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let gateway = launched(protected().set("Http__LifecycleListen", &listen));
    let answer = http::get(port, "/healthy").expect("it listens");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(curl(&gateway, "http", PAGE, &[]).status, 401);
}

#[test]
fn secrets_are_neither_printed_nor_logged() {
    let _turn = turn::shared();
    let gateway = launched(protected().set("Logging__Level", "debug"));
    assert_eq!(curl(&gateway, "http", PAGE, &["-u", "carol:sing"]).status, 200);
    assert_eq!(curl(&gateway, "http", PAGE, &["-u", "carol:guess"]).status, 401);
    let check = gateway.command(&["check"]);
    let printed = String::from_utf8_lossy(&check.stdout).into_owned() + &gateway.log();
    assert!(printed.contains("carol=***,dave=***"), "{printed}");
    assert!(printed.contains("HTTP: plain HTTP, 5 users and passwords"), "{printed}");
    for secret in ["sing", "x=y", "guess", "$2b$"] {
        // A word of it may be part of another.
        let words = printed.split(|c: char| !c.is_alphanumeric() && !"$=".contains(c));
        assert!(!words.clone().any(|word| word.starts_with(secret)), "{secret} in {printed}");
    }
}

#[test]
fn what_cannot_be_used_ends_the_start_with_64() {
    let _turn = turn::shared();
    for (name, text, part) in [
        ("web.yml", "basic_auth_user: {}", "basic_auth_user"),
        ("web.yml", "tls_server_config: {cert_file: no.crt, key_file: no.key}", "no.crt"),
        ("hashes", "plain\n", "line 1 is not a bcrypt hash"),
    ] {
        let mut gateway = protected();
        write(gateway.directory(), name, text);
        let check = gateway.command(&["check"]);
        assert_eq!(check.status.code(), Some(64), "{check:?}");
        assert!(String::from_utf8_lossy(&check.stdout).contains(part), "{check:?}");
        gateway.launch();
        let (status, output) = gateway.wait_exit();
        assert_eq!(status.code(), Some(64), "{output}");
        assert!(output.contains(part), "{output}");
    }
}
