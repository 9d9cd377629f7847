//! Taking series away, and with the last one its family.
//!
//! A removed row is out of the index, of its group and of the limit at once. It stays in the
//! columns until [`Aggregates::sweep`] finds that most of the family's rows are such.

use super::{Aggregates, small};
use crate::model::push::Matching;
use crate::model::{MetricType, labels};
use crate::store::family::Family;
use crate::store::groups::{Groups, Place};
use crate::store::step::When;

impl Aggregates {
    pub(super) fn delete_group(&mut self, labels: &str, when: When) {
        let Some(group) = self.groups.find(labels) else { return };
        for place in self.groups.places(group).clone() {
            self.remove(place, when);
        }
    }

    /// Removes the series that have these labels.
    pub(super) fn delete_matching(&mut self, matching: &Matching, when: When) {
        let carries = |text: &str, pair: &String| labels::pairs(text).any(|own| own == pair);
        let lacks = |text: &str, name: &String| {
            labels::names_and_values(text).all(|(own, value)| own != name || value.is_empty())
        };
        let mut places: Vec<Place> = Vec::new();
        for (at, family) in (0_u32..).zip(&self.families) {
            let rows = family.rows().filter(|row| {
                let text = family.labels.get(*row);
                matching.pairs.iter().all(|pair| carries(text, pair))
                    && matching.absent.iter().all(|name| lacks(text, name))
            });
            places.extend(rows.map(|row| (at, small(row))));
        }
        for place in places {
            self.remove(place, when);
        }
    }

    /// Removes all series, families and groups.
    pub(super) fn wipe(&mut self, when: When) {
        if !self.index.is_empty() {
            self.removed_at = when.at;
        }
        self.families.clear();
        self.vacant.clear();
        self.names.clear();
        self.index.clear();
        self.groups = Groups::default();
        self.thinned.clear();
        self.limit.used = 0;
        self.moves += 1;
    }

    pub(super) fn remove(&mut self, place: Place, when: When) {
        let (at, row) = (place.0, place.1 as usize);
        let family = &mut self.families[at as usize];
        self.limit.used -= family.row_series(row);
        let hash = self.hasher.hash(&family.name, &labels::canonical(family.labels.get(row)));
        self.index
            .find_entry(hash, |series| (series.family, series.row) == place)
            .expect("every series is in the index")
            .remove();
        if let Some(group) = family.group(row) {
            self.groups.remove(small(group), place);
        }
        family.remove(row);
        self.moves += 1;
        self.removed_at = when.at;
        if family.live() > 0 {
            self.thinned.insert(at);
            return;
        }
        for name in family.sample_names() {
            self.names.remove(&name);
        }
        *family = Family::empty("", MetricType::Untyped);
        self.vacant.push(at);
    }

    /// Compacts a family that lost most of its rows. One at a time, so that the lock is not held
    /// for all of them.
    pub(super) fn sweep(&mut self) {
        self.thinned.retain(|at| self.families[*at as usize].needs_sweeping());
        let Some(at) = self.thinned.pop_first() else { return };
        let family = &mut self.families[at as usize];
        // Ascending, and rows only move down: no two series are ever at the same place.
        for (row, former) in family.sweep().into_iter().enumerate() {
            let (from, to) = ((at, small(former)), (at, small(row)));
            if from == to {
                continue;
            }
            let hash = self.hasher.hash(&family.name, &labels::canonical(family.labels.get(row)));
            self.index
                .find_mut(hash, |series| (series.family, series.row) == from)
                .expect("every series is in the index")
                .row = to.1;
            if let Some(group) = family.group(row) {
                self.groups.moved(small(group), from, to);
            }
        }
        self.moves += 1;
    }
}
