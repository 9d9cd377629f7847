//! `kill -9` under pushes: what was answered is served, and nothing is served that was not pushed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::DEADLINE;
use crate::harness::campaign::burst;
use crate::harness::{Gateway, Pushers, RedisServer, Scraper, http, seed, turn, wait_for};

const PUSHERS: usize = 32;
const KILLS: u32 = 10;
/// Of the pushers with keys, whatever the machine.
const LEAST_PUSHES: u64 = 300;

#[test]
fn nothing_that_was_answered_is_lost() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    campaign(Gateway::of(&redis));
}

/// So rarely that nearly everything is replayed after each kill.
#[test]
fn the_journal_alone_keeps_it() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    campaign(Gateway::of(&redis).set("Snapshot__Interval", "1h"));
}

/// Half of the pushers send again, with a key, what was not answered: of theirs the totals are
/// exact. The other half never does: theirs are between what was answered and what was sent.
pub(super) fn campaign(gateway: Gateway) {
    let mut random = Random::new(seed());
    let mut gateway = gateway.start();
    let scraper = Scraper::start(gateway.port());
    let keyed = Pushers::start(&[gateway.port()], PUSHERS, "keyed", random.next_u64());
    let keyless: Vec<_> =
        (0..PUSHERS).map(|number| Keyless::start(gateway.port(), number)).collect();
    burst(&mut gateway, KILLS, &mut random);
    keyed.wait_answered(LEAST_PUSHES);
    let ledgers = keyed.stop();
    let sent: Vec<_> = keyless.into_iter().map(Keyless::stop).collect();
    // A last kill, with everything at rest.
    gateway.kill();
    gateway.launch();
    gateway.wait_ready();
    let page = gateway.page();
    let differences: Vec<_> = ledgers.iter().flat_map(|ledger| ledger.differences(&page)).collect();
    assert_eq!(differences, Vec::<String>::new());
    for (number, (answered, attempted)) in sent.into_iter().enumerate() {
        assert!(answered > 0, "keyless pusher {number} was never answered");
        let name = number.to_string();
        let served = page.value("keyless_total", &[("pusher", &name)]).unwrap_or(0.0) as u64;
        assert!(
            (answered..=attempted).contains(&served),
            "pusher {number}: {served} served, {answered} answered of {attempted}"
        );
    }
    scraper.finish();
}

/// Pushes ones, and asks nobody twice.
struct Keyless {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    attempted: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Keyless {
    fn start(port: u16, number: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (answered, attempted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (stop.clone(), answered.clone(), attempted.clone());
        let body =
            format!("# TYPE keyless_total counter\nkeyless_total{{pusher=\"{number}\"}} 1\n");
        let thread = spawn(move || {
            let (stop, answered, attempted) = counts;
            while !stop.load(Ordering::Relaxed) {
                attempted.fetch_add(1, Ordering::Relaxed);
                match http::send(port, "POST", "/metrics", &[], body.as_bytes()) {
                    Ok(answer) if answer.status == 200 => {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(answer) if (400..500).contains(&answer.status) => {
                        panic!("a push that is right was refused: {answer:?}")
                    }
                    _ => sleep(Duration::from_millis(10)),
                }
                sleep(Duration::from_millis(5));
            }
        });
        Self { stop, answered, attempted, thread }
    }

    /// What was answered, what was sent.
    fn stop(self) -> (u64, u64) {
        // At least one by a gateway that lives.
        wait_for("an answer", DEADLINE, || match self.answered.load(Ordering::Relaxed) {
            0 => Err("none".into()),
            _ => Ok(()),
        });
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the pusher does not panic");
        (self.answered.load(Ordering::Relaxed), self.attempted.load(Ordering::Relaxed))
    }
}

/// Killed at each place that a push passes on its way; the answer decides what must be served.
#[cfg(feature = "failpoints")]
#[test]
fn killed_at_every_point_on_a_push_s_way() {
    let _turn = turn::shared();
    for point in ["journal-written", "journal-synced", "apply-middle"] {
        let redis = RedisServer::start(&[]);
        let mut gateway = Gateway::of(&redis).set("FAILPOINTS", &format!("{point}=3*off->return"));
        gateway.launch();
        gateway.wait_ready();
        let (mut answered, mut attempted) = (0, 0);
        while attempted < 100 {
            attempted += 1;
            match http::send(gateway.port(), "POST", "/metrics", &[], b"point_total 1\n") {
                Ok(answer) => {
                    assert_eq!(answer.status, 200, "{point}: {answer:?}");
                    answered += 1;
                }
                Err(_) => break,
            }
        }
        assert!(attempted < 100, "{point} was never reached");
        gateway.kill();
        gateway.unassign("FAILPOINTS");
        gateway.launch();
        gateway.wait_ready();
        let served = super::lines(&gateway, "point_total");
        let allowed = [format!("point_total {answered}"), format!("point_total {attempted}")];
        assert!(
            served.len() == 1 && allowed.contains(&served[0]),
            "{point}: {served:?} of {allowed:?}"
        );
    }
}
