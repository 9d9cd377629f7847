//! What the segments of one queue are called, and which of them exist.
//!
//! Whoever has a Redis may make keys that begin as ours do. What cannot be a
//! segment (another suffix, another type, a number that was never taken) is
//! told of once, and neither read nor removed.

use std::collections::BTreeMap;

use redis::{AsyncIter, RedisError};

use crate::model::tagged;
use crate::redis::Connection;
use crate::redis::Error;

/// The highest number of a segment: up to here a script compares numbers exactly.
pub(super) const HIGHEST: u64 = 1 << 53;

/// Segments of which the length is asked for in one round trip.
const LENGTHS_CHUNK: usize = 1000;

/// The keys of one queue's segments.
#[derive(Clone, Debug)]
pub(in crate::source) struct SegmentNames {
    pub(in crate::source) queue: String,
    pub(super) identity: String,
    /// What the keys of all identities begin with.
    shared: String,
    prefix: String,
}

/// What there is among our keys.
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// How many items each segment holds; none is empty.
    pub(super) segments: BTreeMap<u64, u64>,
    /// Keys that are no segments.
    pub(super) foreign: Vec<String>,
}

impl SegmentNames {
    /// All keys share a hash tag, so that a cluster keeps them on one node and a
    /// rename is possible: a queue that carries a tag keeps it, any other name becomes one.
    pub(in crate::source) fn new(queue: &str, identity: &str) -> Self {
        let shared = format!("{}:seg:", tagged(queue));
        let prefix = format!("{shared}{identity}:");
        Self { queue: queue.to_owned(), identity: identity.to_owned(), shared, prefix }
    }

    pub(in crate::source) fn key(&self, segment: u64) -> String {
        format!("{}{segment}", self.prefix)
    }

    /// The hash that says who may take the queue; no number, and so no segment.
    pub(in crate::source) fn owner(&self) -> String {
        format!("{}owner", self.prefix)
    }

    /// Names the gateway that took the queue last; no identity, for those end with a colon here.
    pub(in crate::source) fn last_taker(&self) -> String {
        format!("{}last", self.shared)
    }

    /// The number of the segment that a key is.
    fn number(&self, key: &str) -> Option<u64> {
        let number = key.strip_prefix(&self.prefix)?.parse().ok()?;
        // Not `07` and not `+7`, which are read as 7.
        ((1..=HIGHEST).contains(&number) && self.key(number) == key).then_some(number)
    }

    /// Looks through the names of all keys.
    pub(super) async fn existing(&self, connection: &mut Connection) -> Result<Existing, Error> {
        let failed = |error| self.failed("SCAN", error);
        let mut pattern = String::new();
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        let mut scan = redis::cmd("SCAN");
        scan.cursor_arg(0).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
        let mut keys: AsyncIter<'_, Vec<u8>> = scan.iter_async(connection).await.map_err(failed)?;
        let mut numbers = Vec::new();
        let mut existing = Existing::default();
        while let Some(key) = keys.next_item().await {
            let key = String::from_utf8_lossy(&key.map_err(failed)?).into_owned();
            match self.number(&key) {
                Some(number) => numbers.push(number),
                None if key == self.owner() => {}
                None => existing.foreign.push(key),
            }
        }
        drop(keys);
        for (number, length) in numbers.iter().zip(self.lengths(connection, &numbers).await?) {
            match length {
                Some(0) => {}
                Some(length) => drop(existing.segments.insert(*number, length)),
                None => existing.foreign.push(self.key(*number)),
            }
        }
        Ok(existing)
    }

    /// How many items each of the segments holds, in the order of `numbers`; `None`: it is no list.
    pub(super) async fn lengths(
        &self,
        connection: &mut Connection,
        numbers: &[u64],
    ) -> Result<Vec<Option<u64>>, Error> {
        let mut lengths = Vec::with_capacity(numbers.len());
        for chunk in numbers.chunks(LENGTHS_CHUNK) {
            let mut pipe = redis::pipe();
            pipe.ignore_errors();
            for number in chunk {
                pipe.cmd("LLEN").arg(self.key(*number));
            }
            let found: Vec<Result<u64, RedisError>> =
                pipe.query_async(connection).await.map_err(|error| self.failed("LLEN", error))?;
            for length in found {
                lengths.push(match length {
                    Err(error) if error.code() == Some("WRONGTYPE") => None,
                    length => Some(length.map_err(|error| self.failed("LLEN", error))?),
                });
            }
        }
        Ok(lengths)
    }

    pub(super) fn failed(&self, command: &'static str, error: RedisError) -> Error {
        Error::Command { command, key: self.queue.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_share_the_queues_hash_tag() {
        let key = |queue| SegmentNames::new(queue, "a").key(7);
        assert_eq!(key("jobs:metrics"), "{jobs:metrics}:seg:a:7");
        assert_eq!(key("{jobs}:metrics"), "{jobs}:metrics:seg:a:7");
        let names = SegmentNames::new("jobs", "a");
        assert_eq!(
            (names.owner(), names.last_taker()),
            ("{jobs}:seg:a:owner".into(), "{jobs}:seg:last".into())
        );
    }

    #[test]
    fn only_a_number_as_we_write_it_is_a_segment() {
        let names = SegmentNames::new("jobs", "a");
        let number = |suffix: &str| names.number(&format!("{{jobs}}:seg:a:{suffix}"));
        assert_eq!((number("7"), number(&HIGHEST.to_string())), (Some(7), Some(HIGHEST)));
        for foreign in ["0", "07", "+7", "7 ", "", "owner", "9007199254740993", "x"] {
            assert_eq!(number(foreign), None, "{foreign}");
        }
        assert_eq!(number("18446744073709551614"), None);
        assert_eq!(names.number("{jobs}:seg:ab:7"), None, "another gateway's");
    }
}
