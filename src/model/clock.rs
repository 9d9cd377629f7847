//! The wall clock, and whether somebody set it.
//!
//! Times that outlive a process can only be the wall clock's, and that is set now and then: by hand,
//! by NTP, when a machine wakes up. An age is the difference of two such times, so a clock that is
//! set makes everything older or younger than it is. [`ClockWatch`] compares it with the clock that
//! nobody can set; what keeps times of which it tells the age moves them by the same step.

use std::time::Duration;

use super::Timestamp;

#[cfg(target_os = "linux")]
const SUSPENDED_TIME_COUNTS: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SUSPENDED_TIME_COUNTS: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// Clocks that run at slightly different rates drift apart; by so much before it counts as a step.
const LEAST_STEP_MILLISECONDS: u64 = 1000;

/// Two clocks are not read at the same moment: at most so long after each other.
const MOST_BETWEEN: Duration = Duration::from_millis(50);

/// A clock that nobody can set; it goes on while the machine is suspended.
pub fn steady_clock() -> Duration {
    let now = rustix::time::clock_gettime(SUSPENDED_TIME_COUNTS);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// By how much a clock was set forward, or back where it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    pub milliseconds: i64,
}

impl ClockStep {
    /// The step that leads from one time to the other.
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { milliseconds: to.0.wrapping_sub(from.0).cast_signed() }
    }

    /// The time as the clock would have shown it, had it been set before.
    pub fn moved(self, time: Timestamp) -> Timestamp {
        Timestamp(time.0.saturating_add_signed(self.milliseconds))
    }
}

/// Notices steps of the wall clock.
#[derive(Debug)]
pub struct ClockWatch {
    /// How far the wall clock is ahead of the steady one.
    ahead_milliseconds: i64,
}

impl ClockWatch {
    pub fn new() -> Self {
        Self { ahead_milliseconds: ahead().unwrap_or_default() }
    }

    /// The step since the last look, if there was one.
    pub fn look(&mut self) -> Option<ClockStep> {
        self.compare(ahead()?)
    }

    fn compare(&mut self, ahead_milliseconds: i64) -> Option<ClockStep> {
        let milliseconds = ahead_milliseconds - self.ahead_milliseconds;
        if milliseconds.unsigned_abs() < LEAST_STEP_MILLISECONDS {
            return None;
        }
        self.ahead_milliseconds = ahead_milliseconds;
        Some(ClockStep { milliseconds })
    }
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// `None`: this thread had to wait between the two clocks.
fn ahead() -> Option<i64> {
    let before = steady_clock();
    let wall = Timestamp::now();
    let between = steady_clock().saturating_sub(before);
    let before = u64::try_from(before.as_millis()).ok()?;
    (between <= MOST_BETWEEN).then(|| wall.0.wrapping_sub(before).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_once_and_a_drift_when_it_has_become_one() {
        let mut watch = ClockWatch { ahead_milliseconds: 5000 };
        let told = [5000, 5600, 5999, 6000, 6999, -3_600_000, -3_600_000, 6000];
        let told = told.map(|ahead| watch.compare(ahead).map(|step| step.milliseconds));
        let expected =
            [None, None, None, Some(1000), None, Some(-3_606_000), None, Some(3_606_000)];
        assert_eq!(told, expected);
        assert_eq!(ClockWatch::new().look(), None, "nobody sets the clock of this machine");
    }

    #[test]
    fn a_time_moves_with_the_clock_and_stays_a_time() {
        let (early, late) = (Timestamp(5000), Timestamp(7000));
        assert_eq!(ClockStep::between(early, late).moved(early), late);
        assert_eq!(ClockStep::between(late, early).moved(late), early);
        assert_eq!(ClockStep { milliseconds: -6000 }.moved(early), Timestamp(0));
        assert_eq!(ClockStep { milliseconds: 1 }.moved(Timestamp(u64::MAX)), Timestamp(u64::MAX));
    }
}
