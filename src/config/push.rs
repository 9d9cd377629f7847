//! `[push]`: what pushes over HTTP mean, and what keeps them.

use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use super::value::{AtLeast, Bool, OneOf, Raw, Rule};
use crate::decode::push::Dialect;

/// What keeps a push until a snapshot covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushVia {
    /// The local journal.
    Journal,
    /// The first of `Stream.Keys`.
    Stream,
}

/// Where the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalPlace {
    /// Beside local snapshots; below `./data` when those are in a bucket; in memory with `memory:///`.
    Default,
    Directory(PathBuf),
    /// Pushes since the last checkpoint are gone after a crash.
    Memory,
}

#[derive(Clone, Debug)]
pub struct PushConfig {
    pub enabled: bool,
    pub dialect: Dialect,
    pub via: PushVia,
    pub journal: JournalPlace,
    /// For how long an idempotency key is remembered.
    pub idempotency_window: Duration,
}

const DIALECTS: OneOf<Dialect> = OneOf(&[
    (Dialect::Aggregate, &["aggregate"]),
    (Dialect::Sum, &["sum"]),
    (Dialect::Replace, &["replace"]),
]);

const VIAS: OneOf<PushVia> =
    OneOf(&[(PushVia::Journal, &["journal"]), (PushVia::Stream, &["stream"])]);

impl PushConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            enabled: settings.take("Push.Enabled", Bool, true),
            dialect: settings.take("Push.Dialect", DIALECTS, Dialect::Aggregate),
            via: settings.take("Push.Via", VIAS, PushVia::Journal),
            journal: settings.take("Push.Journal", Place, JournalPlace::Default),
            idempotency_window: settings.take(
                "Push.IdempotencyWindow",
                AtLeast(Duration::from_secs(1)),
                Duration::from_secs(600),
            ),
        }
    }
}

/// A directory, `memory`, or nothing for the default.
struct Place;

impl Rule for Place {
    type Value = JournalPlace;

    fn parse(&self, raw: &Raw) -> Option<JournalPlace> {
        let text = raw.text().filter(|text| !text.is_empty())?;
        Some(match text {
            "default" => JournalPlace::Default,
            "memory" => JournalPlace::Memory,
            path => JournalPlace::Directory(path.into()),
        })
    }

    fn expected(&self) -> String {
        "a directory on a local disk, or memory".into()
    }

    fn show(&self, value: &JournalPlace) -> String {
        match value {
            JournalPlace::Default => "default".into(),
            JournalPlace::Directory(path) => path.display().to_string(),
            JournalPlace::Memory => "memory".into(),
        }
    }
}
