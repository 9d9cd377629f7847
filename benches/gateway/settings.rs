//! How large a run is: from the environment, with defaults for a quiet machine and, with
//! `QUICK=1`, for seeing in two minutes that everything works.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) struct Settings {
    /// Figures of a quick run are no results, and are written elsewhere.
    pub(crate) quick: bool,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// Read from Redis in one measurement.
    pub(crate) events: usize,
    /// Of the large state.
    pub(crate) series: usize,
    /// How long pushers push.
    pub(crate) push_duration: Duration,
    /// Of the large push.
    pub(crate) pushed_series: usize,
}

impl Settings {
    pub(crate) fn from_environment() -> Self {
        let quick = std::env::var("QUICK").is_ok_and(|text| text == "1");
        let sized = |name, normal, small| number(name, if quick { small } else { normal });
        Self {
            quick,
            rounds: sized("ROUNDS", 5, 2),
            events: sized("EVENTS", 2_000_000, 50_000),
            series: sized("SERIES", 1_000_000, 20_000),
            push_duration: Duration::from_secs(sized("SECONDS", 4, 1) as u64),
            pushed_series: sized("PUSHED_SERIES", 100_000, 5_000),
        }
    }

    /// `normal`, or a hundredth of it, for sizes that nobody needs to choose.
    pub(crate) fn scaled(&self, normal: usize) -> usize {
        if self.quick { normal.div_ceil(100) } else { normal }
    }

    /// Rounds of what has many points: a curve shows where one of them is off.
    pub(crate) fn rounds_of_a_curve(&self) -> usize {
        self.rounds.min(if self.quick { 1 } else { 3 })
    }

    /// Where results are written.
    pub(crate) fn directory(&self) -> PathBuf {
        let below = if self.quick { "target/quick-bench" } else { "benches" };
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(below)
    }
}

fn number(name: &str, default: usize) -> usize {
    let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) else {
        return default;
    };
    match text.parse() {
        Ok(number) if number > 0 => number,
        _ => panic!("{name}={text:?}: expected a whole number, 1 or above"),
    }
}
