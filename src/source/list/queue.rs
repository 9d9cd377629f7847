//! What waits in the queue, seen once a second and at each claim, and what of it is lost.
//!
//! Every take leaves its taker's name and segment beside the queue; where several
//! gateways share a list, the one that took it last answers for what waits since,
//! so that a loss is metered once. When Redis was wiped or rolled back, that is
//! forgotten, and only a gateway that never saw another one take the queue knows
//! what waited.
//!
//! Both halves of a source look: the upkeep every second, the reading half when
//! it claims the list. A claim sets the order of the two: a look that was not
//! taken wholly before or after it does not count.

/// What was seen of the queue.
#[derive(Debug, Default)]
pub(super) struct QueueLooks {
    /// What we answer for; `None` when another gateway took the queue last, or nobody did.
    look: Option<Look>,
    /// Another gateway was seen to take the queue: what it took cannot be told from a loss once
    /// Redis has forgotten.
    others: bool,
    claims: u64,
    claiming: bool,
}

/// How many items waited since we took a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    segment: u64,
    queued: u64,
}

/// What Redis says of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) last_taker: LastTaker,
    pub(super) length: u64,
}

/// Who took the queue last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LastTaker {
    #[default]
    Unknown,
    /// This identity, as that segment.
    Us(u64),
    Another,
}

impl LastTaker {
    /// From the key's value, `<identity>:<segment>`.
    pub(super) fn parse(value: Option<&str>, identity: &str) -> Self {
        let Some(value) = value else { return Self::Unknown };
        match value.strip_prefix(identity).and_then(|rest| rest.strip_prefix(':')) {
            Some(segment) => segment.parse().map_or(Self::Another, Self::Us),
            None => Self::Another,
        }
    }
}

/// Permission to report a look, from before it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

impl QueueLooks {
    /// To be taken before the look; `None` while the list is being claimed.
    pub(super) fn begin_look(&self) -> Option<Ticket> {
        (!self.claiming).then_some(Ticket(self.claims))
    }

    /// The queue as seen in passing: how many items are lost for certain.
    pub(super) fn looked(&mut self, ticket: Ticket, queue: Queue) -> u64 {
        // Gone or gone backwards: the reader finds out when it claims.
        let settled = match (queue.last_taker, self.look) {
            (LastTaker::Unknown, _) => false,
            (LastTaker::Us(segment), Some(look)) => segment >= look.segment,
            _ => true,
        };
        if self.claiming || self.claims != ticket.0 || !settled {
            return 0;
        }
        self.replace(queue, false)
    }

    /// To be called before the list is claimed.
    pub(super) fn begin_claim(&mut self) {
        self.claiming = true;
        self.claims += 1;
    }

    /// The queue as it was when it was claimed: how many items are lost for certain.
    /// `taken`: the highest segment that the state knows of.
    pub(super) fn claimed(&mut self, queue: Queue, taken: u64, rolled_back: bool) -> u64 {
        // What waited then was taken and applied since.
        self.look = self.look.filter(|look| look.segment >= taken);
        self.claiming = false;
        self.claims += 1;
        self.replace(queue, rolled_back)
    }

    fn replace(&mut self, queue: Queue, rolled_back: bool) -> u64 {
        let before = self.look;
        self.others |= queue.last_taker == LastTaker::Another;
        let forgotten = rolled_back || queue.last_taker == LastTaker::Unknown;
        self.look = match (queue.last_taker, before) {
            _ if rolled_back => None,
            (LastTaker::Us(segment), _) => Some(Look { segment, queued: queue.length }),
            (LastTaker::Unknown, Some(look)) => Some(Look { queued: queue.length, ..look }),
            _ => None,
        };
        match (before, queue.last_taker) {
            (None, _) => 0,
            _ if forgotten && self.others => 0,
            // All that it holds was there before we took it.
            (Some(look), _) if rolled_back => look.queued,
            (Some(look), LastTaker::Us(segment)) if segment > look.segment => 0,
            (Some(look), LastTaker::Us(segment)) if segment < look.segment => look.queued,
            (Some(look), LastTaker::Us(_) | LastTaker::Unknown) => {
                look.queued.saturating_sub(queue.length)
            }
            (Some(_), LastTaker::Another) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(last_taker: LastTaker, length: u64) -> Queue {
        Queue { last_taker, length }
    }

    /// What is lost when `before` was seen, then the state came to `taken`, then `after` was seen.
    fn lost(before: Queue, taken: u64, after: Queue, rolled_back: bool) -> u64 {
        let mut looks = QueueLooks::default();
        let ticket = looks.begin_look().expect("no claim");
        assert_eq!(looks.looked(ticket, before), 0, "nothing was known before");
        looks.begin_claim();
        looks.claimed(after, taken, rolled_back)
    }

    #[test]
    fn only_what_nobody_took_is_lost() {
        use LastTaker::{Another, Unknown, Us};
        let cases = [
            ("it grew", queue(Us(7), 10), 7, queue(Us(7), 12), false, 0),
            ("some are gone", queue(Us(7), 10), 7, queue(Us(7), 4), false, 6),
            ("we took it", queue(Us(7), 10), 7, queue(Us(8), 0), false, 0),
            ("another took it", queue(Us(7), 10), 7, queue(Another, 0), false, 0),
            ("another answers for it", queue(Another, 10), 7, queue(Another, 0), false, 0),
            ("all is gone", queue(Us(7), 10), 7, queue(Unknown, 0), false, 10),
            ("we took it before all was gone", queue(Us(7), 10), 8, queue(Unknown, 0), false, 0),
            ("only the key is gone", queue(Us(7), 10), 7, queue(Unknown, 11), false, 0),
            ("rolled back", queue(Us(7), 10), 7, queue(Us(5), 30), false, 10),
            ("rolled back to another's", queue(Us(7), 10), 7, queue(Another, 30), true, 0),
            ("never taken", queue(Unknown, 10), 0, queue(Unknown, 0), false, 0),
        ];
        for (name, before, taken, after, rolled_back, expected) in cases {
            assert_eq!(lost(before, taken, after, rolled_back), expected, "{name}");
        }
    }

    #[test]
    fn a_look_that_a_claim_overtakes_does_not_count() {
        let mut looks = QueueLooks::default();
        let early = looks.begin_look().expect("no claim");
        looks.begin_claim();
        assert!(looks.begin_look().is_none());
        assert_eq!(looks.claimed(queue(LastTaker::Us(7), 20), 7, false), 0);
        assert_eq!(looks.looked(early, queue(LastTaker::Us(7), 10)), 0);
        let ticket = looks.begin_look().expect("no claim");
        assert_eq!(looks.looked(ticket, queue(LastTaker::Us(7), 15)), 5, "20 were claimed");
    }

    #[test]
    fn an_identity_is_not_taken_for_a_longer_one() {
        let parse = |value| LastTaker::parse(value, "a");
        assert_eq!(parse(Some("a:7")), LastTaker::Us(7));
        assert_eq!(parse(Some("ab:7")), LastTaker::Another);
        assert_eq!(parse(None), LastTaker::Unknown);
    }
}
