//! Positions are values: where a source stands, and whether a step fits.
//!
//! A position travels with the state it belongs to. [`Position::advance`] is
//! the only way forward, and it refuses a step that would apply an entry twice
//! or skip one, leaving the position untouched:
//!
//! | source | fits when |
//! |---|---|
//! | list   | same segment and `from` is what remains, or a later segment once nothing remains |
//! | group  | none of the ids was applied before |
//! | reader | `after` is the last id applied |
//! | push   | `from` is the next record |

use std::fmt;
use std::sync::Arc;

use super::{IdSet, StreamId};

/// How a source is consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Redis list, taken segment by segment.
    List,
    /// A Redis stream through a consumer group.
    Group,
    /// A Redis stream read alone, from the checkpointed id.
    Reader,
    /// A journal of pushes; its key is the journal's own random id, or `memory`.
    Push,
}

impl SourceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Group => "group",
            Self::Reader => "reader",
            Self::Push => "push",
        }
    }
}

/// Names a source: its kind and its Redis key (or a journal's id).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    pub kind: SourceKind,
    pub key: String,
}

impl SourceKey {
    /// What the world knows it by. All journals of pushes are one there: which of them a push lay
    /// in concerns nobody, and a new one with each start would be a new time series each.
    pub fn public(&self) -> Self {
        Self { kind: self.kind, key: self.public_key().into() }
    }

    fn public_key(&self) -> &str {
        match self.kind {
            SourceKind::Push => "journal",
            SourceKind::List | SourceKind::Group | SourceKind::Reader => &self.key,
        }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.public_key())
    }
}

/// Up to where a source's entries are part of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    List(ListPosition),
    Group(GroupPosition),
    Reader(ReaderPosition),
    Push(PushPosition),
}

/// In which segment, and how many of its items, counted from index 0, are not yet applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPosition {
    pub segment: u64,
    /// `None`: the segment has not been looked at yet.
    pub remaining: Option<u64>,
}

/// The highest id applied, and exactly which ids are applied and not yet acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPosition {
    pub last: StreamId,
    pub unacknowledged: Arc<IdSet>,
    /// Of the entries that Redis says this gateway has claimed as lost, those that are metered.
    pub claimed_lost: u64,
}

/// The last id applied, and the stream's `entries-added` as of that entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderPosition {
    pub last: StreamId,
    /// `None` where Redis does not count (before 7.0).
    pub entries_consumed: Option<u64>,
}

/// The number of the first record of a journal that is not applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushPosition {
    pub next: u64,
}

/// A step of a position, made by applying one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Items `to..from` of the segment were applied.
    List { segment: u64, from: u64, to: u64 },
    /// These entries were applied.
    Group { ids: IdSet },
    /// The entries after `after` up to `last` were applied; there were `entries` of them.
    Reader { after: StreamId, last: StreamId, entries: u64 },
    /// Records `from..to` of the journal were applied.
    Push { from: u64, to: u64 },
}

/// A step that does not fit; applying it would count an entry twice or skip one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a step of {advance:?} does not fit the position {position:?}")]
pub struct PositionMismatch {
    pub position: Box<Position>,
    pub advance: Box<Advance>,
}

impl Position {
    /// Takes the step, or refuses it and stays.
    pub fn advance(&mut self, advance: &Advance) -> Result<(), PositionMismatch> {
        let fits = match (&mut *self, advance) {
            (Self::List(position), Advance::List { segment, from, to }) => {
                position.advance(*segment, *from, *to)
            }
            (Self::Group(position), Advance::Group { ids }) => position.advance(ids),
            (Self::Reader(position), Advance::Reader { after, last, entries }) => {
                position.advance(*after, *last, *entries)
            }
            (Self::Push(position), Advance::Push { from, to }) => position.advance(*from, *to),
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(PositionMismatch {
                position: Box::new(self.clone()),
                advance: Box::new(advance.clone()),
            })
        }
    }
}

impl ListPosition {
    fn advance(&mut self, segment: u64, from: u64, to: u64) -> bool {
        let continues = segment == self.segment && self.remaining.is_none_or(|left| left == from);
        let opens_next = segment > self.segment && self.remaining.unwrap_or(0) == 0;
        if to > from || !(continues || opens_next) {
            return false;
        }
        *self = Self { segment, remaining: Some(to) };
        true
    }
}

