//! Which series a push takes away, and which families go with them.

use std::collections::HashSet;

use super::super::stage::StagedFamily;
use super::super::{Aggregates, small};
use super::{Before, Planning, Slot};
use crate::store::family::Values;
use crate::store::groups::Place;

impl Planning<'_> {
    /// What the push takes away.
    pub(super) fn removals(&self, existing: &[Option<u32>], slots: &[Slot]) -> Vec<Place> {
        let Aggregates { families, groups, .. } = self.aggregates;
        let group = self
            .stage
            .group
            .and_then(|write| Some((groups.find(&write.group.labels)?, write.whole)));
        let takes_away = |family: &StagedFamily<'_>| family.clears || family.prevails;
        if group.is_none() && !self.stage.families.iter().any(takes_away) {
            return Vec::new();
        }
        let kept: HashSet<Place> = slots
            .iter()
            .filter_map(|slot| {
                let family = self.stage.series[slot.staged as usize].family;
                Some((existing[family as usize]?, slot.row?))
            })
            .collect();
        let mut removals = Vec::new();
        if let Some((group, true)) = group {
            removals.extend(groups.places(group));
        }
        for (staged, at) in self.stage.families.iter().zip(existing) {
            let Some(at) = *at else { continue };
            let family = &families[at as usize];
            if staged.prevails {
                let loose = family.rows().filter(|row| family.group(*row).is_none());
                removals.extend(loose.map(|row| (at, small(row))));
            }
            if staged.clears {
                removals.extend(family.rows().map(|row| (at, small(row))));
            } else if let Some((group, false)) = group {
                removals.extend(groups.places_in(group, at));
            }
        }
        removals.retain(|place| !kept.contains(place));
        removals.sort_unstable();
        removals.dedup();
        removals
    }

    /// Histograms that come with other buckets take their family with them, unless others keep it:
    /// it is made anew, and they go on in it.
    pub(super) fn reshape(
        &self,
        existing: &[Option<u32>],
        slots: &mut [Slot],
        removals: &mut Vec<Place>,
    ) {
        let bounds_of = |at: u32| match &self.aggregates.families[at as usize].values {
            Values::Histograms { bounds, .. } => Some(bounds),
            _ => None,
        };
        for (index, (staged, at)) in self.stage.families.iter().zip(existing).enumerate() {
            let Some(at) = at.filter(|_| self.stage.group.is_some() && staged.is_written) else {
                continue;
            };
            if bounds_of(at).is_none_or(|bounds| **bounds == *staged.shape) {
                continue;
            }
            let family = &self.aggregates.families[at as usize];
            let series = &self.stage.series;
            let kept = slots
                .iter_mut()
                .filter(|slot| series[slot.staged as usize].family as usize == index)
                .filter(|slot| slot.row.is_some());
            let mut kept: Vec<&mut Slot> = kept.collect();
            let going = removals.iter().filter(|place| place.0 == at).count();
            if kept.is_empty() || going + kept.len() < family.live() {
                continue;
            }
            for slot in &mut kept {
                let Some(row) = slot.row.take() else { continue };
                let created = family.created.get(row as usize).copied().unwrap_or_default();
                let observations = family.observations(row as usize);
                slot.before = Some(Before { created, observations });
                removals.push((at, row));
            }
        }
        removals.sort_unstable();
    }

    /// The families that lose every series, and with them their names and types.
    pub(super) fn leaving(&self, removals: &[Place]) -> HashSet<u32> {
        if self.stage.is_sequence {
            return HashSet::new();
        }
        removals
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|places| places.len() == self.aggregates.families[places[0].0 as usize].live())
            .map(|places| places[0].0)
            .collect()
    }
}
