//! What a value does to its series, and which values may: one table for every way in.
//!
//! | | by itself | `aggregate`, `sum` | `replace`, `family`, `info` | `mean5m`, `sum5m` |
//! |---|---|---|---|---|
//! | gauge | replaces | adds | replaces | window |
//! | counter, untyped | adds | adds | replaces | window |
//! | histogram, summary | adds | adds | replaces, if pushed | no |
//!
//! What a push does by itself is its dialect's to say; the rest is the same for events.
//!
//! | takes | added, or in a window | replaced |
//! |---|---|---|
//! | counter | finite numbers, none below 0 | the same |
//! | all else | finite numbers | any number |
//!
//! From infinity and NaN there is no way back by adding. Two things are not asked: what a client of
//! the dialect `replace` says, which is its whole state and not a change; and what a series became
//! that way, to which others add.

use super::{MetricType, Mode, Reason};

/// Whether a value is added to what is there, or takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    Add,
    Replace,
}

/// What a series shows of the values in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowedValue {
    Mean,
    Sum,
}

impl WindowedValue {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }
}

/// What a value does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Combine {
        combine: Combine,
        /// Every other series of the family goes.
        clears_family: bool,
    },
    Window {
        shows: WindowedValue,
        window_seconds: u32,
    },
}

/// Why a series cannot take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub reason: Reason,
    pub expected: &'static str,
}

impl MetricType {
    /// What an event's value does by itself.
    pub fn combine(self) -> Combine {
        if self == Self::Gauge { Combine::Replace } else { Combine::Add }
    }
}

impl Mode {
    /// What a value of this mode does; `by_itself`, where it has none.
    pub fn effect(self, by_itself: Combine) -> Effect {
        let plain = |combine| Effect::Combine { combine, clears_family: false };
        match self {
            Self::Natural => plain(by_itself),
            Self::Add => plain(Combine::Add),
            Self::Replace => plain(Combine::Replace),
            Self::Family => Effect::Combine { combine: Combine::Replace, clears_family: true },
            Self::Mean { window_seconds } => {
                Effect::Window { shows: WindowedValue::Mean, window_seconds }
            }
            Self::Sum { window_seconds } => {
                Effect::Window { shows: WindowedValue::Sum, window_seconds }
            }
        }
    }
}

impl Effect {
    /// What is in a window is added up.
    pub fn combine(self) -> Combine {
        match self {
            Self::Combine { combine, .. } => combine,
            Self::Window { .. } => Combine::Add,
        }
    }
}

impl Combine {
    /// Whether a series of the type may take the value so.
    #[inline]
    pub fn check(self, metric_type: MetricType, value: f64) -> Result<(), Unfit> {
        let is_counter = metric_type == MetricType::Counter;
        if is_counter && value < 0.0 && value.is_finite() {
            return Err(Unfit { reason: Reason::NegativeCounter, expected: "0 or more" });
        }
        if !value.is_finite() && (is_counter || self == Self::Add) {
            return Err(Unfit { reason: Reason::InvalidValue, expected: "a finite number" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_takes_what_the_table_says() {
        use Combine::{Add, Replace};
        use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};
        let (negative, invalid) = (Err(Reason::NegativeCounter), Err(Reason::InvalidValue));
        const INF: f64 = f64::INFINITY;
        let cases = [
            (Counter, Add, [Ok(()), Ok(()), negative, invalid, invalid, invalid]),
            (Counter, Replace, [Ok(()), Ok(()), negative, invalid, invalid, invalid]),
            (Gauge, Add, [Ok(()), Ok(()), Ok(()), invalid, invalid, invalid]),
            (Gauge, Replace, [Ok(()); 6]),
            (Untyped, Add, [Ok(()), Ok(()), Ok(()), invalid, invalid, invalid]),
            (Untyped, Replace, [Ok(()); 6]),
            (Histogram, Add, [Ok(()), Ok(()), Ok(()), invalid, invalid, invalid]),
            (Histogram, Replace, [Ok(()); 6]),
            (Summary, Add, [Ok(()), Ok(()), Ok(()), invalid, invalid, invalid]),
            (Summary, Replace, [Ok(()); 6]),
        ];
        for (metric_type, combine, expected) in cases {
            for (value, expected) in [1.5, -0.0, -1.0, INF, -INF, f64::NAN].iter().zip(expected) {
                let found = combine.check(metric_type, *value).map_err(|unfit| unfit.reason);
                assert_eq!(found, expected, "{metric_type} {combine:?} {value}");
            }
        }
    }

    #[test]
    fn a_mode_does_what_the_table_says() {
        let (add, replace) = (Combine::Add, Combine::Replace);
        for by_itself in [add, replace] {
            let combine = |mode: Mode| mode.effect(by_itself).combine();
            assert_eq!(combine(Mode::Natural), by_itself);
            assert_eq!((combine(Mode::Add), combine(Mode::Replace)), (add, replace));
            assert_eq!(combine(Mode::Sum { window_seconds: 5 }), add);
            let effect = Mode::Family.effect(by_itself);
            assert_eq!(effect, Effect::Combine { combine: replace, clears_family: true });
        }
        assert_eq!(MetricType::Gauge.combine(), replace);
        assert_eq!(MetricType::Untyped.combine(), add);
    }
}
