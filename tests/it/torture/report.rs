//! Runs rounds, several at once, and tells how they went.
//!
//! A round that fails ends the run: it prints its seed, what was to happen in it,
//! and the command that runs it alone.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::faults;
use super::round::Round;
use super::schedule::Schedule;

/// What happened in a round, or in all of them.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) rounds: u64,
    pub(super) kills: u64,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) events: u64,
    pub(super) refused: u64,
    pub(super) pushes: u64,
    pub(super) lost: u64,
    pub(super) pages: u64,
    /// Identities that were retired, and groups that were left.
    pub(super) retired: u64,
    pub(super) regrouped: u64,
}

impl Tally {
    pub(super) fn count(&mut self, fault: &str) {
        *self.faults.entry(fault.to_owned()).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.events += other.events;
        self.refused += other.refused;
        self.pushes += other.pushes;
        self.lost += other.lost;
        self.pages += other.pages;
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
    }

    fn print(&self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        println!("\n{:>9}  rounds, in {seconds:.0} s", self.rounds);
        println!("{:>9}  kills of the gateway", self.kills);
        println!(
            "{:>9}  events served, {:.0}/s; {} bad ones refused",
            self.events,
            self.events as f64 / seconds,
            self.refused
        );
        println!("{:>9}  events destroyed by a fault and metered as lost", self.lost);
        println!("{:>9}  events lost without being destroyed", 0);
        println!("{:>9}  events counted twice", 0);
        println!("{:>9}  of them pushes over HTTP, answered and exact", self.pushes);
        println!("{:>9}  pages scraped, 0 counters that fell", self.pages);
        println!("\n    times  fault");
        for name in faults::names() {
            println!("{:>9}  {name}", self.faults.get(&name).copied().unwrap_or(0));
        }
    }
}

/// Runs a round for each seed; panics when one fails.
pub(super) fn run(seeds: &[u64]) {
    let started = Instant::now();
    // Most of a round is waiting.
    let jobs = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(seeds.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(at).filter(|_| failed.lock().is_none()) else {
                        return;
                    };
                    match one(at + 1, *seed) {
                        Some(tally) => total.lock().add(&tally),
                        None => *failed.lock() = Some(*seed),
                    }
                }
            });
        }
    });
    total.lock().print(started.elapsed());
    if let Some(seed) = *failed.lock() {
        let again = format!("make torture SEED={seed} ROUNDS=1");
        panic!("the round of seed {seed} failed, see above; again: {again}");
    }
}

fn one(number: usize, seed: u64) -> Option<Tally> {
    let schedule = Schedule::of(seed);
    let begin = format!("round {number} seed {seed} {}", schedule.setting);
    let started = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| Round::run(&schedule)));
    let Ok(tally) = ended else {
        println!("{begin}: FAILED; this was to happen:");
        for bout in &schedule.bouts {
            println!("  {:?}, then, quiet, {:?}", bout.acts, bout.quiet);
        }
        return None;
    };
    let faults: Vec<_> =
        tally.faults.iter().map(|(name, times)| format!("{name} {times}")).collect();
    println!(
        "{begin}: {} kills, faults: {}; {} events, exact, {:.1} s",
        tally.kills,
        faults.join(", "),
        tally.events,
        started.elapsed().as_secs_f64()
    );
    Some(tally)
}
