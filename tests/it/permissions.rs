//! A user of Redis with the rights that the README lists, and no others.

use std::time::Duration;

use crate::harness::{DEAD_LETTERS, Gateway, LIST, RedisServer, STREAM};
use crate::harness::{check, eventually, http, turn, wait_for};

const README: &str = include_str!("../../README.md");
const DEADLINE: Duration = Duration::from_secs(60);

/// What the gateway can do without.
const OPTIONAL: [&str; 5] = ["+info", "+client|info", "+client|kill", "+xlen", "+memory|usage"];

/// What follows the user's name and password in the README's `ACL SETUSER`.
fn rules() -> Vec<String> {
    let (_, command) = README.split_once("ACL SETUSER gateway").expect("the README has it");
    let (command, _) = command.split_once("```").expect("it ends");
    let words = command.split_whitespace().filter(|word| *word != "\\");
    words.map(|word| word.trim_matches('\'').to_owned()).collect()
}

fn commands() -> impl Iterator<Item = String> {
    rules().into_iter().filter(|rule| rule.starts_with('+'))
}

fn set_user(redis: &RedisServer, without: &[&str]) {
    let rules = rules();
    assert!(rules.contains(&"-@all".to_owned()), "{rules:?}");
    let rules = rules.iter().map(String::as_str).filter(|rule| !without.contains(rule));
    let command: Vec<_> = ["ACL", "SETUSER", "gateway", "reset"].into_iter().chain(rules).collect();
    redis.run::<()>(&command);
}

fn gateway(redis: &RedisServer, mode: &str) -> Gateway {
    let password = rules().iter().find_map(|rule| rule.strip_prefix('>').map(str::to_owned));
    let password = password.expect("a password");
    Gateway::of(redis)
        .set(
            "Redis__ConnectionString",
            &format!("{},user=gateway,password={password}", redis.address()),
        )
        .set("Stream__Mode", mode)
        .set("Push__Via", "stream")
}

#[test]
fn what_the_readme_lists_is_enough() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        for without in [&[][..], &OPTIONAL] {
            let redis = RedisServer::start(&[]);
            set_user(&redis, without);
            let gateway = gateway(&redis, mode).set("Logging__Level", "debug").start();
            for at in 0..50 {
                redis.run::<()>(&["LPUSH", LIST, r#"{"name":"listed_total","value":1}"#]);
                redis.run::<String>(&[
                    "XADD",
                    STREAM,
                    "*",
                    "e",
                    r#"{"name":"added_total","value":1}"#,
                ]);
                if at == 0 {
                    redis.run::<()>(&["LPUSH", LIST, "no JSON"]);
                }
            }
            let pushed = http::send(gateway.port(), "POST", "/metrics", &[], b"pushed_total 1\n");
            assert_eq!(pushed.expect("an answer").status, 200, "{mode} {without:?}");
            gateway.wait_value("listed_total", &[], 50.0);
            gateway.wait_value("added_total", &[], 50.0);
            eventually("a dead letter", DEADLINE, || {
                redis.run::<u64>(&["XLEN", DEAD_LETTERS]) == 1
            });
            eventually("a checkpoint", DEADLINE, || {
                gateway.status()["checkpoint"]["successes"].as_u64() >= Some(1)
            });
            if mode == "group" {
                eventually("all is acknowledged", DEADLINE, || check::unacknowledged(&redis) == 0);
            }
            assert!(gateway.is_ready());
            let checked = gateway.command(&["check"]);
            let text = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "{mode} {without:?}: {text}");
            let told =
                if without.is_empty() { "permits what the sources do" } else { "MEMORY USAGE" };
            assert!(text.contains(told), "{mode} {without:?}: {text}");
            let log = gateway.log();
            let refused: Vec<_> = log.lines().filter(|line| line.contains("NOPERM")).collect();
            assert!(without == OPTIONAL || refused.is_empty(), "{mode}: {refused:?}");
        }
    }
}

#[test]
fn check_names_every_command_that_is_missing() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateways = [gateway(&redis, "group"), gateway(&redis, "reader")];
    for command in commands().filter(|command| !OPTIONAL.contains(&command.as_str())) {
        set_user(&redis, &[&command]);
        let name = command.trim_start_matches('+').replace('|', " ").to_uppercase();
        let checks = gateways.each_ref().map(|gateway| {
            let output = gateway.command(&["check"]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let line = text.lines().find(|line| line.contains(" Redis: ")).unwrap_or(&text);
            line.to_owned()
        });
        let names = |line: &String| !line.contains("  ok ") && line.contains(&name);
        assert!(checks.iter().any(names), "{command}: {checks:?}");
    }
    assert_eq!(redis.keys(), [""; 0], "asking changes nothing");
}

#[test]
fn keys_that_are_not_permitted_are_named() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let derived = rules().into_iter().find(|rule| rule.starts_with("~{")).expect("derived keys");
    set_user(&redis, &[&derived]);
    let output = gateway(&redis, "group").command(&["check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("RENAMENX") && text.contains("SADD"), "{text}");
}

/// The one that shows only once there is something in the list.
#[test]
fn a_gateway_that_may_not_take_the_list_is_not_ready_until_it_may() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    set_user(&redis, &["+renamenx"]);
    let mut gateway = gateway(&redis, "group");
    gateway.launch();
    wait_for("a reason", DEADLINE, || {
        let answer = gateway.get("/-/ready").map_err(|error| error.to_string())?;
        let named = answer.body.contains("Redis does not permit RENAMENX");
        if answer.status == 503 && named { Ok(()) } else { Err(answer.body) }
    });
    eventually("a line of the log", DEADLINE, || {
        gateway.log().contains("Redis does not permit what the sources do")
    });
    redis.run::<()>(&["LPUSH", LIST, r#"{"name":"listed_total","value":1}"#]);
    set_user(&redis, &[]);
    gateway.wait_ready();
    gateway.wait_value("listed_total", &[], 1.0);
}
