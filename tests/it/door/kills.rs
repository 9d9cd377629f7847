//! `kill -9` under producers that send again, under its key, whatever was not answered: lists,
//! streams, pipelines and transactions. Their totals are exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep, spawn};

use prom_stream_gateway::commands::load::mix::Random;
use tokio::time::Instant;

use super::*;
use crate::harness::campaign::burst;
use crate::harness::{Scraper, seed, turn, wait_for};

const KILLS: u32 = 15;
const PRODUCERS: usize = 12;
const LEAST_ANSWERED: u64 = 3000;

/// How a producer sends.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// `LPUSH` of payloads with an id.
    List,
    /// `XADD … IDMP`.
    Stream,
    /// Both, in `MULTI`.
    Transaction,
}

#[test]
fn nothing_that_was_answered_is_lost_and_nothing_counts_twice() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    campaign(gateway, port);
}

#[test]
fn the_journal_alone_keeps_it() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    campaign(gateway.set("Snapshot__Interval", "1h"), port);
}

fn campaign(gateway: Gateway, port: u16) {
    let mut random = Random::new(seed());
    let mut gateway = gateway.start();
    let scraper = Scraper::start(gateway.port());
    let answered = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|number| {
            let way = [Way::List, Way::Stream, Way::Transaction][number % 3];
            Producer { port, number, way, random: Random::new(random.next_u64()) }
                .start(&answered, &stop)
        })
        .collect();
    burst(&mut gateway, KILLS, &mut random);
    wait_for("answered events", DEADLINE, || match answered.load(Ordering::Relaxed) {
        enough if enough >= LEAST_ANSWERED => Ok(()),
        few => Err(few.to_string()),
    });
    stop.store(true, Ordering::Relaxed);
    let sent: Vec<u64> =
        producers.into_iter().map(|producer| producer.join().expect("a producer")).collect();
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    for (number, sent) in sent.iter().enumerate() {
        let labels = [("producer", &*number.to_string())];
        let served = gateway.page().value("sent_total", &labels).unwrap_or(0.0);
        assert_eq!(served, *sent as f64, "producer {number}");
    }
    scraper.finish();
}

struct Producer {
    port: u16,
    number: usize,
    way: Way,
    random: Random,
}

impl Producer {
    /// Returns the sum of all values that were sent.
    fn start(mut self, answered: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
        let (answered, stop) = (Arc::clone(answered), Arc::clone(stop));
        spawn(move || {
            let (mut sum, mut number) = (0, 0);
            let mut connection = None;
            while !stop.load(Ordering::Relaxed) {
                let values: Vec<u64> =
                    (0..1 + self.random.below(30)).map(|_| 1 + self.random.below(5)).collect();
                let end = Instant::now() + DEADLINE;
                // All of a pipeline again, until all of it is answered.
                while let Err(error) = self.send(&mut connection, number, &values) {
                    assert!(Instant::now() < end, "no answer: {error}");
                    connection = None;
                    sleep(Duration::from_millis(1 + self.random.below(20)));
                }
                number += values.len() as u64;
                sum += values.iter().sum::<u64>();
                answered.fetch_add(values.len() as u64, Ordering::Relaxed);
                sleep(Duration::from_millis(self.random.below(10)));
            }
            sum
        })
    }

    fn send(
        &self,
        connection: &mut Option<Connection>,
        first: u64,
        values: &[u64],
    ) -> RedisResult<()> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(try_connect(self.port)?),
        };
        let mut pipe = redis::pipe();
        if matches!(self.way, Way::Transaction) {
            pipe.atomic();
        }
        for (number, value) in (first..).zip(values) {
            let producer = self.number;
            let event = format!(
                r#"{{"name":"sent_total","value":{value},"labels":{{"producer":"{producer}"}}}}"#
            );
            let by_list = match self.way {
                Way::List => true,
                Way::Stream => false,
                Way::Transaction => number % 2 == 0,
            };
            if by_list {
                let payload = format!(r#"{{"id":"{producer}-{number}","events":[{event}]}}"#);
                pipe.cmd("LPUSH").arg(LIST).arg(payload).ignore();
            } else {
                let add = pipe.cmd("XADD").arg(STREAM).arg("IDMP").arg(producer).arg(number);
                add.arg("*").arg("data").arg(event).ignore();
            }
        }
        pipe.query(connection)
    }
}
