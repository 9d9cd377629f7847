//! What a group's keys and members are called.

use redis::RedisError;

use crate::model::{SourceKey, SourceKind};
use crate::source::SourceError;

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
    pub(super) fn gateways_key(&self) -> String {
        format!("{{{}}}:{}:gateways", self.key, self.group)
    }

    pub(super) fn failed(&self, command: &'static str) -> impl FnOnce(RedisError) -> SourceError {
        let key = self.key.clone();
        move |error| SourceError::Redis { command, key, error }
    }
}
