//! Is this still the Redis whose list we read? Decided purely, from what it says at a claim.
//!
//! Redis remembers the highest segment taken, and so does the state. Redis is
//! written first; so if it knows less than the state, it has lost something.

use super::owner::Found;
use crate::model::ListPosition;

/// What became of the list since the state's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// All is as it should be.
    Same,
    /// Redis forgot, and this process knows that it knew.
    Wiped,
    /// Redis never knew, or forgot while no gateway ran: a version before kept no owner.
    WipedOrUpgraded,
    /// Redis never knew, but still has what the state expects.
    Upgraded,
    /// Redis is back in a state that it had before.
    RolledBack,
}

/// The highest segment that the state knows to be taken; none is 0.
pub(super) fn taken(position: Option<ListPosition>) -> u64 {
    match position {
        Some(ListPosition { segment, remaining: Some(_) }) => segment,
        Some(ListPosition { segment, remaining: None }) => segment.saturating_sub(1),
        None => 0,
    }
}

/// `claimed_before`: by this process. `whole`: there are segments of ours, and nothing is missing.
pub(super) fn history(found: &Found, taken: u64, claimed_before: bool, whole: bool) -> History {
    match found.segment {
        _ if taken == 0 => History::Same,
        Some(segment) if segment >= taken => History::Same,
        Some(_) => History::RolledBack,
        None if claimed_before => History::Wiped,
        None if whole => History::Upgraded,
        None => History::WipedOrUpgraded,
    }
}

impl History {
    /// Tells whoever runs the gateway what happened, and what to do.
    pub(super) fn log(self, queue: &str, found: &Found, taken: u64, lost: u64) {
        match self {
            Self::Same if lost == 0 => {}
            Self::Same => tracing::error!(
                queue,
                lost,
                "Redis lost items of the list (evicted, deleted, or restored from a state that \
                 lacks them); the state is kept. Set maxmemory-policy noeviction and appendonly yes"
            ),
            Self::Wiped => tracing::error!(
                queue,
                lost,
                "Redis forgot the list's owner, so it was wiped (FLUSHALL, a restart without \
                 persistence) or lost single keys; the state is kept, and `lost` is what was known \
                 to wait. Set appendonly yes and maxmemory-policy noeviction"
            ),
            Self::WipedOrUpgraded => tracing::error!(
                queue,
                lost,
                "Redis does not know the list's owner: either the gateway was upgraded from a \
                 version that kept none, or Redis was wiped while no gateway ran; then what waited \
                 in the list is lost and cannot be counted. The state is kept. Set appendonly yes"
            ),
            Self::Upgraded => tracing::info!(queue, "the list's owner is known from here on"),
            Self::RolledBack => tracing::error!(
                queue,
                lost,
                segment_of_redis = found.segment,
                segment_of_state = taken,
                "Redis came back in an older state (an old dump, or a replica that lagged); the \
                 state is kept. What was pushed since then is lost, and items that were applied \
                 and are in the list again count again. Set appendonly yes"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_knows_is_compared_with_the_state() {
        let redis = |segment| Found { segment, ..Found::default() };
        let cases = [
            ("first contact", redis(None), 0, false, false, History::Same),
            ("as it was", redis(Some(7)), 7, true, true, History::Same),
            ("a reply was lost", redis(Some(8)), 7, true, true, History::Same),
            ("an older snapshot", redis(Some(9)), 7, false, true, History::Same),
            ("wiped under us", redis(None), 7, true, false, History::Wiped),
            ("wiped or upgraded", redis(None), 7, false, false, History::WipedOrUpgraded),
            ("upgraded", redis(None), 7, false, true, History::Upgraded),
            ("rolled back", redis(Some(6)), 7, false, true, History::RolledBack),
        ];
        for (name, found, taken, claimed_before, whole, expected) in cases {
            assert_eq!(history(&found, taken, claimed_before, whole), expected, "{name}");
        }
    }
}
