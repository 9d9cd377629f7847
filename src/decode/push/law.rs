//! How values meet in each dialect.
//!
//! | | `aggregate` | `sum` | `replace` |
//! |---|---|---|---|
//! | gauge | replaces | adds | replaces |
//! | all else | adds | adds | replaces |
//! | `clearmode` | decides otherwise | a label like any | a label like any |
//!
//! Quantiles cannot be added, so they are kept only where a summary replaces. A counter that is
//! aggregated never falls, so it takes no negative number, and nothing that is added up takes what
//! is not finite: from infinity and NaN there is no way back.

use super::Dialect;
use crate::model::exposition::ExposedValue;
use crate::model::push::Meet;
use crate::model::{MetricType, Mode, Reason};

/// The label that chooses a mode in the dialect `aggregate`.
pub(super) const CLEAR_MODE: &str = "clearmode";

/// What a series does to what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    Meet { meet: Meet, clears_family: bool },
    Window { mean: bool, window_seconds: u32 },
}

impl Law {
    /// The law of a dialect for a type, unless the series chose a mode.
    pub(super) fn of(
        dialect: Dialect,
        metric_type: MetricType,
        clear_mode: Option<&str>,
    ) -> Result<Self, String> {
        let Some(text) = clear_mode else {
            return Ok(Self::plain(natural(dialect, metric_type)));
        };
        let mode = Mode::parse(text).ok_or_else(|| Mode::EXPECTED.to_owned())?;
        let law = match mode {
            Mode::Natural => Self::plain(natural(dialect, metric_type)),
            Mode::Add => Self::plain(Meet::Add),
            Mode::Replace => Self::plain(Meet::Replace),
            Mode::Family => Self::Meet { meet: Meet::Replace, clears_family: true },
            Mode::Mean { window_seconds } => Self::Window { mean: true, window_seconds },
            Mode::Sum { window_seconds } => Self::Window { mean: false, window_seconds },
        };
        let is_composite = matches!(metric_type, MetricType::Histogram | MetricType::Summary);
        match law {
            Self::Window { .. } if is_composite => {
                Err("aggregate, sum, replace, family or info: a window takes single numbers".into())
            }
            law => Ok(law),
        }
    }

    fn plain(meet: Meet) -> Self {
        Self::Meet { meet, clears_family: false }
    }

    fn adds_up(self) -> bool {
        !matches!(self, Self::Meet { meet: Meet::Replace, .. })
    }

    /// Whether a series of this value may do this.
    pub(super) fn check(
        self,
        dialect: Dialect,
        metric_type: MetricType,
        value: &ExposedValue,
    ) -> Result<(), Unfit> {
        let (what, value) = match value {
            ExposedValue::Scalar { value, .. } => ("value", *value),
            ExposedValue::Histogram { sum, .. } | ExposedValue::Summary { sum, .. } => {
                ("sum", *sum)
            }
        };
        let unfit = |reason, expected| Err(Unfit { reason, what, value, expected });
        if metric_type == MetricType::Counter && dialect != Dialect::Replace {
            if value < 0.0 {
                return unfit(Reason::NegativeCounter, "0 or more");
            }
            if value.is_nan() {
                return unfit(Reason::InvalidValue, "0 or more");
            }
        }
        if self.adds_up() && !value.is_finite() {
            return unfit(Reason::InvalidValue, "a finite number, as it is added up");
        }
        Ok(())
    }
}

/// A number that a series cannot take.
pub(super) struct Unfit {
    pub(super) reason: Reason,
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) expected: &'static str,
}

fn natural(dialect: Dialect, metric_type: MetricType) -> Meet {
    match (dialect, metric_type) {
        (Dialect::Replace, _) | (Dialect::Aggregate, MetricType::Gauge) => Meet::Replace,
        (Dialect::Aggregate | Dialect::Sum, _) => Meet::Add,
    }
}
