//! The control: a consumer that pops what it reads, as the predecessor did, loses
//! events in the very campaign that the gateway survives, and the oracle that finds
//! the gateway exact finds every series of this one short.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::{Mix, Random};
use prom_stream_gateway::commands::load::producer::Plan;
use tokio::time::Instant;

use crate::harness::campaign::{Victim, torment};
use crate::harness::check::differences;
use crate::harness::page::key;
use crate::harness::process::Process;
use crate::harness::{LIST, Page, Producers, RedisServer, eventually, producer, seed, turn};

const KILLS: u32 = 10;
const EVENTS: u64 = 30_000;
const SAVE_EVERY: Duration = Duration::from_millis(200);
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// Tells the test binary, started anew, what to consume and where to save.
const SOCKET: &str = "NAIVE_CONSUMER_SOCKET";
const STATE: &str = "NAIVE_CONSUMER_STATE";

struct NaiveConsumer {
    socket: PathBuf,
    state: PathBuf,
    log: PathBuf,
    process: Option<Process>,
    /// The state file's content when the process was started.
    before: Option<String>,
}

impl Victim for NaiveConsumer {
    fn launch(&mut self) {
        let this = std::env::current_exe().expect("the test binary knows its path");
        self.before = fs::read_to_string(&self.state).ok();
        let mut command = Command::new(this);
        command.args(["--ignored", "--exact", "naive_control::consumer"]);
        command.env(SOCKET, &self.socket).env(STATE, &self.state);
        self.process = Some(Process::spawn(&mut command, &self.log));
    }

    fn kill(&mut self) {
        self.process = None;
    }

    /// It has consumed and saved something.
    fn is_ready(&mut self) -> bool {
        fs::read_to_string(&self.state).ok() != self.before
    }
}

#[test]
fn a_naive_consumer_loses_events() {
    let _turn = turn::shared();
    let seed = seed();
    let redis = RedisServer::start(&[]);
    let file = |name: &str| redis.directory().join(name);
    let mut consumer = NaiveConsumer {
        socket: redis.socket(),
        state: file("state.json"),
        log: file("consumer.log"),
        process: None,
        before: None,
    };
    consumer.launch();
    let mix = Mix { counter: 1, gauge: 0, histogram: 0, summary: 0 };
    let plan = Plan { seed, mix, ..producer::to_list(&redis) };
    let producers = Producers::start(&plan);
    torment(&mut consumer, &producers, KILLS, EVENTS, &mut Random::new(seed));
    let ledger = producers.stop();

    eventually("an empty queue", DRAIN_DEADLINE, || redis.run::<u64>(&["LLEN", LIST]) == 0);
    let mut counted = read(&consumer.state);
    eventually("a last save", DRAIN_DEADLINE, || {
        let before = std::mem::replace(&mut counted, read(&consumer.state));
        std::thread::sleep(SAVE_EVERY * 3);
        before == counted && counted == read(&consumer.state)
    });
    let page = Page { samples: counted, ..Page::default() };
    let found = differences(&ledger, &page);
    let sent: f64 = ledger.series.iter().map(|series| series.acknowledged.sum).sum();
    let served: f64 = page.samples.values().sum();
    eprintln!("served {served} of {sent}; {} samples differ", found.len());
    assert!(served > sent / 10.0, "the consumer hardly worked: {found:?}");
    assert!(
        found.len() >= ledger.series.iter().filter(|series| series.attempted.count > 0).count(),
        "{KILLS} kills cost too little, the campaign does not bite: {found:?}"
    );
}

/// Sums by series, as a page has them.
fn read(state: &Path) -> BTreeMap<String, f64> {
    let text = fs::read(state).unwrap_or_else(|_| b"{}".to_vec());
    serde_json::from_slice(&text).expect("the state is renamed into place")
}

#[test]
#[ignore = "the process that the control kills, not a test"]
fn consumer() {
    let variable = |name| std::env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let state = PathBuf::from(variable(STATE));
    let client = redis::Client::open(format!("unix://{}", variable(SOCKET)));
    let client = client.expect("the socket's path is a connection string");
    let mut connection = client.get_connection().expect("Redis is there");
    let mut counted = read(&state);
    let mut save_due = Instant::now() + SAVE_EVERY;
    loop {
        let pop = redis::cmd("RPOP").arg(LIST).arg(25).to_owned();
        let popped: Option<Vec<String>> = pop.query(&mut connection).expect("Redis is there");
        match popped {
            Some(payloads) => {
                for payload in payloads {
                    let event: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
                    let labels = event["labels"].as_object().expect("labels");
                    let labels: Vec<_> = labels
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
                        .collect();
                    let series = key(event["name"].as_str().expect("a name"), &labels);
                    *counted.entry(series).or_default() +=
                        event["value"].as_f64().expect("a value");
                }
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
        if Instant::now() >= save_due {
            let temporary = state.with_extension("tmp");
            let json = serde_json::to_vec(&counted).expect("counts are JSON");
            fs::write(&temporary, json).expect("the directory can be written to");
            fs::rename(&temporary, &state).expect("the directory can be written to");
            save_due = Instant::now() + SAVE_EVERY;
        }
    }
}
