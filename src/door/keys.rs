//! The keys that may be pushed to, the ids given out in its streams, and what waits in each.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::model::StreamId;
use crate::push::Backlog;

/// What a key holds, as its producers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Stream,
}

/// Every key, by number; lists first.
pub(super) struct Keys {
    names: Vec<String>,
    lists: usize,
    numbers: HashMap<Vec<u8>, usize>,
    pub(super) backlog: Backlog,
    /// The last id given out; of a list nothing.
    last_ids: Mutex<Vec<StreamId>>,
}

/// Why there is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoId {
    Zero,
    NotAbove,
    UsedUp,
}

/// The id that a producer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedId {
    /// `*`
    Next,
    /// `5-*`
    NextWithin(u64),
    Exactly(StreamId),
}

impl Keys {
    pub(super) fn new(lists: &[String], streams: &[String]) -> Self {
        let names = [lists, streams].concat();
        let numbers = names.iter().enumerate();
        Self {
            lists: lists.len(),
            numbers: numbers.map(|(number, name)| (name.clone().into_bytes(), number)).collect(),
            backlog: Backlog::new(names.len()),
            last_ids: Mutex::new(vec![StreamId::ZERO; names.len()]),
            names,
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn number(&self, name: &[u8]) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(super) fn kind(&self, number: usize) -> Kind {
        if number < self.lists { Kind::List } else { Kind::Stream }
    }

    /// No id up to this one is given out any more.
    pub(super) fn raise(&self, name: &str, id: StreamId) {
        if let Some(number) = self.number(name.as_bytes()) {
            let last = &mut self.last_ids.lock()[number];
            *last = (*last).max(id);
        }
    }

    /// Gives out an id, above all before.
    pub(super) fn give(&self, key: usize, asked: AskedId, now: u64) -> Result<StreamId, NoId> {
        let mut last_ids = self.last_ids.lock();
        let last = &mut last_ids[key];
        let after = |milliseconds, sequence: u64| {
            sequence.checked_add(1).map(|sequence| StreamId::new(milliseconds, sequence))
        };
        let id = match asked {
            AskedId::Next if now > last.milliseconds => StreamId::new(now, 0),
            AskedId::Next => match after(last.milliseconds, last.sequence) {
                Some(id) => id,
                None => StreamId::new(last.milliseconds.checked_add(1).ok_or(NoId::UsedUp)?, 0),
            },
            AskedId::NextWithin(milliseconds) if milliseconds < last.milliseconds => {
                return Err(NoId::NotAbove);
            }
            AskedId::NextWithin(milliseconds) if milliseconds == last.milliseconds => {
                after(milliseconds, last.sequence).ok_or(NoId::NotAbove)?
            }
            AskedId::NextWithin(milliseconds) => StreamId::new(milliseconds, 0),
            AskedId::Exactly(StreamId::ZERO) => return Err(NoId::Zero),
            AskedId::Exactly(id) if id <= *last => return Err(NoId::NotAbove),
            AskedId::Exactly(id) => id,
        };
        *last = id;
        Ok(id)
    }

    /// An id that was asked for exactly is free again, where it was not used and none came behind:
    /// who sends it once more must not be told that it was there.
    pub(super) fn take_back(&self, key: usize, id: StreamId, before: StreamId) {
        let last = &mut self.last_ids.lock()[key];
        if *last == id {
            *last = before;
        }
    }

    pub(super) fn last(&self, key: usize) -> StreamId {
        self.last_ids.lock()[key]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_whatever_the_clock_says() {
        let keys = Keys::new(&["list".into()], &["stream".into()]);
        let give = |asked, now| keys.give(1, asked, now);
        let id = StreamId::new;
        assert_eq!(give(AskedId::Next, 100), Ok(id(100, 0)));
        assert_eq!(give(AskedId::Next, 100), Ok(id(100, 1)));
        assert_eq!(give(AskedId::Next, 50), Ok(id(100, 2)));
        assert_eq!(give(AskedId::NextWithin(99), 100), Err(NoId::NotAbove));
        assert_eq!(give(AskedId::NextWithin(100), 100), Ok(id(100, 3)));
        assert_eq!(give(AskedId::NextWithin(200), 100), Ok(id(200, 0)));
        assert_eq!(give(AskedId::Exactly(id(200, 0)), 100), Err(NoId::NotAbove));
        assert_eq!(give(AskedId::Exactly(id(0, 0)), 100), Err(NoId::Zero));
        assert_eq!(give(AskedId::Exactly(id(200, u64::MAX)), 100), Ok(id(200, u64::MAX)));
        assert_eq!(give(AskedId::Next, 100), Ok(id(201, 0)));
        assert_eq!(give(AskedId::Exactly(id(u64::MAX, u64::MAX)), 100), Ok(id(u64::MAX, u64::MAX)));
        assert_eq!(give(AskedId::Next, 100), Err(NoId::UsedUp));
    }

    #[test]
    fn an_id_that_was_not_used_is_free_again_unless_others_came_behind() {
        let keys = Keys::new(&[], &["stream".into()]);
        let (first, second) = (StreamId::new(5, 0), StreamId::new(6, 0));
        keys.raise("stream", first);
        keys.give(0, AskedId::Exactly(second), 0).expect("free");
        keys.take_back(0, second, first);
        assert_eq!(keys.give(0, AskedId::Exactly(second), 0), Ok(second));
        keys.give(0, AskedId::Next, 0).expect("free");
        keys.take_back(0, second, first);
        assert_eq!(keys.give(0, AskedId::Exactly(second), 0), Err(NoId::NotAbove));
    }

    #[test]
    fn keys_are_known_byte_by_byte() {
        let keys = Keys::new(&["list".into()], &["stream".into()]);
        assert_eq!(keys.number(b"stream").map(|number| keys.kind(number)), Some(Kind::Stream));
        assert_eq!(keys.number(b"list").map(|number| keys.kind(number)), Some(Kind::List));
        assert_eq!(keys.number(b"List"), None);
    }
}
