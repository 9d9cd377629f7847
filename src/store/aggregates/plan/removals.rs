//! Which series a push takes away, and which families go with them.

use std::collections::HashSet;

use super::super::{Aggregates, small};
use super::{Planning, Slot};
use crate::store::groups::Place;

impl Planning<'_> {
    /// What the push takes away.
    pub(super) fn removals(&self, existing: &[Option<u32>], slots: &[Slot]) -> Vec<Place> {
        let Aggregates { families, groups, .. } = self.aggregates;
        let group = self
            .stage
            .group
            .and_then(|write| Some((groups.find(&write.group.labels)?, write.whole)));
        if group.is_none() && !self.stage.families.iter().any(|family| family.clears) {
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
            if staged.clears {
                removals.extend(families[at as usize].rows().map(|row| (at, small(row))));
            } else if let Some((group, false)) = group {
                removals.extend(groups.places_in(group, at));
            }
        }
        removals.retain(|place| !kept.contains(place));
        removals.sort_unstable();
        removals.dedup();
        removals
    }

    /// The families that lose every series.
    pub(super) fn leaving(&self, removals: &[Place]) -> HashSet<u32> {
        removals
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|places| places.len() == self.aggregates.families[places[0].0 as usize].live())
            .map(|places| places[0].0)
            .collect()
    }
}
