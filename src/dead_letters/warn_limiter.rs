//! One warning per reason and minute.
//!
//! A producer with a bug sends the same bad event thousands of times a second;
//! the first of a minute says all there is to say, and the next one tells how
//! many were not said.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Reason;

const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct WarnLimiter {
    reasons: [Warned; Reason::ALL.len()],
}

#[derive(Clone, Copy, Default)]
struct Warned {
    last: Option<Instant>,
    suppressed: u64,
}

impl WarnLimiter {
    /// Whether to warn now; if so, how many of the reason were suppressed since the last warning.
    pub(crate) fn admit(&mut self, reason: Reason, now: Instant) -> Option<u64> {
        let warned = &mut self.reasons[reason as usize];
        if warned.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            warned.suppressed += 1;
            return None;
        }
        warned.last = Some(now);
        Some(std::mem::take(&mut warned.suppressed))
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
