//! What was decided for who came first stays decided: `kill -9`, and the sources are read again in
//! another order. No checkpoint is due meanwhile; only a page may ask for one.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Gateway, LIST, Page, RedisServer, STREAM, http, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(60);

/// Of each source, and several pages.
const EVENTS: u64 = 300;

/// So long that reading the journal again takes a while.
const PADDING: usize = 50_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    List,
    Stream,
    Push,
}

impl Way {
    /// Sends events, each in a payload of its own.
    fn send(self, redis: &RedisServer, gateway: &Gateway, events: &[Value]) {
        if self == Self::Push {
            let padding = " ".repeat(PADDING);
            for event in events {
                let body = format!("{event}{padding}");
                let answer =
                    http::send(gateway.port(), "POST", "/api/v1/events", &[], body.as_bytes());
                assert_eq!(answer.expect("an answer").status, 200, "{event}");
            }
            return;
        }
        let mut pipe = redis::pipe();
        for event in events {
            match self {
                Self::Stream => pipe.cmd("XADD").arg(STREAM).arg("*").arg("data"),
                _ => pipe.cmd("LPUSH").arg(LIST),
            };
            pipe.arg(event.to_string()).ignore();
        }
        redis.query(&pipe);
    }
}

/// Each source is faster than the other in one of them.
const ORDERS: [[Way; 2]; 3] =
    [[Way::List, Way::Stream], [Way::Stream, Way::List], [Way::Push, Way::List]];

fn gateway(redis: &RedisServer) -> Gateway {
    Gateway::of(redis)
        .set("Snapshot__Interval", "1h")
        .set("Redis__MetricQueuePopCount", "50")
        .set("Stream__BatchSize", "50")
}

fn each(event: impl Fn(u64) -> Value) -> Vec<Value> {
    (0..EVENTS).map(event).collect()
}

/// A series each, of a name.
fn series(name: &str) -> Vec<Value> {
    each(|n| json!({"name": name, "value": 1, "labels": {"n": n}}))
}

/// Waits until so many events were applied or refused.
#[track_caller]
fn wait_applied(gateway: &Gateway, events: usize) {
    wait_for(&format!("{events} events"), DEADLINE, || {
        let status = gateway.status();
        let sources = status["sources"].as_array().expect("sources");
        let dropped = sources.iter().filter_map(|source| source["dropped"].as_object());
        let dropped = dropped.flat_map(|reasons| reasons.values()).filter_map(Value::as_u64);
        match gateway.total("processed") + dropped.sum::<u64>() {
            done if done == events as u64 => Ok(()),
            done => Err(format!("{done}: {status}")),
        }
    });
}

/// What a page says of the producers' metrics, and of what became of their events.
fn settled(mut page: Page) -> Page {
    let is_settled = |name: &str| {
        let ours = ["prom_stream_gateway_processed", "prom_stream_gateway_dropped"];
        ours.iter().any(|ours| name.starts_with(ours))
            || !name.starts_with("prom_stream_gateway_") && !name.starts_with("process_")
    };
    page.types.retain(|name, _| is_settled(name));
    page.helps.retain(|name, _| is_settled(name));
    page.samples.retain(|name, _| is_settled(name));
    page
}

#[track_caller]
fn assert_same(before: &Page, after: &Page, context: &str) {
    let differ =
        before.samples.iter().filter(|(name, value)| after.samples.get(*name) != Some(value));
    let differ: Vec<_> =
        differ.map(|(name, value)| (name, value, after.samples.get(name))).collect();
    assert!(
        differ.is_empty(),
        "{context}: {} differ, {:?}",
        differ.len(),
        &differ[..differ.len().min(5)]
    );
    assert_eq!(before.samples.len(), after.samples.len(), "{context}");
    assert_eq!(before.types, after.types, "{context}");
    assert_eq!(before.helps, after.helps, "{context}");
}

