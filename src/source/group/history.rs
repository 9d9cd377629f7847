//! Is this still the group and the stream that were read before? Decided purely, from what Redis says.

use crate::model::{GroupPosition, StreamId};
use crate::redis::stream_info::{GroupInfo, StreamInfo};

/// What became of them since the state's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Nothing was read before.
    New,
    /// They are what they were, or the group was never met and is read from where it stands.
    Same,
    /// Redis came back in an older state: the group will deliver again what is applied.
    RolledBack,
    /// The group is gone, the stream is the one that was read.
    GroupGone,
    /// The stream is another one: wiped, or deleted and made anew.
    StreamGone,
}

pub(super) fn history(
    position: Option<&GroupPosition>,
    stream: Option<StreamInfo>,
    group: Option<&GroupInfo>,
) -> History {
    let last_generated = stream.map_or(StreamId::ZERO, |stream| stream.last_generated);
    match (position, group) {
        (None, None) => History::New,
        (None, Some(_)) => History::Same,
        (Some(position), Some(group)) if group.last_delivered < position.last => {
            History::RolledBack
        }
        (Some(_), Some(_)) => History::Same,
        (Some(position), None) if last_generated < position.last => History::StreamGone,
        (Some(_), None) => History::GroupGone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_gone_is_told_from_a_stream_that_is_gone() {
        let id = |milliseconds| StreamId::new(milliseconds, 0);
        let at = |last| GroupPosition { last: id(last), ..GroupPosition::default() };
        let ends_at = |last| Some(StreamInfo { last_generated: id(last), ..StreamInfo::default() });
        let stands_at = |last| GroupInfo { last_delivered: id(last), ..GroupInfo::default() };
        let cases = [
            ("nothing yet", None, None, None, History::New),
            ("somebody's group", None, ends_at(9), Some(stands_at(4)), History::Same),
            ("as it was", Some(at(7)), ends_at(9), Some(stands_at(7)), History::Same),
            ("others read on", Some(at(7)), ends_at(9), Some(stands_at(9)), History::Same),
            ("an older dump", Some(at(7)), ends_at(5), Some(stands_at(4)), History::RolledBack),
            ("forked", Some(at(7)), ends_at(9), Some(stands_at(4)), History::RolledBack),
            ("XGROUP DESTROY", Some(at(7)), ends_at(9), None, History::GroupGone),
            ("FLUSHALL", Some(at(7)), None, None, History::StreamGone),
            ("made anew", Some(at(7)), ends_at(3), None, History::StreamGone),
            ("never an entry", Some(at(0)), None, None, History::GroupGone),
        ];
        for (name, position, stream, group, expected) in cases {
            assert_eq!(history(position.as_ref(), stream, group.as_ref()), expected, "{name}");
        }
    }
}
