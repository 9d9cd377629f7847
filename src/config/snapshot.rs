//! `[snapshot]`: where state is kept, and how often it is written.

use std::path::Path;
use std::time::Duration;

use super::settings::Settings;
use super::snapshot_url::SnapshotUrl;
use super::value::{AtLeast, Raw, Rule, Whole};

#[derive(Clone, Debug)]
pub struct SnapshotConfig {
    pub url: SnapshotUrl,
    pub interval: Duration,
    pub keep: usize,
    /// In buckets: how long the owner may be silent before a standby takes over.
    pub lease_ttl: Duration,
}

impl SnapshotConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            url: settings.take("Snapshot.Url", Location, Path::new("./data").into()),
            interval: settings.take(
                "Snapshot.Interval",
                AtLeast(Duration::from_millis(100)),
                Duration::from_secs(5),
            ),
            keep: settings.take("Snapshot.Keep", Whole(1..=10_000), 2) as usize,
            lease_ttl: settings.take(
                "Snapshot.LeaseTtl",
                AtLeast(Duration::from_secs(1)),
                Duration::from_secs(15),
            ),
        }
    }
}

/// A plain path, or a URL with one of the schemes that a store exists for.
struct Location;

impl Rule for Location {
    type Value = SnapshotUrl;

    fn parse(&self, raw: &Raw) -> Option<SnapshotUrl> {
        raw.text()?.parse().ok()
    }

    fn expected(&self) -> String {
        SnapshotUrl::EXPECTED.into()
    }

    fn show(&self, value: &SnapshotUrl) -> String {
        value.to_string()
    }

    fn show_refused(&self, raw: &Raw) -> String {
        match raw {
            Raw::Text(text) => format!("{:?}", SnapshotUrl::redacted(text.trim())),
            // Each of them may hold a secret.
            Raw::List(_) => "a list".into(),
        }
    }
}
