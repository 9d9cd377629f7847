//! A queue whose name changed in its braces alone: `jobs` and `{jobs}` have the same segments.
//!
//! Their keys are derived from the hash tag, which is the same. So is the numbering of the segments
//! then, and a position in them is one for both names.

use std::cmp::Reverse;

use crate::model::{ListPosition, Position, SourceKey, SourceKind, tagged};
use crate::store::Store;

/// Gives a queue the position that the state knows under its other spelling.
pub fn carry_over(store: &Store, queue: &str) {
    let key = SourceKey { kind: SourceKind::List, key: queue.to_owned() };
    let other = store.positions().into_iter().find_map(|(source, position)| match position {
        Position::List(position) if source.key != queue && same_segments(&source.key, queue) => {
            Some((source, position))
        }
        _ => None,
    });
    let Some((other, position)) = other else { return };
    match store.position(&key) {
        None => store.rename_source(&other, key.clone(), |position| position),
        // An earlier version read each on its own.
        Some(Position::List(known)) if progress(known) < progress(position) => {
            store.reposition(&key, |stored| {
                *stored = Some(Position::List(position));
                0
            });
        }
        Some(_) => return,
    }
    tracing::info!(
        source = %key,
        before = other.key,
        "the list was renamed, and its segments have the same names as before: reading goes on \
         after what is applied of them"
    );
}

/// Whether the segments of both queues are called the same.
pub(super) fn same_segments(queue: &str, other: &str) -> bool {
    tagged(queue) == tagged(other)
}

/// What of two positions in the same segments is greater is further.
fn progress(at: ListPosition) -> (u64, bool, Reverse<u64>) {
    (at.segment, at.remaining.is_some(), Reverse(at.remaining.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(queue: &str) -> SourceKey {
        SourceKey { kind: SourceKind::List, key: queue.into() }
    }

    fn at(segment: u64, remaining: Option<u64>) -> Position {
        Position::List(ListPosition { segment, remaining })
    }

    #[test]
    fn the_furthest_position_in_the_same_segments_counts() {
        let cases = [
            ("renamed", vec![("jobs", at(7, Some(3)))], Some(at(7, Some(3)))),
            ("another list", vec![("job", at(7, Some(3)))], None),
            (
                "read as both",
                vec![("jobs", at(7, None)), ("{jobs}", at(5, None))],
                Some(at(7, None)),
            ),
            (
                "not back",
                vec![("jobs", at(5, Some(0))), ("{jobs}", at(7, None))],
                Some(at(7, None)),
            ),
            (
                "within one",
                vec![("jobs", at(7, Some(2))), ("{jobs}", at(7, Some(3)))],
                Some(at(7, Some(2))),
            ),
        ];
        for (name, known, expected) in cases {
            let store = Store::new(10);
            for (queue, position) in known {
                store.reposition(&key(queue), |stored| {
                    *stored = Some(position.clone());
                    0
                });
            }
            carry_over(&store, "{jobs}");
            assert_eq!(store.position(&key("{jobs}")), expected, "{name}");
        }
    }
}
