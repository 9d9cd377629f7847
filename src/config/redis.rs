//! `[redis]`: where Redis is, and the lists that producers push to.

use std::path::PathBuf;

use super::connection_string::RedisTarget;
use super::error::{Problem, Warning};
use super::layer::Setting;
use super::origin::Origin;
use super::queue_keys::QueueKeys;
use super::settings::Settings;
use super::value::{Bool, Text, Whole};

/// A database number Redis could have; -1 is the C# client's word for "the connection's".
const DATABASES: std::ops::RangeInclusive<u64> = 0..=i32::MAX as u64;

#[derive(Clone, Debug)]
pub struct RedisConfig {
    pub target: RedisTarget,
    /// A Redis is named; else nothing is read from one.
    pub is_named: bool,
    pub metric_queue_enabled: bool,
    pub(super) metric_queue_keys: QueueKeys,
    pub metric_queue_workers: usize,
    pub metric_queue_pop_count: usize,
}

/// TLS files, beside the connection string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

impl RedisConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        let is_named = settings.is_set("Redis.ConnectionString");
        let (target, origin) = take_target(settings);
        let metric_queue_enabled = settings.take("Redis.MetricQueueEnabled", Bool, true);
        let metric_queue_keys = QueueKeys::take(settings);
        let target = take_database(settings, target);
        let metric_queue_workers = settings.take("Redis.MetricQueueWorkers", Whole(1..=64), 2);
        let metric_queue_pop_count =
            settings.take("Redis.MetricQueuePopCount", Whole(1..=100_000), 1000);
        let target = take_tls_files(settings, target);
        // Only now is the target complete, and can be shown.
        settings.resolve("Redis.ConnectionString", target.to_string(), origin);
        Self {
            target,
            is_named,
            metric_queue_enabled,
            metric_queue_keys,
            metric_queue_workers: metric_queue_workers as usize,
            metric_queue_pop_count: metric_queue_pop_count as usize,
        }
    }

    /// The lists that are read.
    pub fn queues(&self) -> &[String] {
        if self.metric_queue_enabled { &self.metric_queue_keys.keys } else { &[] }
    }
}

fn take_target(settings: &mut Settings) -> (RedisTarget, Origin) {
    let Some(Setting { value, origin, .. }) = settings.take_raw("Redis.ConnectionString") else {
        return (RedisTarget::default(), Origin::Default);
    };
    match value.text().map(str::parse) {
        Some(Ok(target)) => return (target, origin),
        Some(Err(source)) => {
            settings.problems.push(Problem::ConnectionString { origin: origin.clone(), source });
        }
        // Not shown: it may hold a password.
        None => settings.problems.push(Problem::Value {
            key: "Redis.ConnectionString",
            value: "a list".into(),
            origin: origin.clone(),
            expected: "text, with commas between the endpoints".into(),
        }),
    }
    (RedisTarget::default(), origin)
}

/// The setting wins over the connection string, as it does in the C# gateway.
fn take_database(settings: &mut Settings, mut target: RedisTarget) -> RedisTarget {
    const KEY: &str = "Redis.MetricQueueDatabase";
    if settings.text(KEY) == Some("-1") {
        settings.remove(KEY);
    }
    if settings.is_set(KEY) {
        let number = settings.take(KEY, Whole(DATABASES), 0);
        target.database = i64::try_from(number).expect("within DATABASES");
    } else {
        let origin = match target.database {
            0 => Origin::Default,
            _ => Origin::Within("Redis.ConnectionString"),
        };
        settings.resolve_known(KEY, target.database.to_string(), origin);
    }
    target
}

fn take_tls_files(settings: &mut Settings, mut target: RedisTarget) -> RedisTarget {
    const FILES: [&str; 3] = ["Redis.TlsCaFile", "Redis.TlsCertFile", "Redis.TlsKeyFile"];
    let [ca_file, cert_file, key_file] =
        FILES.map(|key| settings.take_optional(key, Text).map(PathBuf::from));
    if cert_file.is_some() != key_file.is_some() {
        settings.problems.push(Problem::Conflict(
            "Redis.TlsCertFile and Redis.TlsKeyFile: expected both or neither".into(),
        ));
    }
    for (key, file) in FILES.into_iter().zip([&ca_file, &cert_file, &key_file]) {
        if file.is_some() && !target.tls {
            let origin = settings.origin(key).cloned().unwrap_or(Origin::Default);
            settings.warnings.push(Warning::WithoutTls { key, origin });
        }
    }
    target.tls_files = TlsFiles { ca_file, cert_file, key_file };
    target
}
