//! Is this still the stream that was read before, and is it whole? Decided purely, from numbers.

use crate::model::{ReaderPosition, StreamId};
use crate::redis::stream_info::StreamInfo;

/// Where reading goes on, and how many entries are known to be lost.
/// `has_group`: the stream has our advisory group, so it was not made anew.
pub(super) fn history(
    position: ReaderPosition,
    info: Option<StreamInfo>,
    has_group: bool,
) -> (ReaderPosition, u64) {
    let fresh = ReaderPosition { last: StreamId::ZERO, entries_consumed: None };
    let Some(info) = info else {
        return (ReaderPosition { entries_consumed: Some(0), ..fresh }, 0);
    };
    let Some(added) = info.entries_added else {
        let older = info.last_generated < position.last;
        let rolled_back = ReaderPosition { last: info.last_generated, entries_consumed: None };
        return match (older, has_group) {
            (false, _) => (ReaderPosition { entries_consumed: None, ..position }, 0),
            (true, true) => (rolled_back, 0),
            (true, false) => (fresh, 0),
        };
    };
    let before_first = added.saturating_sub(info.length);
    if info.last_generated < position.last && has_group {
        // Rolled back: all that it holds was applied before.
        return (ReaderPosition { last: info.last_generated, entries_consumed: Some(added) }, 0);
    }
    if info.last_generated < position.last {
        return (ReaderPosition { entries_consumed: Some(before_first), ..fresh }, 0);
    }
    let all_ahead = info.first_entry.is_some_and(|first| first > position.last);
    let at_end = info.last_generated == position.last;
    // What the stream has added up to the position, if it is known from here.
    let up_to_position = if at_end {
        Some(added)
    } else if all_ahead {
        Some(before_first)
    } else {
        None
    };
    match (up_to_position, position.entries_consumed) {
        // Rolled back, and new entries came since: how many there are up to here is to be seen.
        (None, Some(consumed)) if added < consumed => {
            (ReaderPosition { entries_consumed: None, ..position }, 0)
        }
        (None, _) => (position, 0),
        (Some(counted), consumed) => {
            let lost = consumed.map_or(0, |consumed| counted.saturating_sub(consumed));
            (ReaderPosition { entries_consumed: Some(counted), ..position }, lost)
        }
    }
}

/// Whether the stream ends before the position, or counts fewer entries than were consumed: it is
/// another one, or was rolled back. Without a count nothing can be told from counts.
pub(super) fn turned_back(
    before: ReaderPosition,
    after: ReaderPosition,
    info: Option<StreamInfo>,
) -> bool {
    let added = info.map_or(Some(0), |info| info.entries_added);
    let counts = after.entries_consumed.or(added).zip(before.entries_consumed);
    after.last < before.last || counts.is_some_and(|(counted, consumed)| counted < consumed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_tells_loss_from_progress() {
        let id = |milliseconds| StreamId::new(milliseconds, 0);
        let at = |last, consumed| ReaderPosition { last: id(last), entries_consumed: consumed };
        let stream = |length, last, first, added| {
            Some(StreamInfo {
                length,
                last_generated: id(last),
                first_entry: Some(id(first)),
                entries_added: Some(added),
            })
        };
        let cases = [
            (
                "first contact with a trimmed stream",
                at(0, None),
                stream(5, 9, 5, 8),
                at(0, Some(3)),
                0,
            ),
            ("in the middle", at(6, Some(4)), stream(5, 9, 5, 8), at(6, Some(4)), 0),
            ("at the end, nothing lost", at(9, Some(8)), stream(5, 9, 5, 8), at(9, Some(8)), 0),
            (
                "deleted ahead, seen at the end",
                at(9, Some(6)),
                stream(5, 9, 5, 8),
                at(9, Some(8)),
                2,
            ),
            ("trimmed ahead", at(2, Some(1)), stream(5, 9, 5, 8), at(2, Some(3)), 2),
            ("key gone", at(9, Some(8)), None, at(0, Some(0)), 0),
            ("ids run backwards", at(9, Some(8)), stream(2, 4, 3, 2), at(0, Some(0)), 0),
            (
                "a new stream with higher ids",
                at(9, Some(8)),
                stream(2, 14, 13, 2),
                at(9, Some(0)),
                0,
            ),
        ];
        for (name, before, info, after, lost) in cases {
            assert_eq!(history(before, info, false), (after, lost), "{name}");
        }
    }

    #[test]
    fn a_redis_that_does_not_count_is_not_given_a_count() {
        let info =
            StreamInfo { length: 1, last_generated: StreamId::new(9, 0), ..StreamInfo::default() };
        let (gone, _) = history(ReaderPosition::default(), None, false);
        let (made, _) = history(gone, Some(info), false);
        assert_eq!(made, ReaderPosition::default());

        // Read from its beginning, it is no other one because it has no count.
        let read = ReaderPosition { last: info.last_generated, entries_consumed: Some(1) };
        let (checked, lost) = history(read, Some(info), false);
        assert_eq!((checked.last, lost), (read.last, 0));
        assert!(!turned_back(read, checked, Some(info)));
    }

    #[test]
    fn a_stream_with_our_group_was_rolled_back_and_not_made_anew() {
        let id = |milliseconds| StreamId::new(milliseconds, 0);
        let before = ReaderPosition { last: id(9), entries_consumed: Some(8) };
        let older = StreamInfo {
            length: 5,
            last_generated: id(7),
            first_entry: Some(id(3)),
            entries_added: Some(6),
        };
        let after = ReaderPosition { last: id(7), entries_consumed: Some(6) };
        assert_eq!(history(before, Some(older), true), (after, 0));

        // It was noticed only after entries above the position came: at the end it counts fewer
        // than were consumed, and nothing of what it holds is read again or lost.
        let grown = StreamInfo {
            length: 7,
            last_generated: id(12),
            first_entry: Some(id(3)),
            entries_added: Some(8),
        };
        assert_eq!(history(before, Some(grown), true), (before, 0), "in the middle");
        let few = StreamInfo { entries_added: Some(7), ..grown };
        let uncounted = ReaderPosition { entries_consumed: None, ..before };
        assert_eq!(history(before, Some(few), true), (uncounted, 0), "fewer than were consumed");
        assert!(turned_back(before, uncounted, Some(few)));
        let at_end = ReaderPosition { last: id(12), entries_consumed: Some(10) };
        let after = ReaderPosition { entries_consumed: Some(8), ..at_end };
        assert_eq!(history(at_end, Some(grown), true), (after, 0));
    }
}
