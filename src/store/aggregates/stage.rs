//! A push as the store looks at it: families and series, whether it came as metrics or as events.
//!
//! Metrics of a push are a set. Events are a sequence, as they are in a list or a stream: one whose
//! mode is `family` also removes what those before it wrote, and what comes after it to another
//! series makes that series anew. So of each family only what its last such event leaves is staged.

use std::collections::HashMap;

use crate::model::push::{GroupWrite, Write};
use crate::model::{Batch, Event, MetricType, Mode, Reason, Timestamp, labels};
use crate::store::refusal::Refusal;
use crate::store::step::Step;

pub(super) struct Stage<'a> {
    pub(super) group: Option<&'a GroupWrite>,
    /// Each name once.
    pub(super) families: Vec<StagedFamily<'a>>,
    pub(super) series: Vec<StagedSeries<'a>>,
    /// Series or events that were pushed.
    pub(super) pushed: usize,
    /// Series come one after the other: a family that loses all it had is what it was all the same.
    pub(super) is_sequence: bool,
}

pub(super) struct StagedFamily<'a> {
    pub(super) name: &'a str,
    pub(super) metric_type: MetricType,
    pub(super) help: &'a str,
    pub(super) unit: &'a str,
    /// As [`crate::model::Event::numbers`]: the buckets or objectives of a new family.
    pub(super) shape: &'a [f64],
    pub(super) clears: bool,
    /// As [`crate::model::push::PushedFamily::prevails`].
    pub(super) prevails: bool,
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
    /// What there is of the series goes before it is written.
    pub(super) is_new: bool,
}

/// The events of a family that remove its other series.
#[derive(Clone, Copy)]
struct Clearing {
    last: usize,
    /// The last of another series than that one's.
    other: Option<usize>,
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
                prevails: family.prevails,
                is_written: !pushed.is_empty(),
            });
            series.extend(pushed.iter().map(|one| StagedSeries {
                family: index,
                labels: write.text(one.labels),
                hash: one.hash,
                step: Step::of_change(write, &one.change),
                created: one.created,
                is_new: false,
            }));
        }
        let (group, pushed) = (write.group.as_ref(), series.len());
        Self { group, families, series, pushed, is_sequence: false }.suited()
    }

    pub(super) fn of_events(batch: &'a Batch) -> Result<Self, Refusal> {
        let mut families: Vec<StagedFamily<'a>> = Vec::new();
        let mut by_name = HashMap::new();
        let mut series = Vec::with_capacity(batch.events.len());
        let clearing = clearing(batch);
        for (at, event) in batch.events.iter().enumerate() {
            let name = batch.text(event.name);
            let index = *by_name.entry(name).or_insert_with(|| {
                families.push(StagedFamily {
                    name,
                    metric_type: event.metric_type,
                    help: "",
                    unit: "",
                    shape: batch.numbers(event.numbers),
                    clears: clearing.contains_key(name),
                    prevails: false,
                    is_written: true,
                });
                families.len() - 1
            });
            let family = &mut families[index];
            if family.metric_type != event.metric_type {
                let detail = format!(
                    "`{name}` is of type {} and {} in one push",
                    family.metric_type, event.metric_type
                );
                return Err(Refusal { reason: Reason::TypeConflict, detail });
            }
            if family.help.is_empty() {
                family.help = batch.text(event.help);
            }
            // What went last before the series was written, or was written and went.
            let cleared = clearing.get(name).and_then(|clearing| {
                let of_same = is_same_series(batch, event, &batch.events[clearing.last]);
                if of_same { clearing.other } else { Some(clearing.last) }
            });
            if cleared.is_some_and(|cleared| at < cleared) {
                continue;
            }
            series.push(StagedSeries {
                family: super::small(index),
                labels: batch.text(event.labels),
                hash: event.hash,
                step: Step::of_event(event),
                created: None,
                is_new: cleared.is_some(),
            });
        }
        let pushed = batch.events.len();
        Self { group: None, families, series, pushed, is_sequence: true }.suited()
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

/// Of each family that is cleared.
fn clearing(batch: &Batch) -> HashMap<&str, Clearing> {
    let mut all: HashMap<&str, Clearing> = HashMap::new();
    let clears = batch.events.iter().enumerate().filter(|(_, event)| event.mode == Mode::Family);
    for (at, event) in clears.rev() {
        let name = batch.text(event.name);
        let clearing = all.entry(name).or_insert(Clearing { last: at, other: None });
        let last = &batch.events[clearing.last];
        if clearing.other.is_none() && !is_same_series(batch, event, last) {
            clearing.other = Some(at);
        }
    }
    all
}

/// Of events of one family.
fn is_same_series(batch: &Batch, a: &Event, b: &Event) -> bool {
    a.hash == b.hash && labels::same(batch.text(a.labels), batch.text(b.labels))
}
