//! What the segments of one queue are called, and which of them exist.

use std::collections::BTreeSet;

use redis::{AsyncIter, RedisError};

use crate::redis::Connection;
use crate::redis::Error;
use crate::source::tagged;

/// The keys of one queue's segments.
#[derive(Clone, Debug)]
pub(super) struct SegmentNames {
    pub(super) queue: String,
    pub(super) identity: String,
    /// What the keys of all identities begin with.
    shared: String,
    prefix: String,
}

impl SegmentNames {
    /// All keys share a hash tag, so that a cluster keeps them on one node and a
    /// rename is possible: a queue that carries a tag keeps it, any other name becomes one.
    pub(super) fn new(queue: &str, identity: &str) -> Self {
        let shared = format!("{}:seg:", tagged(queue));
        let prefix = format!("{shared}{identity}:");
        Self { queue: queue.to_owned(), identity: identity.to_owned(), shared, prefix }
    }

    pub(super) fn key(&self, segment: u64) -> String {
        format!("{}{segment}", self.prefix)
    }

    /// The hash that says who may take the queue; no number, and so no segment.
    pub(super) fn owner(&self) -> String {
        format!("{}owner", self.prefix)
    }

    /// Names the gateway that took the queue last; no identity, for those end with a colon here.
    pub(super) fn last_taker(&self) -> String {
        format!("{}last", self.shared)
    }

    /// The numbers of the segments that exist.
    pub(super) async fn existing(
        &self,
        connection: &mut Connection,
    ) -> Result<BTreeSet<u64>, Error> {
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
        let mut keys: AsyncIter<'_, String> = scan.iter_async(connection).await.map_err(failed)?;
        let mut numbers = BTreeSet::new();
        while let Some(key) = keys.next_item().await {
            let key = key.map_err(failed)?;
            let number =
                key.strip_prefix(&self.prefix).and_then(|number| number.parse::<u64>().ok());
            numbers.extend(number);
        }
        Ok(numbers)
    }

    /// How many items each of the segments holds, in the order of `numbers`.
    pub(super) async fn lengths(
        &self,
        connection: &mut Connection,
        numbers: &[u64],
    ) -> Result<Vec<u64>, Error> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for number in numbers {
            pipe.cmd("LLEN").arg(self.key(*number));
        }
        pipe.query_async(connection).await.map_err(|error| self.failed("LLEN", error))
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
}
