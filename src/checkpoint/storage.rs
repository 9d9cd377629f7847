//! Where snapshots lie: a directory or a bucket, through one set of verbs.
//!
//! ```text
//! <url>/<identity>/snapshots/<epoch>-<sequence>.snap   20 digits each, so that names sort
//! <url>/<identity>/head                                JSON: the retained ones, newest first
//! <url>/<identity>/lock                                on disk only: held by the owner
//! ```
//!
//! A write that returned is durable: on disk, file and directories are synced;
//! in a bucket, the service says so. Two gateways are kept apart on disk by a
//! lock on `lock`, and in a bucket by replacing `head` only when it still is
//! what its owner last saw. See `replace_head` for the hard part of that.
//!
//! This is the only module that knows `object_store`.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use parking_lot::Mutex;

use super::head::{Generation, Head};
use crate::durable_files::{DirectoryLock, FileError};
use crate::fault_point::io_fault;

mod local;
mod open;
mod replace_head;

#[cfg(test)]
pub(super) mod tests;

pub use replace_head::{HeadVersion, ReplaceHeadError};

/// The snapshots of one identity.
pub struct Storage {
    objects: Arc<dyn ObjectStore>,
    /// Up to and including the identity.
    prefix: Path,
    identity: String,
    /// For people: the URL or directory.
    place: String,
    exclusion: Exclusion,
}

/// How two owners are kept apart.
enum Exclusion {
    /// By a file lock in this directory; `held` for the life of the process.
    Lock { directory: PathBuf, held: Mutex<Option<DirectoryLock>> },
    /// By conditional puts.
    ConditionalPut,
}

/// Storage does not answer, refuses, or is not what the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("snapshot url `{url}`: {why}")]
    Url { url: String, why: String },
    #[error(
        "identity `{0}` cannot name a directory: expected letters, digits, `-`, `_` and `.`, \
         not beginning with `.`"
    )]
    Identity(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot {action} {object}")]
    Object {
        action: &'static str,
        object: String,
        #[source]
        source: object_store::Error,
    },
}

/// What `head` holds.
#[derive(Debug)]
pub enum ReadHead {
    Present(Head, HeadVersion),
    Corrupt { why: String, version: HeadVersion },
    Missing,
}

impl ReadHead {
    /// What a replacement has to be conditional on.
    pub fn version(&self) -> HeadVersion {
        match self {
            Self::Present(_, version) | Self::Corrupt { version, .. } => version.clone(),
            Self::Missing => HeadVersion::Absent,
        }
    }
}

/// A snapshot that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub generation: Generation,
    pub size_bytes: u64,
}

impl Storage {
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The URL or directory, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether the owner is who holds a lock, which needs no renewal.
    pub fn has_lock(&self) -> bool {
        matches!(self.exclusion, Exclusion::Lock { .. })
    }

    pub async fn read_head(&self) -> Result<ReadHead, StorageError> {
        let location = self.prefix.clone().join("head");
        let found = match self.objects.get(&location).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(ReadHead::Missing),
            Err(source) => return Err(self.failed("read", &location, source)),
        };
        let version = HeadVersion::of(found.meta.e_tag.clone(), found.meta.version.clone());
        let bytes = found.bytes().await.map_err(|source| self.failed("read", &location, source))?;
        Ok(match serde_json::from_slice(&bytes) {
            Ok(head) => ReadHead::Present(head, version),
            Err(error) => ReadHead::Corrupt { why: format!("not a head: {error}"), version },
        })
    }

    /// All snapshots, oldest first, whatever `head` says.
    pub async fn list(&self) -> Result<Vec<Listed>, StorageError> {
        let folder = self.prefix.clone().join("snapshots");
        let mut listed: Vec<Listed> = self
            .objects
            .list(Some(&folder))
            .try_filter_map(|object| async move {
                let generation = object.location.filename().and_then(Generation::from_file_name);
                Ok(generation.map(|generation| Listed { generation, size_bytes: object.size }))
            })
            .try_collect()
            .await
            .map_err(|source| self.failed("list", &folder, source))?;
        listed.sort_unstable();
        Ok(listed)
    }

    /// `None`: there is no such snapshot. An error is no answer, neither yes nor no.
    pub async fn read_snapshot(
        &self,
        generation: Generation,
    ) -> Result<Option<Bytes>, StorageError> {
        let location = self.location(generation);
        let found = match self.objects.get(&location).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(self.failed("read", &location, source)),
        };
        let bytes = found.bytes().await.map_err(|source| self.failed("read", &location, source))?;
        Ok(Some(bytes))
    }

    pub async fn write_snapshot(
        &self,
        generation: Generation,
        file: Vec<u8>,
    ) -> Result<(), StorageError> {
        let location = self.location(generation);
        let put = async {
            fault("storage-write")?;
            self.objects.put(&location, PutPayload::from(file)).await?;
            fault("storage-write-sync")
        };
        put.await.map_err(|source| self.failed("write", &location, source))
    }

    /// Succeeds also when it is gone already.
    pub async fn delete_snapshot(&self, generation: Generation) -> Result<(), StorageError> {
        let location = self.location(generation);
        match self.objects.delete(&location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.failed("delete", &location, source)),
        }
    }

    /// Writes an object on the condition that there is none, and deletes it: as `head` is written,
    /// but without taking the identity from its owner.
    pub async fn try_write(&self) -> Result<(), StorageError> {
        let location = self.prefix.clone().join(format!("check-{}", std::process::id()));
        let create = PutOptions::from(PutMode::Create);
        match self.objects.put_opts(&location, PutPayload::from_static(b"check"), create).await {
            // One that a check left that was killed.
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(source) => return Err(self.failed("write", &location, source)),
        }
        let deleted = self.objects.delete(&location).await;
        deleted.map_err(|source| self.failed("delete", &location, source))
    }

    fn location(&self, generation: Generation) -> Path {
        self.prefix.clone().join("snapshots").join(generation.file_name())
    }

    fn failed(
        &self,
        action: &'static str,
        location: &Path,
        source: object_store::Error,
    ) -> StorageError {
        let place = self.place.trim_end_matches('/');
        let within = location.as_ref().strip_prefix(self.prefix.as_ref()).unwrap_or_default();
        let object = format!("{place}/{}{within}", self.identity);
        StorageError::Object { action, object, source }
    }
}

/// Where a test makes storage fail: before it did what it was asked to, or after.
fn fault(point: &'static str) -> object_store::Result<()> {
    match io_fault(point) {
        None => Ok(()),
        Some(error) => {
            Err(object_store::Error::Generic { store: "fault point", source: error.into() })
        }
    }
}
