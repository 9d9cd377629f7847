//! Which ids were given to entries that their producers may send again: an entry that comes again is
//! answered with the id of the first.
//!
//! This is for the answer alone. That such an entry counts once is decided where it is applied, in
//! the order of the journal, and holds across restarts.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;

use crate::model::push::IdempotencyKey;
use crate::model::{StreamId, Timestamp};

/// Remembered at most; beyond it the oldest are forgotten.
const MOST_REMEMBERED: usize = 100_000;

pub(super) struct GivenIds {
    window: Duration,
    given: Mutex<Given>,
}

#[derive(Default)]
struct Given {
    ids: HashMap<[u8; 16], (StreamId, Timestamp)>,
    order: VecDeque<([u8; 16], Timestamp)>,
}

impl GivenIds {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, given: Mutex::default() }
    }

    /// The id that the first of them got.
    pub(super) fn given(&self, once: &IdempotencyKey, now: Timestamp) -> Option<StreamId> {
        let given = self.given.lock();
        let (id, at) = given.ids.get(&once.key)?;
        (now.since(*at) <= self.window).then_some(*id)
    }

    pub(super) fn give(&self, once: IdempotencyKey, id: StreamId, now: Timestamp) {
        let mut given = self.given.lock();
        let Given { ids, order } = &mut *given;
        while let Some((key, at)) = order.front()
            && (now.since(*at) > self.window || order.len() >= MOST_REMEMBERED)
        {
            // It may have come anew since.
            if ids.get(key).is_some_and(|(_, latest)| latest == at) {
                ids.remove(key);
            }
            order.pop_front();
        }
        order.push_back((once.key, now));
        ids.insert(once.key, (id, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_remembered_for_the_window() {
        let ids = GivenIds::new(Duration::from_secs(10));
        let key = |key| IdempotencyKey { key: [key; 16], fingerprint: 0 };
        let at = |seconds: u64| Timestamp(seconds * 1000);
        ids.give(key(1), StreamId::new(5, 0), at(100));
        assert_eq!(ids.given(&key(1), at(110)), Some(StreamId::new(5, 0)));
        assert_eq!(ids.given(&key(1), at(111)), None);
        ids.give(key(1), StreamId::new(6, 0), at(111));
        ids.give(key(2), StreamId::new(7, 0), at(112));
        assert_eq!(ids.given(&key(1), at(112)), Some(StreamId::new(6, 0)));
        assert_eq!(ids.given.lock().order.len(), 2);
    }
}
