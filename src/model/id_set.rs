//! An exact set of stream ids, kept as runs.
//!
//! Redis numbers entries of one millisecond 0, 1, 2, …, so the ids that one
//! consumer applied collapse into few runs of consecutive sequence numbers.
//! A run never spans an id that was not inserted: the set is exact, which a
//! watermark is not (an entry delivered to a connection that broke would lie
//! below the watermark and be lost).

use super::StreamId;

/// Consecutive sequence numbers of one millisecond, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub milliseconds: u64,
    pub first: u64,
    pub last: u64,
}

impl Run {
    fn first_id(self) -> StreamId {
        StreamId::new(self.milliseconds, self.first)
    }

    fn last_id(self) -> StreamId {
        StreamId::new(self.milliseconds, self.last)
    }

    fn len(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// Runs in ascending order, never touching one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    runs: Vec<Run>,
    len: u64,
}

impl IdSet {
    pub fn new() -> Self {
        Self::default()
    }

    /// Rebuilds a set from stored runs; `None` unless they ascend without overlap.
    pub fn from_runs(runs: Vec<Run>) -> Option<Self> {
        let each_valid = runs.iter().all(|run| run.first <= run.last);
        let ascending = runs.windows(2).all(|pair| pair[0].last_id() < pair[1].first_id());
        let len = runs.iter().fold(0_u64, |len, run| len.saturating_add(run.len()));
        (each_valid && ascending).then_some(Self { runs, len })
    }

    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many ids the set holds.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The highest id.
    pub fn last(&self) -> Option<StreamId> {
        self.runs.last().map(|run| run.last_id())
    }

    /// The lowest id.
    pub fn first(&self) -> Option<StreamId> {
        self.runs.first().map(|run| run.first_id())
    }

    pub fn contains(&self, id: StreamId) -> bool {
        let at = self.runs.partition_point(|run| run.last_id() < id);
        self.runs.get(at).is_some_and(|run| run.first_id() <= id)
    }

    /// Adds `id`; false when it was there already. Ascending ids cost O(1).
    pub fn insert(&mut self, id: StreamId) -> bool {
        let at = match self.runs.last() {
            Some(last) if id <= last.last_id() => {
                self.runs.partition_point(|run| run.last_id() < id)
            }
            _ => self.runs.len(),
        };
        if self.runs.get(at).is_some_and(|run| run.first_id() <= id) {
            return false;
        }
        let joins_previous = at > 0 && {
            let previous = self.runs[at - 1];
            previous.milliseconds == id.milliseconds
                && previous.last.checked_add(1) == Some(id.sequence)
        };
        let joins_next = self.runs.get(at).is_some_and(|next| {
            next.milliseconds == id.milliseconds && id.sequence.checked_add(1) == Some(next.first)
        });
        match (joins_previous, joins_next) {
            (true, true) => {
                self.runs[at - 1].last = self.runs[at].last;
                self.runs.remove(at);
            }
            (true, false) => self.runs[at - 1].last = id.sequence,
            (false, true) => self.runs[at].first = id.sequence,
            (false, false) => self.runs.insert(
                at,
                Run { milliseconds: id.milliseconds, first: id.sequence, last: id.sequence },
            ),
        }
        self.len += 1;
        true
    }

    /// Adds every id of `other`.
    pub fn extend(&mut self, other: &Self) {
        other.iter().for_each(|id| {
            self.insert(id);
        });
    }

    /// Drops the lowest runs until at most `most` are left.
    /// The highest id that was dropped.
    pub fn keep_highest_runs(&mut self, most: usize) -> Option<StreamId> {
        let count = self.runs.len().saturating_sub(most);
        let mut highest = None;
        for run in self.runs.drain(..count) {
            highest = Some(StreamId::new(run.milliseconds, run.last));
            self.len -= run.len();
        }
        highest
    }

    /// Drops every id above `highest`.
    pub fn truncate_after(&mut self, highest: StreamId) {
        self.runs.retain(|run| run.first_id() <= highest);
        if let Some(run) = self.runs.last_mut()
            && run.milliseconds == highest.milliseconds
        {
            run.last = run.last.min(highest.sequence);
        }
        self.len = self.runs.iter().fold(0_u64, |len, run| len.saturating_add(run.len()));
    }

