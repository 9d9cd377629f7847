//! Memory for bodies: bounded for each, and for all of them together.
//!
//! A body grows as its bytes come, never by what its headers promise. Each step takes from the
//! budget first, and gives it back when the push was answered.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;

/// The smallest step by which a buffer grows.
const SMALLEST_STEP: usize = 4 << 10;

/// What all bodies may take; copies share it.
#[derive(Clone)]
pub(super) struct Budget {
    bytes: Arc<Semaphore>,
    /// Shows what is taken.
    taken: IntGauge,
}

/// One body.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
    held: Held,
}

/// What a body took of the budget, until it is dropped.
pub(super) struct Held {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new(bytes: usize, taken: IntGauge) -> Self {
        Self { bytes: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))), taken }
    }

    /// An empty buffer that holds `limit` bytes at most.
    pub(super) fn buffer(&self, limit: usize) -> Buffer {
        Buffer { bytes: Vec::new(), limit, held: Held { budget: self.clone(), permit: None } }
    }
}

impl Buffer {
    pub(super) fn extend(&mut self, more: &[u8]) -> Result<(), Failure> {
        let length = self.bytes.len() + more.len();
        if length > self.limit {
            return Err(Failure::too_large(self.limit));
        }
        if length > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2).max(SMALLEST_STEP);
            let capacity = doubled.min(self.limit).max(length);
            self.held.grow(capacity - self.bytes.capacity())?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, Held) {
        (self.bytes, self.held)
    }
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        let more = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| Arc::clone(&self.budget.bytes).try_acquire_many_owned(bytes).ok());
        let Some(more) = more else {
            return Err(Failure::unavailable(
                "the bodies of other pushes take all of Push.MaxBufferedBytes; try again",
            ));
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        self.budget.taken.add(bytes as i64);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(permit) = &self.permit {
            self.budget.taken.sub(permit.num_permits() as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn budget(bytes: usize) -> Budget {
        Budget::new(bytes, IntGauge::new("taken", "Bytes.").expect("a name"))
    }

    #[test]
    fn a_buffer_stops_at_its_limit_and_at_the_budget_of_all_and_gives_back_what_it_took() {
        let budget = budget(10_000);
        let mut first = budget.buffer(6_000);
        first.extend(&[1; 5_000]).expect("within both");
        let too_large = first.extend(&[1; 1_001]).expect_err("6,001 bytes");
        assert_eq!(too_large.status, StatusCode::PAYLOAD_TOO_LARGE);
        first.extend(&[2; 1_000]).expect("exactly the limit");
        assert_eq!(first.as_slice().len(), 6_000);

        let mut second = budget.buffer(6_000);
        let exhausted = second.extend(&[3; 4_097]).expect_err("4,000 bytes are left");
        assert_eq!(exhausted.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(exhausted.reason, None, "nobody's fault");
        let (body, held) = first.into_parts();
        assert_eq!(body.len(), 6_000);
        assert!(second.extend(&[3; 4_097]).is_err(), "still held");
        drop(held);
        second.extend(&[3; 4_097]).expect("given back");
    }

    #[test]
    fn what_is_taken_is_what_is_allocated() {
        let budget = budget(1 << 20);
        let mut buffer = budget.buffer(1 << 20);
        for _ in 0..1_000 {
            buffer.extend(b"a piece of a body\n").expect("room");
            let taken = (1 << 20) - budget.bytes.available_permits();
            assert_eq!(taken, buffer.bytes.capacity());
            assert_eq!(budget.taken.get(), taken as i64);
        }
        drop(buffer);
        assert_eq!((budget.bytes.available_permits(), budget.taken.get()), (1 << 20, 0));
    }
}
