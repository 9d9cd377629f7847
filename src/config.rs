//! Configuration: the sum of the parts' configurations, resolved once.
//!
//! Four layers, the later winning: defaults, a file (our TOML or the C# gateway's
//! `appsettings.json`), the environment (`Section__Key`) and flags (`--set Section.Key=value`).
//! Each layer is flattened to the same map of keys, and each part takes its
//! keys from the merged map, once, into a type that cannot be half-parsed. A list is
//! replaced by a later layer as a whole.
//!
//! A key that nobody takes is a mistake in our own file and in flags, and an error with a
//! suggestion. In the environment and in `appsettings.json` it is only a warning: settings
//! of the C# gateway that do nothing here must not keep this one from starting.

use std::ffi::OsString;
use std::path::PathBuf;

pub mod connection_string;
mod dead_letters;
mod door;
mod environment;
mod error;
mod file;
mod gateway;
mod http;
mod http_security;
mod json_comments;
mod layer;
mod listen;
mod logging;
mod metrics;
mod origin;
mod push;
mod queue_keys;
mod redis;
mod settings;
mod snapshot;
mod snapshot_url;
mod stream;
mod users;
mod value;

pub use connection_string::{ConnectionStringError, Endpoint, RedisTarget, Secret};
pub use dead_letters::DeadLettersConfig;
pub use door::{DoorConfig, DoorPlace, DoorUser};
pub use error::{ConfigError, Hint, Problem, Warning};
pub use gateway::GatewayConfig;
pub use http::HttpConfig;
pub use http_security::{HttpSecurityConfig, PlainUser};
pub use listen::{Listen, NotAnAddress};
pub use logging::{LogFormat, LoggingConfig};
pub use metrics::MetricsConfig;
pub use origin::Origin;
pub use push::{JournalPlace, PushConfig, PushVia};
pub use redis::{RedisConfig, TlsFiles};
pub use settings::ResolvedSetting;
pub use snapshot::SnapshotConfig;
pub use snapshot_url::{NotASnapshotUrl, SnapshotPlace, SnapshotUrl};
pub use stream::{StreamConfig, StreamMode};

use crate::model::can_be_tagged;
use door::DoorSettings;
use layer::Layer;
use settings::Settings;
use value::Raw;

/// What stands before `__` in a variable of ours.
const SECTIONS: [&str; 9] =
    ["Gateway", "Http", "Redis", "Stream", "Snapshot", "Metrics", "DeadLetters", "Logging", "Push"];

#[derive(Clone, Debug)]
pub struct Config {
    pub gateway: GatewayConfig,
    pub http: HttpConfig,
    pub http_security: HttpSecurityConfig,
    pub redis: RedisConfig,
    /// Where producers connect to the gateway itself.
    pub door: Option<DoorConfig>,
    pub stream: StreamConfig,
    pub snapshot: SnapshotConfig,
    pub metrics: MetricsConfig,
    pub push: PushConfig,
    pub dead_letters: DeadLettersConfig,
    pub logging: LoggingConfig,
    /// How each key was resolved, as loaded.
    pub settings: Vec<ResolvedSetting>,
}

/// Where settings come from, beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    pub flags: Vec<Assignment>,
}

/// A flag that sets a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The flag as typed, such as `--set`.
    pub flag: &'static str,
    /// `Section.Key=value`.
    pub text: String,
}

impl Config {
    pub fn load(sources: Sources) -> Result<(Self, Vec<Warning>), ConfigError> {
        let file = match &sources.file {
            Some(path) => file::layer(path)?,
            None => Layer::default(),
        };
        let environment = environment::layer(sources.environment);
        let mut settings = Settings::merge([file, environment, flags(sources.flags)]);
        let door = DoorSettings::take(&mut settings);
        let mut config = Self {
            gateway: GatewayConfig::take(&mut settings),
            http: HttpConfig::take(&mut settings),
            http_security: HttpSecurityConfig::take(&mut settings),
            redis: RedisConfig::take(&mut settings),
            door: None,
            stream: StreamConfig::take(&mut settings),
            snapshot: SnapshotConfig::take(&mut settings),
            metrics: MetricsConfig::take(&mut settings),
            push: PushConfig::take(&mut settings),
            dead_letters: DeadLettersConfig::take(&mut settings),
            logging: LoggingConfig::take(&mut settings),
            settings: Vec::new(),
        };
        config.door = config.door(&door);
        settings.problems.extend(config.conflicts().into_iter().map(Problem::Conflict));
        let warnings;
        (config.settings, warnings) = settings.finish()?;
        Ok((config, warnings))
    }

    /// Whether anything is read from a Redis.
    pub fn reads_redis(&self) -> bool {
        self.redis.is_named && self.takes_lists_or_streams()
    }

    /// Whether events of lists or streams are wanted, wherever they come from.
    fn takes_lists_or_streams(&self) -> bool {
        !self.redis.queues().is_empty() || self.stream.mode != StreamMode::Off
    }

    /// Whether something goes through the journal.
    pub fn keeps_a_journal(&self) -> bool {
        self.door.is_some() || self.push.enabled && self.push.via == PushVia::Journal
    }

