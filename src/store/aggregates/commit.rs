//! Doing what a plan says. Nothing here can be refused.

use super::plan::{Home, Plan};
use super::stage::Stage;
use super::{Aggregates, SeriesRef, small};
use crate::store::step::When;

impl Aggregates {
    pub(super) fn commit(&mut self, stage: &Stage<'_>, plan: Plan, when: When) {
        for place in plan.removals {
            self.remove(place);
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
        for (staged, home) in stage.families.iter().zip(&homes) {
            if let Some(at) = home {
                let family = &mut self.families[*at as usize];
                self.learned += u64::from(family.learn(staged.help, staged.unit));
            }
        }
        let mut rows: Vec<Option<u32>> = plan.slots.iter().map(|slot| slot.row).collect();
        let new_rows = rows.iter().filter(|row| row.is_none()).count();
        self.index.reserve(new_rows, |series| series.hash);
        let group = stage.group.filter(|_| new_rows > 0);
        let group = group.map(|write| self.groups.find_or_make(&write.group.labels));
        for (one, slot) in stage.series.iter().zip(&plan.slot_of) {
            let at = homes[one.family as usize].expect("a family that is written has a home");
            let family = &mut self.families[at as usize];
            let row = *rows[*slot as usize].get_or_insert_with(|| {
                let row = small(family.push(one.labels, when.started, when.now));
                let series = SeriesRef { hash: one.hash, family: at, row };
                self.index.insert_unique(one.hash, series, |series| series.hash);
                if let Some(group) = group {
                    family.set_group(row as usize, group);
                    self.groups.insert(group, (at, row));
                }
                row
            });
            family.take(row as usize, &one.step, one.created, when);
        }
        self.limit.used = self.limit.used - plan.series_before + plan.series_after;
    }
}
