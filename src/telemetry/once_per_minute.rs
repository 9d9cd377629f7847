//! One warning of a thing a minute, however often it happens.
//!
//! The first of a minute says all there is to say, and the next one tells how many were not said.

use std::time::Duration;

use tokio::time::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

/// Warnings of one thing.
#[derive(Clone, Copy, Default)]
pub(crate) struct OncePerMinute {
    last: Option<Instant>,
    suppressed: u64,
}

impl OncePerMinute {
    /// Whether to warn now; if so, how many warnings were suppressed since the last one.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}
