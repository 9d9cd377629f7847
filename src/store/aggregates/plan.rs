//! What a push would do, found out without doing any of it.
//!
//! A plan says which series go, which families are made, and where each pushed series is; all that
//! can be refused is refused while it is made, so committing it cannot fail. Every series is looked
//! up once.
//!
//! A family all of whose series go with this push counts as gone: its name and its type are free
//! for the push itself.

use std::collections::{HashMap, HashSet};

use hashbrown::HashTable;

use super::stage::{Stage, StagedFamily, StagedSeries};
use super::{Aggregates, small};
use crate::model::{Reason, Timestamp, labels};
use crate::store::dry_run::DryRun;
use crate::store::family::Family;
use crate::store::groups::Place;
use crate::store::refusal::{Refusal, check_labels, name_conflict, type_conflict};
use crate::store::step::When;

mod removals;

pub(super) struct Plan {
    /// Ascending, each once.
    pub(super) removals: Vec<Place>,
    /// Families that lose every series, so that their names and types are free.
    pub(super) leaving: HashSet<u32>,
    /// Of each staged family.
    pub(super) homes: Vec<Home>,
    /// Of each staged series its slot.
    pub(super) slot_of: Vec<u32>,
    /// Each series once.
    pub(super) slots: Vec<Slot>,
    /// Served time series of the slots, before and after.
    pub(super) series_before: u64,
    pub(super) series_after: u64,
}

pub(super) enum Home {
    Existing(u32),
    New(Box<Family>),
    /// It has no series.
    Nowhere,
}

pub(super) struct Slot {
    /// The first staged series that it is of.
    pub(super) staged: u32,
    /// Where the series exists already.
    pub(super) row: Option<u32>,
    /// What it was, if it goes on in a family with other buckets.
    pub(super) before: Option<Before>,
}

/// A histogram in the buckets that it had.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) created: Timestamp,
    pub(super) observations: u64,
}

impl Plan {
    pub(super) fn new(
        aggregates: &Aggregates,
        stage: &Stage<'_>,
        when: When,
    ) -> Result<Self, Refusal> {
        let planning = Planning { aggregates, stage, when };
        let existing: Vec<Option<u32>> =
            stage.families.iter().map(|family| planning.existing(family)).collect();
        let (mut slots, slot_of) = planning.look_up(&existing)?;
        let mut removals = planning.removals(&existing, &slots);
        planning.reshape(&existing, &mut slots, &mut removals);
        let leaving = planning.leaving(&removals);
        let homes = planning.homes(&existing, &leaving)?;
        let (series_before, series_after) = (0, 0);
        let mut plan =
            Self { removals, leaving, homes, slot_of, slots, series_before, series_after };
        planning.try_steps(&mut plan)?;
        planning.check_room(&plan)?;
        Ok(plan)
    }
}

struct Planning<'a> {
    aggregates: &'a Aggregates,
    stage: &'a Stage<'a>,
    when: When,
}