impl GroupPosition {
    fn advance(&mut self, ids: &IdSet) -> bool {
        let Some(last) = ids.last() else { return true };
        // Fresh deliveries lie above everything applied; only re-reads and claims need the search.
        let all_new = ids.first() > self.unacknowledged.last()
            || ids.iter().all(|id| !self.unacknowledged.contains(id));
        if !all_new {
            return false;
        }
        let unacknowledged = Arc::make_mut(&mut self.unacknowledged);
        for id in ids.iter() {
            unacknowledged.insert(id);
        }
        self.last = self.last.max(last);
        true
    }
}

impl ReaderPosition {
    fn advance(&mut self, after: StreamId, last: StreamId, entries: u64) -> bool {
        if after != self.last || last < after {
            return false;
        }
        self.last = last;
        self.entries_consumed = self.entries_consumed.map(|consumed| consumed + entries);
        true
    }
}

impl PushPosition {
    fn advance(&mut self, from: u64, to: u64) -> bool {
        if from != self.next || to < from {
            return false;
        }
        self.next = to;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(segment: u64, remaining: Option<u64>) -> Position {
        Position::List(ListPosition { segment, remaining })
    }

    fn step(segment: u64, from: u64, to: u64) -> Advance {
        Advance::List { segment, from, to }
    }

    #[test]
    fn a_list_moves_only_without_gap_or_overlap() {
        let cases = [
            (list(3, Some(10)), step(3, 10, 4), Some(list(3, Some(4)))),
            (list(3, None), step(3, 10, 4), Some(list(3, Some(4)))),
            (list(3, Some(0)), step(4, 7, 0), Some(list(4, Some(0)))),
            (list(3, None), step(5, 7, 0), Some(list(5, Some(0)))),
            (list(3, Some(10)), step(3, 9, 4), None),
            (list(3, Some(10)), step(3, 11, 4), None),
            (list(3, Some(1)), step(4, 7, 0), None),
            (list(3, Some(0)), step(2, 7, 0), None),
            (list(3, Some(4)), step(3, 4, 5), None),
        ];
        for (before, advance, expected) in cases {
            let mut position = before.clone();
            let result = position.advance(&advance);
            assert_eq!(result.is_ok(), expected.is_some(), "{before:?} {advance:?}");
            assert_eq!(position, expected.unwrap_or(before));
        }
    }

    #[test]
    fn a_group_refuses_an_id_that_was_applied() {
        let ids = |sequences: &[u64]| Advance::Group {
            ids: sequences.iter().map(|sequence| StreamId::new(1, *sequence)).collect(),
        };
        let mut position = Position::Group(GroupPosition::default());
        position.advance(&ids(&[1, 2, 5])).expect("fresh ids");
        position.advance(&ids(&[3])).expect("a gap is filled by a re-read");
        let before = position.clone();
        position.advance(&ids(&[4, 5])).expect_err("5 was applied");
        assert_eq!(position, before);
    }

    #[test]
    fn a_reader_continues_where_it_stopped() {
        let id = |sequence| StreamId::new(1, sequence);
        let start = ReaderPosition { last: id(4), entries_consumed: Some(40) };
        let mut position = Position::Reader(start);
        let step = |after, last| Advance::Reader { after: id(after), last: id(last), entries: 2 };
        position.advance(&step(3, 6)).expect_err("entry 4 would be applied twice");
        position.advance(&step(5, 6)).expect_err("entry 5 would be skipped");
        position.advance(&step(4, 6)).expect("continues");
        let end = ReaderPosition { last: id(6), entries_consumed: Some(42) };
        assert_eq!(position, Position::Reader(end));
    }

    #[test]
    fn a_journal_moves_only_without_gap_or_overlap() {
        let mut position = Position::Push(PushPosition { next: 4 });
        for (from, to) in [(3, 5), (5, 6), (4, 3)] {
            position.advance(&Advance::Push { from, to }).expect_err("does not fit");
        }
        position.advance(&Advance::Push { from: 4, to: 7 }).expect("continues");
        assert_eq!(position, Position::Push(PushPosition { next: 7 }));
    }
}