    /// All ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.runs.iter().flat_map(|run| {
            (run.first..=run.last).map(|sequence| StreamId::new(run.milliseconds, sequence))
        })
    }

    /// Removes every id of `other`; ids that are not here are ignored.
    pub fn subtract(&mut self, other: &Self) {
        if other.is_empty() || self.is_empty() {
            return;
        }
        let mut left = Vec::with_capacity(self.runs.len());
        let mut remove = other.runs.iter().copied().peekable();
        for mut run in self.runs.drain(..) {
            let mut gone = false;
            while let Some(cut) = remove.peek().copied() {
                if cut.last_id() < run.first_id() {
                    remove.next();
                    continue;
                }
                if cut.first_id() > run.last_id() {
                    break;
                }
                if cut.first > run.first {
                    left.push(Run { last: cut.first - 1, ..run });
                }
                if cut.last >= run.last {
                    gone = true;
                    break;
                }
                run.first = cut.last + 1;
                remove.next();
            }
            if !gone {
                left.push(run);
            }
        }
        self.len = left.iter().fold(0_u64, |len, run| len.saturating_add(run.len()));
        self.runs = left;
    }

    /// The ids that are in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut only_here = self.clone();
        only_here.subtract(other);
        let mut both = self.clone();
        both.subtract(&only_here);
        both
    }
}

impl FromIterator<StreamId> for IdSet {
    fn from_iter<I: IntoIterator<Item = StreamId>>(ids: I) -> Self {
        let mut set = Self::new();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn small_id() -> impl Strategy<Value = StreamId> {
        (0..4_u64, 0..12_u64)
            .prop_map(|(milliseconds, sequence)| StreamId::new(milliseconds, sequence))
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_of_ids(
            inserted in prop::collection::vec(small_id(), 0..80),
            removed in prop::collection::vec(small_id(), 0..40),
        ) {
            let mut model = BTreeSet::new();
            let mut set = IdSet::new();
            for id in &inserted {
                prop_assert_eq!(set.insert(*id), model.insert(*id));
            }
            let other: IdSet = removed.iter().copied().collect();
            let removed: BTreeSet<_> = removed.into_iter().collect();
            let both: Vec<_> = model.intersection(&removed).copied().collect();
            prop_assert_eq!(set.intersection(&other).iter().collect::<Vec<_>>(), both);
            let mut joined = set.clone();
            joined.extend(&other);
            prop_assert_eq!(joined, model.union(&removed).copied().collect::<IdSet>());
            let highest = StreamId::new(1, 5);
            let mut lower = set.clone();
            lower.truncate_after(highest);
            prop_assert_eq!(lower, model.range(..=highest).copied().collect::<IdSet>());
            set.subtract(&other);
            let left: Vec<_> = model.difference(&removed).copied().collect();
            prop_assert_eq!(set.len(), left.len() as u64);
            prop_assert_eq!(set.first(), left.first().copied());
            prop_assert_eq!(set.last(), left.last().copied());
            for id in inserted {
                prop_assert_eq!(set.contains(id), left.contains(&id));
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), left);
            prop_assert_eq!(IdSet::from_runs(set.runs().to_vec()), Some(set));
        }
    }

    #[test]
    fn the_highest_runs_are_kept() {
        let id = |milliseconds| StreamId::new(milliseconds, 0);
        let mut set: IdSet = (0..10).map(id).collect();
        assert_eq!(set.keep_highest_runs(3), Some(id(6)));
        assert_eq!(set, (7..10).map(id).collect());
        assert_eq!(set.keep_highest_runs(3), None);
        assert_eq!(set.len(), 3);
    }

    #[test]
    fn consecutive_ids_are_one_run() {
        let set: IdSet = (0..1000).map(|sequence| StreamId::new(7, sequence)).collect();
        assert_eq!(set.runs(), [Run { milliseconds: 7, first: 0, last: 999 }]);
    }
}
