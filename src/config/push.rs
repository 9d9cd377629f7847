//! `[push]`: what pushes over HTTP mean, and what keeps them.

use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use super::value::{AtLeast, Bool, OneOf, Raw, Rule, Whole};
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
    /// The most that one body may hold, compressed and decompressed alike.
    pub max_body_bytes: usize,
    /// The most that all bodies may hold that are being received or applied.
    pub max_buffered_bytes: usize,
    /// How long a body may take to arrive.
    pub request_timeout: Duration,
    /// `PUT /api/v1/admin/wipe`.
    pub enable_admin_api: bool,
    /// `/-/quit` and `/-/reload`.
    pub enable_lifecycle: bool,
}

/// Positions within a body have 32 bits.
const LARGEST_BODY_BYTES: u64 = 1 << 30;

const LARGEST_BUFFERED_BYTES: u64 = 1 << 40;

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
            max_body_bytes: settings.take(
                "Push.MaxBodyBytes",
                Whole(1..=LARGEST_BODY_BYTES),
                64 << 20,
            ) as usize,
            max_buffered_bytes: settings.take(
                "Push.MaxBufferedBytes",
                Whole(2..=LARGEST_BUFFERED_BYTES),
                256 << 20,
            ) as usize,
            request_timeout: settings.take(
                "Push.RequestTimeout",
                AtLeast(Duration::from_millis(1)),
                Duration::from_secs(30),
            ),
            enable_admin_api: settings.take("Push.EnableAdminApi", Bool, false),
            enable_lifecycle: settings.take("Push.EnableLifecycle", Bool, false),
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
