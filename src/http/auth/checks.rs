//! Turns of slow password checks: a few at a time, and one for each address.
//!
//! Wrong passwords by the thousand would otherwise queue before everybody who has the right one.
//! With one turn for each address, who sends them waits for himself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Copies share the turns.
#[derive(Clone)]
pub(in crate::http) struct PasswordChecks {
    running: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
    /// Shows how many wait.
    waiting: IntGauge,
}

/// A check may run until it is dropped.
pub(in crate::http) struct CheckTurn {
    _running: OwnedSemaphorePermit,
    _of_address: OwnedSemaphorePermit,
}

impl PasswordChecks {
    pub(in crate::http) fn new(at_a_time: usize, waiting: IntGauge) -> Self {
        Self { running: Arc::new(Semaphore::new(at_a_time)), addresses: Arc::default(), waiting }
    }

    pub(in crate::http) async fn turn(&self, address: IpAddr) -> CheckTurn {
        const OPEN: &str = "the semaphores are never closed";
        let _waiting = Waiting::new(&self.waiting);
        let of_address = self.of(address).acquire_owned().await.expect(OPEN);
        let running = Arc::clone(&self.running).acquire_owned().await.expect(OPEN);
        CheckTurn { _running: running, _of_address: of_address }
    }

    /// Whose turns nobody has, and nobody waits for, are forgotten.
    fn of(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut addresses = self.addresses.lock();
        addresses.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(addresses.entry(address).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

/// One more waits, until it is dropped.
struct Waiting<'a>(&'a IntGauge);

impl<'a> Waiting<'a> {
    fn new(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
