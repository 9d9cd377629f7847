//! `[snapshot]`: where state is kept, and how often it is written.

use std::time::Duration;

use url::Url;

use super::settings::Settings;
use super::value::{AtLeast, Raw, Rule, Whole};

#[derive(Clone, Debug)]
pub struct SnapshotConfig {
    /// path, file://, s3://, gs://, az://, memory://
    pub url: String,
    pub interval: Duration,
    pub keep: usize,
    /// In buckets: how long the owner may be silent before a standby takes over.
    pub lease_ttl: Duration,
}

impl SnapshotConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            url: settings.take("Snapshot.Url", Location, "./data".into()),
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

    /// The directory, when the snapshots are kept on the local disk.
    pub fn local_directory(&self) -> Option<std::path::PathBuf> {
        match self.url.split_once("://") {
            None => Some(self.url.as_str().into()),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => {
                Url::parse(&self.url).ok()?.to_file_path().ok()
            }
            Some(_) => None,
        }
    }

    /// The URL without what may be a secret.
    pub fn redacted_url(&self) -> String {
        Location.show(&self.url)
    }
}

/// A plain path, or a URL with one of the schemes that a store exists for.
struct Location;

impl Rule for Location {
    type Value = String;

    fn parse(&self, raw: &Raw) -> Option<String> {
        let text = raw.text().filter(|text| !text.is_empty())?;
        let Some((scheme, _)) = text.split_once("://") else { return Some(text.to_owned()) };
        let url = Url::parse(text).ok()?;
        let usable = match scheme.to_ascii_lowercase().as_str() {
            "file" => url.to_file_path().is_ok(),
            "s3" | "gs" | "az" => url.host_str().is_some_and(|bucket| !bucket.is_empty()),
            "memory" => true,
            _ => false,
        };
        usable.then(|| text.to_owned())
    }

    fn expected(&self) -> String {
        "a path, file:///path, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix \
         or memory:///"
            .into()
    }

    fn show(&self, value: &String) -> String {
        redact(value)
    }

    fn show_refused(&self, raw: &Raw) -> String {
        raw.text().map_or_else(|| raw.to_string(), |text| format!("{:?}", redact(text)))
    }
}

/// Replaces user, password and the query's values, where cloud credentials have been seen.
fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}{query}"),
        None => format!("{scheme}://{authority}{path}{query}"),
    }
}