#[test]
fn series_that_a_page_has_shown_keep_their_place_at_the_limit() {
    let _turn = turn::shared();
    for order in ORDERS {
        let redis = RedisServer::start(&[]);
        let limit = EVENTS.to_string();
        let mut gateway = gateway(&redis).set("Metrics__MaxSeries", &limit).start();
        let [first, second] = order;
        first.send(&redis, &gateway, &series("first_total"));
        wait_applied(&gateway, EVENTS as usize);
        second.send(&redis, &gateway, &series("second_total"));
        wait_applied(&gateway, 2 * EVENTS as usize);
        let before = settled(gateway.page());
        assert_eq!(before.value("first_total", &[("n", "299")]), Some(1.0));
        assert_eq!(before.value("second_total", &[("n", "0")]), None);
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        assert_same(&before, &settled(gateway.page()), &format!("{order:?}"));
        // Once more, and others wait when it starts.
        gateway.kill();
        second.send(&redis, &gateway, &series("third_total"));
        gateway.launch();
        gateway.wait_ready();
        let after = settled(gateway.page());
        for (name, value) in &before.samples {
            let now = after.samples.get(name);
            assert!(now >= Some(value), "{order:?}: {name} was {value}, and is {now:?}");
        }
    }
}

#[test]
fn types_buckets_names_quantiles_and_help_texts_stay_those_of_who_came_first() {
    let _turn = turn::shared();
    let event = |first: bool, n: u64| {
        let pick = |one: &str, other: &str| if first { one.to_owned() } else { other.to_owned() };
        let bound = if first { 1 } else { 5 };
        [
            json!({"type": pick("counter", "gauge"), "name": format!("type_{n}"), "value": 1}),
            json!({"type": "histogram", "name": format!("buckets_{n}"), "value": 0.5,
                   "buckets": [bound, bound + 1]}),
            match first {
                true => json!({"type": "summary", "name": format!("name_{n}"), "value": 1}),
                false => json!({"name": format!("name_{n}_sum"), "value": 1}),
            },
            json!({"type": "summary", "name": format!("quantiles_{n}"), "value": 1,
                   "quantiles": [if first { 0.5 } else { 0.9 }], "epsilons": [0.01]}),
            json!({"name": format!("help_{n}"), "value": 1, "help": pick("One.", "Other.")}),
        ]
    };
    let events = |first: bool| (0..EVENTS / 5).flat_map(|n| event(first, n)).collect::<Vec<_>>();
    let count = events(true).len();
    for order in ORDERS {
        let redis = RedisServer::start(&[]);
        let mut gateway = gateway(&redis).start();
        let [first, second] = order;
        first.send(&redis, &gateway, &events(true));
        wait_applied(&gateway, count);
        second.send(&redis, &gateway, &events(false));
        wait_applied(&gateway, 2 * count);
        let before = settled(gateway.page());
        assert_eq!(before.types["type_7"], "counter");
        assert_eq!(before.value("buckets_7_bucket", &[("le", "1")]), Some(2.0));
        assert_eq!(before.value("name_7_sum", &[]), Some(1.0));
        assert_eq!(before.value("quantiles_7", &[("quantile", "0.5")]), Some(1.0));
        assert_eq!(before.helps["help_7"], "One.");
        gateway.kill();
        gateway.launch();
        gateway.wait_ready();
        assert_same(&before, &settled(gateway.page()), &format!("{order:?}"));
    }
}

#[test]
fn where_no_snapshot_can_be_written_the_page_is_served_and_says_so() {
    const UNSETTLED: &str = "prom_stream_gateway_unsettled_pages_total";
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = gateway(&redis).start();
    Way::List.send(&redis, &gateway, &series("before_total"));
    wait_applied(&gateway, EVENTS as usize);
    assert_eq!(gateway.page().value(UNSETTLED, &[]), Some(0.0));
    fs::remove_dir_all(gateway.snapshots()).expect("a page asked for a snapshot");
    fs::write(gateway.snapshots(), "in the way").expect("a file can be there");
    Way::Stream.send(&redis, &gateway, &series("during_total"));
    wait_applied(&gateway, 2 * EVENTS as usize);
    for _ in 0..3 {
        let page = gateway.page();
        assert_eq!(page.value("during_total", &[("n", "299")]), Some(1.0));
    }
    // Each page says what was before it.
    assert_eq!(gateway.page().value(UNSETTLED, &[]), Some(3.0));
    let told = || gateway.log().matches("no snapshot covers which series it shows").count();
    assert_eq!(told(), 1, "{}", gateway.log());
    fs::remove_file(gateway.snapshots()).expect("it is there");
}
