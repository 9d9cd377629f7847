//! `Snapshot.Url`, taken apart once: where state is kept.
//!
//! Some put credentials into it, as other tools want them: `s3://KEY:SECRET@bucket`. Nothing here
//! reads them (credentials come from the environment), so they are not even kept, and no page, log
//! line or error can show them. What is shown says that there was something.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotUrl {
    place: SnapshotPlace,
    /// As it was written, but for secrets.
    shown: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotPlace {
    /// On the local disk.
    Directory(PathBuf),
    /// In this process' memory.
    Memory(Url),
    /// An object store's bucket or container; without anything that may be a secret.
    Bucket(Url),
}

/// It is no place for state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {}", SnapshotUrl::EXPECTED)]
pub struct NotASnapshotUrl;

impl SnapshotUrl {
    pub const EXPECTED: &str = "a path, file:///path, s3://bucket/prefix, gs://bucket/prefix, \
                                az://container/prefix or memory:///";

    pub fn place(&self) -> &SnapshotPlace {
        &self.place
    }

    /// The directory, when the snapshots are kept on the local disk.
    pub fn directory(&self) -> Option<&Path> {
        match &self.place {
            SnapshotPlace::Directory(directory) => Some(directory),
            SnapshotPlace::Memory(_) | SnapshotPlace::Bucket(_) => None,
        }
    }

    /// The text without what may be a secret, also if it is no URL.
    pub(super) fn redacted(text: &str) -> String {
        let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
        // A secret key may hold slashes and question marks: up to the last @ all may be its.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((_, rest)) => ("***@", rest),
            None => ("", rest),
        };
        match rest.split_once(['?', '#']) {
            Some((rest, _)) => format!("{scheme}://{user}{rest}?***"),
            None => format!("{scheme}://{user}{rest}"),
        }
    }
}

impl FromStr for SnapshotUrl {
    type Err = NotASnapshotUrl;

    fn from_str(text: &str) -> Result<Self, NotASnapshotUrl> {
        if text.is_empty() {
            return Err(NotASnapshotUrl);
        }
        if !text.contains("://") {
            return Ok(Path::new(text).into());
        }
        let mut url = Url::parse(text).map_err(|_| NotASnapshotUrl)?;
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        let place = match url.scheme() {
            "file" => SnapshotPlace::Directory(url.to_file_path().map_err(|()| NotASnapshotUrl)?),
            "memory" if !has_host => SnapshotPlace::Memory(url),
            "s3" | "gs" | "az" if has_host => {
                // In az://container@account.dfs.core.windows.net it names the container.
                if url.scheme() != "az" {
                    url.set_username("").map_err(|()| NotASnapshotUrl)?;
                }
                url.set_password(None).map_err(|()| NotASnapshotUrl)?;
                url.set_query(None);
                url.set_fragment(None);
                SnapshotPlace::Bucket(url)
            }
            _ => return Err(NotASnapshotUrl),
        };
        Ok(Self { place, shown: Self::redacted(text) })
    }
}

impl From<&Path> for SnapshotUrl {
    fn from(directory: &Path) -> Self {
        let shown = directory.display().to_string();
        Self { place: SnapshotPlace::Directory(directory.into()), shown }
    }
}

impl fmt::Display for SnapshotUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(url: &str) -> SnapshotPlace {
        SnapshotPlace::Bucket(Url::parse(url).expect("a URL"))
    }

    #[test]
    fn every_form() {
        let directory = |path: &str| SnapshotPlace::Directory(path.into());
        for (text, place, shown) in [
            ("./data", directory("./data"), "./data"),
            ("file:///var/lib/x", directory("/var/lib/x"), "file:///var/lib/x"),
            ("FILE:///x", directory("/x"), "FILE:///x"),
            ("s3://bucket", bucket("s3://bucket"), "s3://bucket"),
            ("gs://bucket/a/b", bucket("gs://bucket/a/b"), "gs://bucket/a/b"),
            ("az://container/a", bucket("az://container/a"), "az://container/a"),
            (
                "memory:///x",
                SnapshotPlace::Memory(Url::parse("memory:///x").expect("a URL")),
                "memory:///x",
            ),
        ] {
            let url: SnapshotUrl = text.parse().expect(text);
            assert_eq!((url.place(), url.to_string().as_str()), (&place, shown), "{text}");
        }
        for text in
            ["", "ftp://h/x", "s3://", "s3:///x", "file://host/x", "memory://host", "s3://a b/"]
        {
            assert_eq!(text.parse::<SnapshotUrl>(), Err(NotASnapshotUrl), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_neither_kept_nor_shown() {
        for (text, kept, shown) in [
            ("s3://KEY:hunter2@bucket/p", "s3://bucket/p", "s3://***@bucket/p"),
            ("s3://hunter2@bucket", "s3://bucket", "s3://***@bucket"),
            ("gs://b/p?token=hunter2", "gs://b/p", "gs://b/p?***"),
            ("gs://b/p#hunter2", "gs://b/p", "gs://b/p?***"),
            (
                "az://container:hunter2@account.dfs.core.windows.net/p",
                "az://container@account.dfs.core.windows.net/p",
                "az://***@account.dfs.core.windows.net/p",
            ),
            ("s3://b/hunter2@p", "s3://b/hunter2@p", "s3://***@p"),
        ] {
            let url: SnapshotUrl = text.parse().expect(text);
            assert_eq!((url.place(), url.to_string().as_str()), (&bucket(kept), shown), "{text}");
        }
        // No URLs: a slash in the key ends what is before the path.
        for text in ["s3://KEY:hun/ter2@bucket/p", "s3://KEY:hun?ter2@bucket/p"] {
            assert_eq!(text.parse::<SnapshotUrl>(), Err(NotASnapshotUrl), "{text}");
            assert_eq!(SnapshotUrl::redacted(text), "s3://***@bucket/p");
        }
    }
}