impl Planning<'_> {
    fn family_of(&self, series: &StagedSeries<'_>) -> &StagedFamily<'_> {
        &self.stage.families[series.family as usize]
    }

    /// The family of that name, of whatever type.
    fn existing(&self, staged: &StagedFamily<'_>) -> Option<u32> {
        let at = *self.aggregates.names.get(staged.name)?;
        (*self.aggregates.families[at as usize].name == *staged.name).then_some(at)
    }

    /// The pushed series, each once, and of each staged series which it is.
    fn look_up(&self, existing: &[Option<u32>]) -> Result<(Vec<Slot>, Vec<u32>), Refusal> {
        let series = &self.stage.series;
        let mut slots: Vec<Slot> = Vec::with_capacity(series.len());
        let mut slot_of = Vec::with_capacity(series.len());
        let mut seen: HashTable<u32> = HashTable::with_capacity(series.len());
        for (staged, one) in (0_u32..).zip(series) {
            let same = |slot: &u32| {
                let other = &series[slots[*slot as usize].staged as usize];
                other.family == one.family && labels::same(other.labels, one.labels)
            };
            if let Some(slot) = seen.find(one.hash, same) {
                if self.stage.group.is_some() {
                    return Err(self.inconsistent(one, "is pushed twice, once is expected"));
                }
                slot_of.push(*slot);
                continue;
            }
            let slot = small(slots.len());
            let row = match one.is_new {
                true => None,
                false => self.row(one, existing[one.family as usize])?,
            };
            if row.is_none() {
                check_labels(self.family_of(one).name, one.labels)?;
            }
            slots.push(Slot { staged, row, before: None });
            slot_of.push(slot);
            let hash = |slot: &u32| series[slots[*slot as usize].staged as usize].hash;
            seen.insert_unique(one.hash, slot, hash);
        }
        Ok((slots, slot_of))
    }

    /// Where a series is, unless its family has to change its type for it, or it gives way.
    fn row(&self, one: &StagedSeries<'_>, family: Option<u32>) -> Result<Option<u32>, Refusal> {
        let Some(at) = family else { return Ok(None) };
        let staged = self.family_of(one);
        let family = &self.aggregates.families[at as usize];
        if family.metric_type != staged.metric_type {
            return Ok(None);
        }
        let Some(found) = self.aggregates.find(one.hash, staged.name, one.labels) else {
            return Ok(None);
        };
        if let Some(write) = self.stage.group {
            let group = self.aggregates.groups.find(&write.group.labels);
            let is_in = family.group(found.row as usize);
            if is_in.is_none() && staged.prevails {
                return Ok(None);
            }
            if is_in.is_none() || is_in != group.map(|group| group as usize) {
                let what = is_in.map_or_else(
                    || "exists outside of any group".to_owned(),
                    |other| {
                        format!("belongs to group `{}`", self.aggregates.groups.labels()[other])
                    },
                );
                return Err(self.inconsistent(one, &what));
            }
        }
        Ok(Some(found.row))
    }

    fn inconsistent(&self, one: &StagedSeries<'_>, what: &str) -> Refusal {
        let group = self.stage.group.map_or("", |write| &write.group.labels);
        let name = self.family_of(one).name;
        Refusal {
            reason: Reason::Inconsistent,
            detail: format!("`{name}{{{}}}`, pushed to group `{group}`, {what}", one.labels),
        }
    }

    fn homes(
        &self,
        existing: &[Option<u32>],
        leaving: &HashSet<u32>,
    ) -> Result<Vec<Home>, Refusal> {
        let mut claimed: HashMap<Box<str>, &StagedFamily<'_>> = HashMap::new();
        let mut homes = Vec::with_capacity(existing.len());
        for (staged, at) in self.stage.families.iter().zip(existing) {
            if !staged.is_written {
                homes.push(Home::Nowhere);
                continue;
            }
            if let Some(at) = at.filter(|at| !leaving.contains(at)) {
                let family = &self.aggregates.families[at as usize];
                if family.metric_type != staged.metric_type {
                    return Err(type_conflict(family, staged.metric_type, "push"));
                }
                homes.push(Home::Existing(at));
                continue;
            }
            let family = Family::new(staged.name, staged.metric_type, staged.shape);
            for sample in family.sample_names() {
                let owner = self.aggregates.names.get(&sample);
                if let Some(owner) = owner.filter(|owner| !leaving.contains(owner)) {
                    return Err(name_conflict(&sample, &self.aggregates.families[*owner as usize]));
                }
                if let Some(other) = claimed.get(&sample) {
                    let detail = format!(
                        "`{sample}` is served by both {} `{}` and {} `{}` of this push",
                        other.metric_type, other.name, staged.metric_type, staged.name
                    );
                    return Err(Refusal { reason: Reason::NameConflict, detail });
                }
                claimed.insert(sample, staged);
            }
            homes.push(Home::New(Box::new(family)));
        }
        Ok(homes)
    }

    /// Tries every step, in order, on an dry_run of its series.
    fn try_steps(&self, plan: &mut Plan) -> Result<(), Refusal> {
        let dry_run = |slot: &Slot| {
            let staged = &self.stage.series[slot.staged as usize];
            match (&plan.homes[staged.family as usize], slot.row) {
                (Home::Existing(at), Some(row)) => {
                    let family = &self.aggregates.families[*at as usize];
                    (family.row_series(row as usize), DryRun::of(family, row as usize, self.when))
                }
                (Home::Existing(at), None) => {
                    (0, DryRun::new(&self.aggregates.families[*at as usize]))
                }
                (Home::New(family), _) => (0, DryRun::new(family)),
                (Home::Nowhere, _) => unreachable!("a family that is written has a home"),
            }
        };
        let mut dry_runs: Vec<DryRun> = Vec::with_capacity(plan.slots.len());
        for slot in &plan.slots {
            let (before, dry_run) = dry_run(slot);
            plan.series_before += before;
            dry_runs.push(dry_run);
        }
        for (one, slot) in self.stage.series.iter().zip(&plan.slot_of) {
            dry_runs[*slot as usize].take(&one.step, self.when).map_err(|fault| {
                let family = self.family_of(one);
                fault.of(family.metric_type, family.name, one.labels)
            })?;
        }
        plan.series_after = dry_runs.iter().map(|dry_run| dry_run.series).sum();
        Ok(())
    }

    fn check_room(&self, plan: &Plan) -> Result<(), Refusal> {
        let Aggregates { families, limit, .. } = self.aggregates;
        let removed: u64 = plan
            .removals
            .iter()
            .map(|(family, row)| families[*family as usize].row_series(*row as usize))
            .sum();
        let more = plan.series_after.saturating_sub(plan.series_before + removed);
        if more == 0 || limit.has_room(more) {
            return Ok(());
        }
        let detail = format!(
            "the push adds {more} series as they are served, and {} of at most {} are in use",
            limit.used,
            limit.max()
        );
        Err(Refusal { reason: Reason::SeriesLimit, detail })
    }
}
