//! Producers that push over HTTP, in threads of the test, with a ledger of what was answered.
//!
//! Each push is sent again, with its idempotency key, until it is answered with a 2xx: so the totals
//! are known exactly, whatever was killed in between. Each pusher has series of its own, so after
//! an answer it knows what every later page must show at least, and looks now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use tokio::time::Instant;

use super::page::key;
use super::{Page, http, wait_for};

/// How long a push may need until it is answered, with kills and restarts in between.
const DEADLINE: Duration = Duration::from_secs(60);

/// Series that one push writes: a counter, a histogram, a gauge.
pub(crate) const SERIES_OF_A_PUSH: u64 = 3;

pub(crate) struct Pushers {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<PusherLedger>>>,
}

/// What must be served of one pusher.
#[derive(Clone, Debug)]
pub(crate) struct PusherLedger {
    name: String,
    pub(crate) pushes: u64,
    total: f64,
    below_bound: f64,
    sum: f64,
    last: f64,
}

impl Pushers {
    /// So many of them, each with one push after the other, to whichever of the ports answers.
    /// The names are the pushers' own: others of the same prefix must not exist.
    pub(crate) fn start(ports: &[u16], count: usize, prefix: &str, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let threads = (0..count).map(|number| {
            let (stop, answered, ports) = (stop.clone(), answered.clone(), ports.to_vec());
            let name = format!("{prefix}-{number}");
            let random = Random::new(seed ^ (number as u64) << 32);
            std::thread::spawn(move || vec![push_until(&stop, &answered, &ports, name, random)])
        });
        Self { threads: threads.collect(), stop, answered }
    }

    /// Waits until so many pushes were answered.
    #[track_caller]
    pub(crate) fn wait_answered(&self, pushes: u64) {
        wait_for("answered pushes", DEADLINE, || match self.answered.load(Ordering::Relaxed) {
            enough if enough >= pushes => Ok(()),
            few => Err(format!("{few} of {pushes}")),
        });
    }

    /// Stops after the pushes under way, which are seen to their end.
    pub(crate) fn stop(self) -> Vec<PusherLedger> {
        self.stop.store(true, Ordering::Relaxed);
        let ledgers = self.threads.into_iter().map(|thread| match thread.join() {
            Ok(ledgers) => ledgers,
            Err(panicked) => std::panic::resume_unwind(panicked),
        });
        ledgers.flatten().collect()
    }
}

fn push_until(
    stop: &AtomicBool,
    answered: &AtomicU64,
    ports: &[u16],
    name: String,
    mut random: Random,
) -> PusherLedger {
    let mut ledger =
        PusherLedger { name, pushes: 0, total: 0.0, below_bound: 0.0, sum: 0.0, last: 0.0 };
    let mut at = 0;
    while !stop.load(Ordering::Relaxed) {
        let value = 1 + random.below(5);
        let header = format!("Idempotency-Key: {}-{}", ledger.name, ledger.pushes);
        let body = ledger.body(value);
        let end = Instant::now() + DEADLINE;
        loop {
            let port = ports[at % ports.len()];
            match http::send(port, "POST", "/metrics", &[&header], body.as_bytes()) {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) if (400..500).contains(&answer.status) => {
                    panic!("a push that is right was refused: {answer:?}")
                }
                other => assert!(Instant::now() < end, "no answer for {}: {other:?}", ledger.name),
            }
            at += 1;
            std::thread::sleep(Duration::from_millis(1 + random.below(5)));
        }
        ledger.record(value);
        answered.fetch_add(1, Ordering::Relaxed);
        if random.below(20) == 0 {
            ledger.must_be_on_the_page(ports[at % ports.len()]);
        }
        std::thread::sleep(Duration::from_millis(random.below(20)));
    }
    ledger
}

impl PusherLedger {
    fn body(&self, value: u64) -> String {
        let name = &self.name;
        let below = u64::from(value <= 2);
        format!(
            "# TYPE pushed_total counter\npushed_total{{pusher=\"{name}\"}} {value}\n\
             # TYPE pushed_seconds histogram\n\
             pushed_seconds_bucket{{pusher=\"{name}\",le=\"2\"}} {below}\n\
             pushed_seconds_bucket{{pusher=\"{name}\",le=\"+Inf\"}} 1\n\
             pushed_seconds_sum{{pusher=\"{name}\"}} {value}\n\
             pushed_seconds_count{{pusher=\"{name}\"}} 1\n\
             # TYPE pushed_number gauge\npushed_number{{pusher=\"{name}\"}} {}\n",
            self.pushes + 1
        )
    }

    fn record(&mut self, value: u64) {
        self.pushes += 1;
        self.total += value as f64;
        self.sum += value as f64;
        self.below_bound += if value <= 2 { 1.0 } else { 0.0 };
        self.last = self.pushes as f64;
    }

    /// A page that is served after an answer shows what was pushed.
    #[track_caller]
    fn must_be_on_the_page(&self, port: u16) {
        let Ok(answer) = http::get(port, "/metrics") else { return };
        if answer.status == 200 {
            let page = Page::parse(&answer.body).expect("a page that parses");
            assert_eq!(self.differences(&page), Vec::<String>::new(), "right after the answer");
        }
    }

    /// Every way in which the page differs; empty when it is exact.
    pub(crate) fn differences(&self, page: &Page) -> Vec<String> {
        let pusher = ("pusher", &*self.name);
        let expected = [
            (key("pushed_total", &[pusher]), self.total),
            (key("pushed_seconds_bucket", &[("le", "2"), pusher]), self.below_bound),
            (key("pushed_seconds_count", &[pusher]), self.pushes as f64),
            (key("pushed_seconds_sum", &[pusher]), self.sum),
            (key("pushed_number", &[pusher]), self.last),
        ];
        let differs = |(sample, expected): (String, f64)| {
            let served = page.samples.get(&sample).copied().unwrap_or(0.0);
            (served != expected).then(|| format!("{sample}: served {served}, pushed {expected}"))
        };
        expected.into_iter().filter_map(differs).collect()
    }
}
