//! What a group's keys and members are called.

use redis::RedisError;

use crate::model::{SourceKey, SourceKind, tagged};
use crate::redis::Error;

/// Which stream, group and consumer.
#[derive(Clone, Debug)]
pub struct GroupNames {
    pub key: String,
    pub group: String,
    pub consumer: String,
}

impl GroupNames {
    pub(super) fn source_key(&self) -> SourceKey {
        SourceKey { kind: SourceKind::Group, key: self.key.clone() }
    }

    /// A set of the consumers that are gateways: their pending entries are never claimed,
    /// because a snapshot may hold them.
    pub(in crate::source) fn gateways_key(&self) -> String {
        format!("{}:{}:gateways", tagged(&self.key), self.group)
    }

    /// A hash that counts what the group has consumed; see `ledger`.
    pub(in crate::source) fn ledger_key(&self) -> String {
        format!("{}:{}:ledger", tagged(&self.key), self.group)
    }

    /// Who meters what a history that Redis forgot had waiting.
    pub(in crate::source) fn gone_key(&self) -> String {
        format!("{}:{}:gone", tagged(&self.key), self.group)
    }

    pub(super) fn failed(&self, command: &'static str) -> impl FnOnce(RedisError) -> Error {
        Error::of(command, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_of_gateways_lies_in_the_slot_of_the_stream() {
        let key = |key: &str| {
            let (group, consumer) = ("g".to_owned(), "c".to_owned());
            GroupNames { key: key.to_owned(), group, consumer }.gateways_key()
        };
        assert_eq!(key("jobs:metrics"), "{jobs:metrics}:g:gateways");
        assert_eq!(key("{jobs}:metrics"), "{jobs}:metrics:g:gateways");
    }
}
