//! Everything outside the gateway, shared: Redis, chance, the crash to come, and the record.
//!
//! Chance is one seeded generator. The runtime has one thread and its time is
//! paused, so draws come in the same order for the same seed, and the record's
//! hash is the same too.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prom_stream_gateway::commands::load::mix::Random;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::crash::{CrashPoint, Operation, When};
use crate::ledger::Ledger;
use crate::redis_model::{Redis, UNKNOWN};
use crate::resp::{Command, Reply};

/// The simulated Redis began its life here: ids and real ones do not mix up.
const EPOCH_MS: u64 = 1_000_000;

/// Handle to the world; clones share it.
#[derive(Clone)]
pub(crate) struct World {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    started: Instant,
    /// Something was added to Redis: who blocks looks again.
    changed: Notify,
    crash: Notify,
    failed: Notify,
}

struct State {
    random: Random,
    redis: Redis,
    ledger: Ledger,
    trace: Vec<String>,
    hash: u64,
    /// Of 1000 operations, how many go wrong.
    faults_per_mille: u64,
    crash_point: Option<CrashPoint>,
    connections: u32,
    /// Those that are served still.
    killable: BTreeMap<u32, CancellationToken>,
    failure: Option<String>,
}

impl World {
    pub(crate) fn new(
        seed: u64,
        node_entries: usize,
        faults_per_mille: u64,
        ledger: Ledger,
    ) -> Self {
        let state = State {
            random: Random::new(seed),
            redis: Redis::new(node_entries),
            ledger,
            trace: Vec::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            faults_per_mille,
            crash_point: None,
            connections: 0,
            killable: BTreeMap::new(),
            failure: None,
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                started: Instant::now(),
                changed: Notify::new(),
                crash: Notify::new(),
                failed: Notify::new(),
            }),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        EPOCH_MS + self.inner.started.elapsed().as_millis() as u64
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.inner.state.lock().random.below(bound)
    }

    /// Whether an operation goes wrong; `weight` makes some more interesting than others.
    pub(crate) fn goes_wrong(&self, weight: u64) -> bool {
        let mut state = self.inner.state.lock();
        let threshold = state.faults_per_mille * weight;
        threshold > 0 && state.random.below(1000) < threshold
    }

    pub(crate) fn stop_faults(&self) {
        let mut state = self.inner.state.lock();
        state.faults_per_mille = 0;
        state.crash_point = None;
    }

    pub(crate) fn connection_number(&self) -> u32 {
        let mut state = self.inner.state.lock();
        state.connections += 1;
        state.connections
    }

    /// Cancelled when the connection is killed.
    pub(crate) fn killable(&self, number: u32) -> CancellationToken {
        let killed = CancellationToken::new();
        self.inner.state.lock().killable.insert(number, killed.clone());
        killed
    }

    /// Whether there was such a connection.
    pub(crate) fn kill(&self, number: u32) -> bool {
        let killed = self.inner.state.lock().killable.remove(&number);
        killed.inspect(CancellationToken::cancel).is_some()
    }

    /// Adds a line to the record.
    pub(crate) fn note(&self, line: &str) {
        let at = self.now_ms() - EPOCH_MS;
        let mut state = self.inner.state.lock();
        let line = format!("{at:>6} ms  {}", without_nonces(line));
        for byte in line.bytes() {
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        state.trace.push(line);
    }

    /// Executes one command and wakes those who wait for entries.
    pub(crate) fn execute(&self, command: &Command) -> Reply {
        let now_ms = self.now_ms();
        let reply = {
            let mut state = self.inner.state.lock();
            state.redis.now_ms = now_ms;
            state.redis.execute(command)
        };
        if let Reply::Error(error) = &reply
            && error.starts_with(UNKNOWN)
        {
            self.fail(error.clone());
        }
        if matches!(command[0].as_slice(), b"XADD" | b"XGROUP") {
            self.inner.changed.notify_waiters();
        }
        reply
    }

    /// Resolves when entries were added since it was made.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.inner.changed.notified()
    }

    /// The running life is to end at this point.
    pub(crate) fn plan_crash(&self, point: Option<CrashPoint>) {
        self.inner.state.lock().crash_point = point;
    }

    /// Whether the operation is the one to crash at.
    pub(crate) fn crashes_at(&self, operation: Operation) -> Option<When> {
        let mut state = self.inner.state.lock();
        let when = state.crash_point.as_mut()?.meets(operation)?;
        state.crash_point = None;
        Some(when)
    }

    /// Kills the running life; it does nothing more from the next await on.
    pub(crate) fn crash_now(&self) {
        self.inner.crash.notify_one();
    }

    pub(crate) async fn crashed(&self) {
        self.inner.crash.notified().await;
    }

    pub(crate) fn with_redis<T>(&self, look: impl FnOnce(&mut Redis) -> T) -> T {
        look(&mut self.inner.state.lock().redis)
    }

    pub(crate) fn with_ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.inner.state.lock().ledger)
    }

    /// The schedule has failed; the first reason counts.
    pub(crate) fn fail(&self, reason: String) {
        self.note(&format!("FAILED: {reason}"));
        self.inner.state.lock().failure.get_or_insert(reason);
        self.inner.failed.notify_one();
    }

    pub(crate) async fn failed(&self) {
        self.inner.failed.notified().await;
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.inner.state.lock().failure.clone()
    }

    /// The record and its hash.
    pub(crate) fn record(&self) -> (Vec<String>, u64) {
        let mut state = self.inner.state.lock();
        (std::mem::take(&mut state.trace), state.hash)
    }
}

/// A nonce is random also in a simulation, and decides nothing.
fn without_nonces(line: &str) -> String {
    let words = line.split_inclusive(|character: char| !character.is_ascii_hexdigit());
    words.map(|word| if word.len() >= 32 { "<nonce>:" } else { word }).collect()
}