    fn door(&self, settings: &DoorSettings) -> Option<DoorConfig> {
        let (lists, streams) = (self.redis.queues().to_vec(), self.stream.keys.clone());
        settings.door(self.redis.is_named, lists, streams, self.takes_lists_or_streams())
    }

    /// The resolved settings without secrets: key, value, origin.
    pub fn redacted(&self) -> Vec<(String, String, String)> {
        let row = |setting: &ResolvedSetting| {
            (setting.key.to_owned(), setting.value.clone(), setting.origin.to_string())
        };
        self.settings.iter().map(row).collect()
    }

    /// Why pushes cannot be kept in a stream.
    fn push_via_stream(&self, streams: &[String]) -> Option<String> {
        let why = match &self.door {
            _ if streams.is_empty() => {
                "Push.Via=stream needs a stream: expected Stream.Mode=group or reader"
            }
            Some(door) if door.is_asked_for => {
                "Push.Via=stream keeps pushes in a Redis, and Redis.Listen what comes there in a \
                 journal: expected Push.Via=journal for both, or Redis.Listen=off"
            }
            _ if !self.redis.is_named => {
                "Push.Via=stream keeps pushes in a Redis: expected a Redis.ConnectionString"
            }
            _ => return None,
        };
        Some(why.into())
    }

    /// Settings that are valid each, and not together.
    fn conflicts(&self) -> Vec<String> {
        let mut conflicts = Vec::new();
        let (named, queues) = (&self.redis.metric_queue_keys, self.redis.queues());
        let streams = match self.stream.mode {
            StreamMode::Off => &[][..],
            StreamMode::Group | StreamMode::Reader => &self.stream.keys,
        };
        if !self.reads_redis() && self.door.is_none() && !self.push.enabled {
            conflicts.push(
                "nothing to read: Push.Enabled is false, Redis.MetricQueueEnabled is false and \
                 Stream.Mode off, or Redis.Listen is off and no Redis.ConnectionString names a \
                 Redis; expected at least one of them"
                    .into(),
            );
        }
        if self.stream.mode != StreamMode::Off && streams.is_empty() {
            conflicts
                .push("Stream.Keys is empty: expected at least one key, or Stream.Mode=off".into());
        }
        if self.push.enabled && self.push.via == PushVia::Stream {
            conflicts.extend(self.push_via_stream(streams));
        }
        let (body, buffered) = (self.push.max_body_bytes, self.push.max_buffered_bytes);
        if buffered < 2 * body {
            conflicts.push(format!(
                "Push.MaxBufferedBytes = {buffered} is less than twice Push.MaxBodyBytes = {body}: \
                 expected room for one body and its compressed form"
            ));
        }
        for (setting, keys) in [(named.setting(), queues), ("Stream.Keys", streams)] {
            for (index, key) in keys.iter().enumerate() {
                if keys[..index].contains(key) {
                    conflicts
                        .push(format!("{setting} names {key:?} twice: expected distinct keys"));
                }
            }
        }
        if self.redis.metric_queue_enabled {
            conflicts.extend(named.conflicts());
        }
        for queue in queues.iter().filter(|queue| streams.contains(queue)) {
            conflicts.push(format!(
                "{queue:?} is {} and one of Stream.Keys: a key holds a list or a stream, expected \
                 different keys",
                named.role()
            ));
        }
        let derived_from = match self.stream.mode {
            StreamMode::Group => &self.stream.keys[..],
            StreamMode::Off | StreamMode::Reader => &[],
        };
        for (setting, keys) in [(named.setting(), queues), ("Stream.Keys", derived_from)] {
            for key in keys.iter().filter(|key| !can_be_tagged(key)) {
                conflicts.push(format!(
                    "{setting} names {key:?}, beside which no other key can be kept in the same \
                     slot of a cluster: expected a name without \"}}\", or with a hash tag as in \
                     \"{{jobs}}:metrics\""
                ));
            }
        }
        let dead_letters = &self.dead_letters.stream;
        if queues.contains(dead_letters) || streams.contains(dead_letters) {
            conflicts.push(format!(
                "DeadLetters.Stream = {dead_letters:?} is also read for events: expected a key \
                 that is neither {} nor one of Stream.Keys",
                named.role()
            ));
        }
        conflicts
    }
}

impl Default for Config {
    fn default() -> Self {
        let (config, _) = Self::load(Sources::default()).expect("the defaults are valid");
        config
    }
}

fn flags(assignments: Vec<Assignment>) -> Layer {
    let mut layer = Layer::default();
    for Assignment { flag, text } in assignments {
        let origin = Origin::Flag(flag);
        match text.split_once('=') {
            Some((key, value)) if key.contains('.') => {
                let path: Vec<&str> = key.split('.').collect();
                layer.replace(&path, Raw::Text(value.to_owned()), origin);
            }
            // The value may be a secret, and the key may be missing: show neither.
            Some((key, _)) => {
                let text = format!("{key}=…");
                layer.problems.push(Problem::Assignment { text, origin });
            }
            None => layer.problems.push(Problem::Assignment { text, origin }),
        }
    }
    layer.gather_lists()
}

#[cfg(test)]
mod tests;
