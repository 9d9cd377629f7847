//! Doing what a plan says. Nothing here can be refused.

use super::plan::{Before, Home, Plan};
use super::stage::Stage;
use super::{Aggregates, SeriesRef, small};
use crate::model::Timestamp;
use crate::store::step::{Step, When};

impl Aggregates {
    pub(super) fn commit(&mut self, stage: &Stage<'_>, plan: Plan, when: When) {
        let began = self.beginning(when);
        // A family that leaves goes first: its names are free then. Of the others no series goes
        // before those that come: a family that has none for a moment would be gone.
        let (first, last): (Vec<_>, Vec<_>) =
            plan.removals.into_iter().partition(|place| plan.leaving.contains(&place.0));
        for place in first {
            self.remove(place, when);
        }
        let homes: Vec<Option<u32>> = plan
            .homes
            .into_iter()
            .map(|home| match home {
                Home::Existing(at) => Some(at),
                Home::New(family) => Some(self.settle(*family)),
                Home::Nowhere => None,
            })
            .collect();
        let mut rows: Vec<Option<u32>> = plan.slots.iter().map(|slot| slot.row).collect();
        let new_rows = rows.iter().filter(|row| row.is_none()).count();
        self.index.reserve(new_rows, |series| series.hash);
        let group = stage.group.filter(|_| new_rows > 0);
        let group = group.map(|write| self.groups.find_or_make(&write.group.labels));
        for (one, slot) in stage.series.iter().zip(&plan.slot_of) {
            let at = homes[one.family as usize].expect("a family that is written has a home");
            let family = &mut self.families[at as usize];
            let before = plan.slots[*slot as usize].before;
            let row = *rows[*slot as usize].get_or_insert_with(|| {
                let began = if before.is_some() { when.started } else { began };
                let row = small(family.push(one.labels, began, when.now));
                let series = SeriesRef { hash: one.hash, family: at, row };
                self.index.insert_unique(one.hash, series, |series| series.hash);
                if let Some(group) = group {
                    family.set_group(row as usize, group);
                    self.groups.insert(group, (at, row));
                }
                row
            });
            let goes_on = || before.and_then(|before| started(before, &one.step));
            family.take(row as usize, &one.step, one.created.or_else(goes_on), when);
        }
        self.limit.used = self.limit.used - plan.series_before + plan.series_after;
        for place in last {
            self.remove(place, when);
        }
        for (staged, home) in stage.families.iter().zip(&homes) {
            let Some(at) = *home else { continue };
            let learned = match stage.group {
                None => self.families[at as usize].learn(staged.help, staged.unit),
                Some(write) => {
                    let is_alone = self.is_alone(at, &write.group.labels);
                    self.families[at as usize].relearn(staged.help, staged.unit, is_alone)
                }
            };
            self.learned += u64::from(learned);
        }
    }

    /// Whether all series of a family are one group's.
    fn is_alone(&self, at: u32, group: &str) -> bool {
        let own =
            self.groups.find(group).map_or(0, |group| self.groups.places_in(group, at).count());
        own == self.families[at as usize].live()
    }
}

/// Since when a histogram counts that went on in other buckets, unless it began anew.
fn started(before: Before, step: &Step<'_>) -> Option<Timestamp> {
    let Step::Histogram(step) = step else { return None };
    (step.counts.iter().sum::<u64>() >= before.observations).then_some(before.created)
}
