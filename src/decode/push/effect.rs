//! What values do to their series in each dialect, where the table of [`crate::model::combine`]
//! leaves it to that.
//!
//! | | `aggregate` | `sum` | `replace` |
//! |---|---|---|---|
//! | gauge | replaces | adds | replaces |
//! | all else | adds | adds | replaces |
//! | `clearmode` | decides otherwise | a label like any | a label like any |
//!
//! Quantiles cannot be added, so they are kept only where a summary replaces.

use super::Dialect;
use crate::model::exposition::ExposedValue;
use crate::model::{Combine, Effect, MetricType, Mode, Unfit};

/// The label that chooses a mode in the dialect `aggregate`.
pub(super) const CLEAR_MODE: &str = "clearmode";

/// What a dialect does with a type, unless the series chose a mode.
pub(super) fn effect(
    dialect: Dialect,
    metric_type: MetricType,
    clear_mode: Option<&str>,
) -> Result<Effect, String> {
    let mode = match clear_mode {
        None => Mode::Natural,
        Some(text) => Mode::parse(text).ok_or_else(|| Mode::EXPECTED.to_owned())?,
    };
    let effect = mode.effect(match dialect {
        Dialect::Replace => Combine::Replace,
        Dialect::Aggregate => metric_type.combine(),
        Dialect::Sum => Combine::Add,
    });
    let is_composite = matches!(metric_type, MetricType::Histogram | MetricType::Summary);
    match effect {
        Effect::Window { .. } if is_composite => {
            Err("aggregate, sum, replace, family or info: a window takes single numbers".into())
        }
        effect => Ok(effect),
    }
}

/// Whether a series of this value may do this; if not, which number of it is why.
pub(super) fn check(
    effect: Effect,
    dialect: Dialect,
    metric_type: MetricType,
    value: &ExposedValue,
) -> Result<(), (&'static str, f64, Unfit)> {
    if dialect == Dialect::Replace {
        return Ok(());
    }
    let (what, value) = match value {
        ExposedValue::Scalar { value, .. } => ("value", *value),
        ExposedValue::Histogram { sum, .. } | ExposedValue::Summary { sum, .. } => ("sum", *sum),
    };
    effect.combine().check(metric_type, value).map_err(|unfit| (what, value, unfit))
}
