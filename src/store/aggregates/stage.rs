//! A push as the store looks at it: families and series, whether it came as metrics or as events.
//!
//! Events of one push are a set as its metrics are: an event whose mode is `family` removes the
//! series of its family that the push does not write, not those of the events before it.

use std::collections::HashMap;

use crate::model::push::{GroupWrite, Write};
use crate::model::{Batch, MetricType, Mode, Reason, Timestamp};
use crate::store::refusal::Refusal;
use crate::store::step::Step;

pub(super) struct Stage<'a> {
    pub(super) group: Option<&'a GroupWrite>,
    /// Each name once.
    pub(super) families: Vec<StagedFamily<'a>>,
    pub(super) series: Vec<StagedSeries<'a>>,
}

pub(super) struct StagedFamily<'a> {
    pub(super) name: &'a str,
    pub(super) metric_type: MetricType,
    pub(super) help: &'a str,
    pub(super) unit: &'a str,
    /// As [`crate::model::Event::numbers`]: the buckets or objectives of a new family.
    pub(super) shape: &'a [f64],
    pub(super) clears: bool,
    /// Whether it has a series.
    pub(super) is_written: bool,
}

pub(super) struct StagedSeries<'a> {
    /// Into `Stage::families`.
    pub(super) family: u32,
    pub(super) labels: &'a str,
    pub(super) hash: u64,
    pub(super) step: Step<'a>,
    pub(super) created: Option<Timestamp>,
}

impl<'a> Stage<'a> {
    pub(super) fn of_write(write: &'a Write) -> Result<Self, Refusal> {
        let mut families = Vec::with_capacity(write.families.len());
        let mut series = Vec::with_capacity(write.series.len());
        for (index, family) in (0_u32..).zip(&write.families) {
            let pushed = write.series(family);
            let mut shape: &[f64] = &[];
            for one in pushed.iter().rev() {
                if let Step::Histogram(step) = Step::of_change(write, &one.change) {
                    shape = step.bounds;
                }
            }
            families.push(StagedFamily {
                name: write.text(family.name),
                metric_type: family.metric_type,
                help: write.text(family.help),
                unit: write.text(family.unit),
                shape,
                clears: family.clears,
                is_written: !pushed.is_empty(),
            });
            series.extend(pushed.iter().map(|one| StagedSeries {
                family: index,
                labels: write.text(one.labels),
                hash: one.hash,
                step: Step::of_change(write, &one.change),
                created: one.created,
            }));
        }
        Self { group: write.group.as_ref(), families, series }.suited()
    }

    pub(super) fn of_events(batch: &'a Batch) -> Result<Self, Refusal> {
        let mut families: Vec<StagedFamily<'a>> = Vec::new();
        let mut by_name = HashMap::new();
        let mut series = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            let name = batch.text(event.name);
            let index = *by_name.entry(name).or_insert_with(|| {
                families.push(StagedFamily {
                    name,
                    metric_type: event.metric_type,
                    help: "",
                    unit: "",
                    shape: batch.numbers(event.numbers),
                    clears: false,
                    is_written: true,
                });
                families.len() - 1
            });
            let family = &mut families[index];
            if family.metric_type != event.metric_type {
                let detail = format!(
                    "`{name}` is a {} and a {} in one push",
                    family.metric_type, event.metric_type
                );
                return Err(Refusal { reason: Reason::TypeConflict, detail });
            }
            if family.help.is_empty() {
                family.help = batch.text(event.help);
            }
            family.clears |= event.mode == Mode::Family;
            series.push(StagedSeries {
                family: super::small(index),
                labels: batch.text(event.labels),
                hash: event.hash,
                step: Step::of_event(event),
                created: None,
            });
        }
        Self { group: None, families, series }.suited()
    }

    /// Refuses what no series of its type could take.
    fn suited(self) -> Result<Self, Refusal> {
        for one in &self.series {
            let family = &self.families[one.family as usize];
            if !one.step.suits(family.metric_type) {
                let (name, metric_type) = (family.name, family.metric_type);
                let detail =
                    format!("`{name}{{{}}}` cannot be written as a {metric_type}", one.labels);
                return Err(Refusal { reason: Reason::TypeConflict, detail });
            }
        }
        Ok(self)
    }
}
