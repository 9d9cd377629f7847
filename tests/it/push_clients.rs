//! The clients that people push with today, as they are: the official Python client,
//! prom-client, Go's wire bytes, and curl.
//!
//! The expectations were found by pushing to the programs that are to be replaced, and one
//! test, for a machine that has the Pushgateway, still does so.

use std::time::Duration;

use serde_json::Value;

use crate::harness::page::key;
use crate::harness::pushgateway::Pushgateway;
use crate::harness::{Gateway, Page, RedisServer, http, turn, wait_for};

mod aggregating;
mod go;
mod node;
mod parsers;
mod python;
mod runner;
mod secured;
mod shell;

use runner::Client;

/// The Pushgateway deletes some milliseconds after it has answered.
const DEADLINE: Duration = Duration::from_secs(10);

/// A name, labels and a value.
type Sample<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

/// A gateway that means what the Pushgateway means.
fn replacing(redis: &RedisServer) -> Gateway {
    Gateway::of(redis).set("Push__Dialect", "replace").start()
}

#[test]
fn python_client() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    python::pushes_adds_and_deletes(replacing(&redis).port());
}

#[test]
fn node_client() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = replacing(&redis);
    node::pushes_adds_and_deletes(gateway.port());
    node::slashes_stay_in_their_value(gateway.port());
}

#[test]
fn go_client() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    go::pushes_protobuf(replacing(&redis).port());
}

#[test]
fn scripts_for_the_pushgateway() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    shell::pushgateway(replacing(&redis).port());
}

/// The real one, to check the expectations above: needs `prometheus-pushgateway` in the path.
#[test]
#[ignore = "checks the tests, not the gateway"]
fn pushgateway_itself() {
    let pushgateway = Pushgateway::start();
    let port = pushgateway.port();
    python::pushes_adds_and_deletes(port);
    node::pushes_adds_and_deletes(port);
    go::pushes_protobuf(port);
    shell::pushgateway(port);
}

fn page(port: u16) -> Page {
    let answer = http::get(port, "/metrics").unwrap_or_else(|error| panic!("/metrics: {error}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    Page::parse(&answer.body).unwrap_or_else(|error| panic!("{error}\n{}", answer.body))
}

/// All samples whose name begins so, by name and labels, as the page has them.
fn samples(port: u16, prefix: &str) -> Vec<(String, f64)> {
    let samples = page(port).samples.into_iter();
    samples.filter(|(sample, _)| sample.starts_with(prefix)).collect()
}

/// Waits until these are all the samples whose name begins so; the labels given here are added to
/// each: `name{own="labels"}`.
#[track_caller]
fn expect(port: u16, prefix: &str, group: &[(&str, &str)], expected: &[Sample<'_>]) {
    let mut expected: Vec<(String, f64)> = expected
        .iter()
        .map(|(name, labels, value)| {
            let labels = [labels, group].concat();
            (key(name, &labels), *value)
        })
        .collect();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    wait_for(&format!("{prefix}… as expected"), DEADLINE, || {
        let served = samples(port, prefix);
        // When a series began is not known beforehand.
        let known: Vec<_> =
            served.into_iter().filter(|(sample, _)| !sample.contains("_created{")).collect();
        if known == expected {
            Ok(())
        } else {
            Err(format!("served {known:#?}\nexpected {expected:#?}"))
        }
    });
}

/// The groups that the API of the Pushgateway lists, `data` of `/api/v1/metrics`.
#[track_caller]
fn groups(port: u16) -> Vec<Value> {
    let answer = http::get(port, "/api/v1/metrics").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(json["status"], "success", "{json}");
    json["data"].as_array().unwrap_or_else(|| panic!("no groups: {json}")).clone()
}

/// The group of exactly these labels.
#[track_caller]
fn group(port: u16, labels: &Value) -> Value {
    let groups = groups(port);
    let found = groups.iter().find(|group| &group["labels"] == labels);
    found.unwrap_or_else(|| panic!("no group {labels} in {groups:#?}")).clone()
}
