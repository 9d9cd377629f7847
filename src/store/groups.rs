//! The groups that series are replaced and deleted in, and which series each one has.
//!
//! A group exists as long as it has a series. Its index stands in the rows of its families, and is
//! given to another group once it is free.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Family and row.
pub(super) type Place = (u32, u32);

#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By index; empty where the index is free.
    labels: Vec<Arc<str>>,
    /// By index. Ordered, so that the rows of one family stand together.
    places: Vec<BTreeSet<Place>>,
    free: Vec<u32>,
    by_labels: HashMap<Arc<str>, u32>,
}

impl Groups {
    /// `places`: of each series that is in a group the group's index.
    pub(super) fn restore(
        labels: Vec<Arc<str>>,
        places: impl Iterator<Item = (usize, Place)>,
    ) -> Self {
        let mut groups =
            Self { places: vec![BTreeSet::new(); labels.len()], labels, ..Self::default() };
        for (group, place) in places {
            groups.places[group].insert(place);
        }
        for (index, labels) in (0_u32..).zip(&mut groups.labels) {
            if groups.places[index as usize].is_empty() {
                *labels = Arc::default();
                groups.free.push(index);
            } else {
                groups.by_labels.insert(Arc::clone(labels), index);
            }
        }
        groups
    }

    /// By index; empty where the index is free.
    pub(super) fn labels(&self) -> &[Arc<str>] {
        &self.labels
    }

    pub(super) fn find(&self, labels: &str) -> Option<u32> {
        self.by_labels.get(labels).copied()
    }

    /// Finds a group or makes it, for a series that is inserted next.
    pub(super) fn find_or_make(&mut self, labels: &str) -> u32 {
        if let Some(index) = self.find(labels) {
            return index;
        }
        let labels: Arc<str> = labels.into();
        let index = self.free.pop().unwrap_or_else(|| {
            self.labels.push(Arc::default());
            self.places.push(BTreeSet::new());
            u32::try_from(self.labels.len() - 1).expect("no more groups than series")
        });
        self.labels[index as usize] = Arc::clone(&labels);
        self.by_labels.insert(labels, index);
        index
    }

    pub(super) fn places(&self, group: u32) -> &BTreeSet<Place> {
        &self.places[group as usize]
    }

    pub(super) fn places_in(&self, group: u32, family: u32) -> impl Iterator<Item = Place> {
        self.places(group).range((family, 0)..=(family, u32::MAX)).copied()
    }

    pub(super) fn insert(&mut self, group: u32, place: Place) {
        self.places[group as usize].insert(place);
    }

    /// Takes a series out; the last one takes the group with it.
    pub(super) fn remove(&mut self, group: u32, place: Place) {
        let places = &mut self.places[group as usize];
        places.remove(&place);
        if places.is_empty() {
            let labels = std::mem::take(&mut self.labels[group as usize]);
            self.by_labels.remove(&labels);
            self.free.push(group);
        }
    }

    /// A series was given another row.
    pub(super) fn moved(&mut self, group: u32, from: Place, to: Place) {
        let places = &mut self.places[group as usize];
        places.remove(&from);
        places.insert(to);
    }
}
