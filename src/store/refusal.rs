//! Why an event or a push was refused: a reason for the statistics, words for the producer.

use crate::model::{MetricType, PushRefusal, Reason};

use super::family::Family;
use super::text_column::LONGEST_TEXT;

/// Why something was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// What is wrong with a series' new value; the series itself is named by whoever knows it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn of(self, metric_type: MetricType, name: &str, labels: &str) -> Refusal {
        let Self { reason, what } = self;
        Refusal { reason, detail: format!("{metric_type} `{name}{{{labels}}}`: {what}") }
    }
}

impl From<Refusal> for PushRefusal {
    fn from(Refusal { reason, detail }: Refusal) -> Self {
        Self { reason, detail }
    }
}

/// Labels of a new series that are more than there is a place for.
pub(super) fn check_labels(name: &str, labels: &str) -> Result<(), Refusal> {
    if labels.len() <= LONGEST_TEXT {
        return Ok(());
    }
    let detail = format!(
        "a series of `{name}` with {} bytes of labels, expected at most {LONGEST_TEXT}",
        labels.len()
    );
    Err(Refusal { reason: Reason::TooLarge, detail })
}

/// A sample name that another family has.
pub(super) fn name_conflict(sample: &str, owner: &Family) -> Refusal {
    Refusal {
        reason: Reason::NameConflict,
        detail: format!("`{sample}` is served already by {} `{}`", owner.metric_type, owner.name),
    }
}

/// A family that has another type already.
pub(super) fn type_conflict(family: &Family, said: MetricType, by: &str) -> Refusal {
    Refusal {
        reason: Reason::TypeConflict,
        detail: format!(
            "`{}` is of type {}, the {by} says {said}",
            family.name, family.metric_type
        ),
    }
}
