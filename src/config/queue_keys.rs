//! Which lists are read: `Redis.MetricQueueKey`, or in its place `Redis.MetricQueueKeys`.
//!
//! A list lives on one node of a Redis Cluster. What one node cannot take is sent to several lists,
//! whose keys lie on different nodes, and all of them go into one state. They replace the single key
//! rather than being added to it, so that the list of names is all that is read. A single key that
//! somebody set and that is not among them would be forgotten silently; so that is refused.

use super::origin::Origin;
use super::settings::Settings;
use super::value::{Names, Text};
use crate::model::tagged;

const SINGLE: &str = "Redis.MetricQueueKey";
const SEVERAL: &str = "Redis.MetricQueueKeys";

#[derive(Clone, Debug)]
pub(super) struct QueueKeys {
    pub(super) keys: Vec<String>,
    pub(super) is_several: bool,
    /// The single key, where it is set beside several.
    single_beside: Option<String>,
}

impl QueueKeys {
    pub(super) fn take(settings: &mut Settings) -> Self {
        let several = settings.take(SEVERAL, Names, Vec::new());
        let is_several = !several.is_empty();
        if is_several && !settings.is_set(SINGLE) {
            settings.resolve_known(SINGLE, String::new(), Origin::Within(SEVERAL));
            return Self { keys: several, is_several, single_beside: None };
        }
        let single = settings.take(SINGLE, Text, "prom-stream-gateway:metric-queue".into());
        match is_several {
            true => Self { keys: several, is_several, single_beside: Some(single) },
            false => Self { keys: vec![single], is_several, single_beside: None },
        }
    }

    /// The setting that names them.
    pub(super) fn setting(&self) -> &'static str {
        if self.is_several { SEVERAL } else { SINGLE }
    }

    /// What a key of them is, within a sentence.
    pub(super) fn role(&self) -> &'static str {
        if self.is_several { "one of Redis.MetricQueueKeys" } else { SINGLE }
    }

    /// What does not go together among them, but for keys that are named twice.
    pub(super) fn conflicts(&self) -> Vec<String> {
        let mut conflicts = Vec::new();
        if let Some(single) = self.single_beside.as_ref().filter(|key| !self.keys.contains(key)) {
            conflicts.push(format!(
                "{SINGLE} = {single:?} is set and not one of {SEVERAL}, which are read in its \
                 place: expected it among them, or not set"
            ));
        }
        for (index, key) in self.keys.iter().enumerate() {
            let shares = |other: &&String| *other != key && tagged(other) == tagged(key);
            if let Some(other) = self.keys[..index].iter().find(shares) {
                conflicts.push(format!(
                    "{SEVERAL} names {other:?} and {key:?}, whose segments would have the same \
                     names: expected keys that differ in more than their braces"
                ));
            }
        }
        conflicts
    }
}
