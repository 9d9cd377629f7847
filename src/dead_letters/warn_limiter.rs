//! One warning per reason and minute.
//!
//! A producer with a bug sends the same bad event thousands of times a second;
//! the first of a minute says all there is to say, and the next one tells how
//! many were not said. Whatever else can happen as often is warned of so, too.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Reason;

const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct WarnLimiter {
    reasons: [OncePerMinute; Reason::ALL.len()],
}

/// Warnings of one thing.
#[derive(Clone, Copy, Default)]
pub(crate) struct OncePerMinute {
    last: Option<Instant>,
    suppressed: u64,
}

impl WarnLimiter {
    /// Whether to warn now; if so, how many of the reason were suppressed since the last warning.
    pub(crate) fn admit(&mut self, reason: Reason, now: Instant) -> Option<u64> {
        self.reasons[reason as usize].admit(now)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_warned_of_once_a_minute_with_the_number_suppressed() {
        let mut limiter = WarnLimiter::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limiter.admit(Reason::InvalidJson, at(0)), Some(0));
        assert_eq!(limiter.admit(Reason::InvalidJson, at(1)), None);
        assert_eq!(limiter.admit(Reason::InvalidJson, at(59)), None);
        assert_eq!(limiter.admit(Reason::TooLarge, at(59)), Some(0));
        assert_eq!(limiter.admit(Reason::InvalidJson, at(60)), Some(2));
        assert_eq!(limiter.admit(Reason::InvalidJson, at(61)), None);
        assert_eq!(limiter.admit(Reason::InvalidJson, at(121)), Some(1));
    }
}
