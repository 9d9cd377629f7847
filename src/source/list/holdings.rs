//! What Redis holds of a list: the queue, and our segments; known once, to both halves of a source.
//!
//! The arithmetic of losses is the same for all of it: nobody removes an item but
//! by taking the whole queue, and nobody writes to a segment. So whatever holds
//! fewer items than when it was last looked at has lost some.
//!
//! The reading half finds the segments of an earlier process when it claims the
//! list, and makes the others; the upkeep removes what is covered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::queue::QueueLooks;
use super::segments::{Existing, SegmentNames};

/// So many keys of others are told of, and no more.
const MOST_TOLD: usize = 100;

/// Shared by the halves of a list's source.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Segments that exist and are not removed, as far as is known.
    segments: BTreeSet<u64>,
    /// Segments of an earlier process that were not applied when the list was claimed, and how
    /// many items each holds; `None` before the first look.
    inherited: Option<BTreeMap<u64, u64>>,
    /// Numbers whose keys no gateway made.
    foreign: BTreeSet<u64>,
    /// Keys among ours that are not ours, and were told of.
    told: BTreeSet<String>,
    queue: QueueLooks,
}

impl Holdings {
    /// What was seen of the queue.
    pub(super) fn queue(&self) -> MappedMutexGuard<'_, QueueLooks> {
        MutexGuard::map(self.0.lock(), |inner| &mut inner.queue)
    }

    /// These exist; those from `next` on are not applied. What was known of one before is what
    /// counts.
    pub(super) fn found(&self, mut segments: BTreeMap<u64, u64>, next: u64) {
        let mut inner = self.0.lock();
        inner.segments.extend(segments.keys());
        let unread = segments.split_off(&next);
        let inherited = inner.inherited.get_or_insert_default();
        for (segment, items) in unread {
            inherited.entry(segment).or_insert(items);
        }
    }

    /// What is still to be read of an earlier process from segment `next` on; `None` before the
    /// first look.
    pub(super) fn inherited_from(&self, next: u64) -> Option<Vec<u64>> {
        let mut inner = self.0.lock();
        let inherited = inner.inherited.as_mut()?;
        *inherited = inherited.split_off(&next);
        Some(inherited.keys().copied().collect())
    }

    /// Those segments were looked at again: how many items they have lost. The number of one
    /// that is gone is free for the queue.
    pub(super) fn looked_again(&self, numbers: &[u64], lengths: &[Option<u64>]) -> u64 {
        let mut inner = self.0.lock();
        let inherited = inner.inherited.get_or_insert_default();
        let mut lost = 0;
        for (number, length) in numbers.iter().zip(lengths) {
            let length = length.unwrap_or(0);
            let before = match length {
                0 => inherited.remove(number),
                _ => inherited.insert(*number, length),
            };
            lost += before.map_or(0, |before| before.saturating_sub(length));
        }
        lost
    }

    /// How many items a segment of an earlier process holds; `None`: it is not one of those.
    pub(super) fn inherited(&self, segment: u64) -> Option<u64> {
        self.0.lock().inherited.as_ref()?.get(&segment).copied()
    }

    /// How many items segments of an earlier process hold after this one.
    pub(super) fn inherited_after(&self, segment: u64) -> u64 {
        let inner = self.0.lock();
        inner
            .inherited
            .as_ref()
            .map_or(0, |all| all.range(segment + 1..).map(|(_, items)| items).sum())
    }

    /// The segment to read after this one. What is inherited stays: a read that fails is taken up
    /// again from the store's position, and must find it there.
    pub(super) fn after(&self, segment: u64) -> u64 {
        let inner = self.0.lock();
        let inherited = inner.inherited.as_ref().and_then(|all| all.range(segment + 1..).next());
        match inherited {
            Some((number, _)) => *number,
            None => {
                (segment + 1..).find(|number| !inner.foreign.contains(number)).unwrap_or(segment)
            }
        }
    }

    /// The queue was taken as this segment.
    pub(super) fn taken(&self, segment: u64) {
        self.0.lock().segments.insert(segment);
    }

    /// These exist, and may be removed once they are covered.
    pub(super) fn found_again(&self, segments: impl Iterator<Item = u64>) {
        self.0.lock().segments.extend(segments);
    }

    /// At most so many segments below `keep`.
    pub(super) fn below(&self, keep: u64, most: usize) -> Vec<u64> {
        self.0.lock().segments.range(..keep).take(most).copied().collect()
    }

    pub(super) fn removed(&self, segments: &[u64]) {
        let mut inner = self.0.lock();
        for segment in segments {
            inner.segments.remove(segment);
        }
    }

    /// No gateway made the keys of these numbers.
    pub(super) fn are_foreign<'n>(&self, numbers: impl IntoIterator<Item = &'n u64>) {
        self.0.lock().foreign.extend(numbers);
    }

    /// Leaves what is ours of what exists, and tells of the rest.
    pub(super) fn separate(&self, names: &SegmentNames, existing: &mut Existing) {
        let foreign = self.0.lock().foreign.clone();
        let numbers = foreign.iter().filter(|number| existing.segments.remove(number).is_some());
        let mut keys: Vec<String> = numbers.map(|number| names.key(*number)).collect();
        keys.append(&mut existing.foreign);
        self.tell_foreign(&names.queue, keys);
    }

    /// Tells of keys among ours that are not ours, once.
    pub(super) fn tell_foreign(&self, queue: &str, keys: impl IntoIterator<Item = String>) {
        let mut inner = self.0.lock();
        for key in keys {
            if inner.told.len() < MOST_TOLD && inner.told.insert(key.clone()) {
                tracing::warn!(
                    queue,
                    key,
                    "a key lies among the segments of this list that no gateway made; it is \
                     neither read nor removed. Rename or delete it"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_segments_serves_both_halves() {
        let holdings = Holdings::default();
        assert_eq!(holdings.inherited_from(3), None, "nobody has looked");
        holdings.found(BTreeMap::from([(1, 10), (2, 10), (3, 10), (5, 10)]), 3);
        assert_eq!(holdings.inherited_from(3), Some(vec![3, 5]));
        assert_eq!([2, 3, 5].map(|segment| holdings.after(segment)), [3, 5, 6]);
        holdings.are_foreign(&[6, 7]);
        assert_eq!(holdings.after(5), 8, "keys of others are in the way");

        holdings.found(BTreeMap::from([(3, 4)]), 3);
        assert_eq!(holdings.looked_again(&[3, 5], &[Some(4), None]), 6 + 10);
        assert_eq!((holdings.inherited(3), holdings.inherited_after(2)), (Some(4), 4));
        assert_eq!(holdings.after(3), 4, "the number of one that is gone is free");

        holdings.taken(8);
        assert_eq!(holdings.below(3, 500), [1, 2]);
        holdings.removed(&[1]);
        assert_eq!(holdings.below(u64::MAX, 2), [2, 3]);
    }
}
