//! One warning per reason and minute: a producer with a bug sends the same bad event thousands of
//! times a second.

use tokio::time::Instant;

use crate::model::Reason;
use crate::telemetry::OncePerMinute;

#[derive(Default)]
pub(crate) struct WarnLimiter {
    reasons: [OncePerMinute; Reason::ALL.len()],
}

impl WarnLimiter {
    /// Whether to warn now; if so, how many of the reason were suppressed since the last warning.
    pub(crate) fn admit(&mut self, reason: Reason, now: Instant) -> Option<u64> {
        self.reasons[reason as usize].admit(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
