//! From `Snapshot.Url` to a [`Storage`].
//!
//! | url | |
//! |---|---|
//! | a path, `file://` | a directory, created when missing; writes are synced |
//! | `s3://bucket/prefix` | credentials, region and endpoint from `AWS_*` |
//! | `gs://bucket/prefix` | credentials from `GOOGLE_*` |
//! | `az://container/prefix` | credentials from `AZURE_*` |
//! | `memory://` | this process' memory, for trying things out |

use std::path::Path as FilePath;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};
use parking_lot::Mutex;
use url::Url;

use super::{Exclusion, Storage, StorageError};
use crate::config::{NotASnapshotUrl, SnapshotPlace, SnapshotUrl};
use crate::durable_files::create_directories;

/// Beyond the client's own timeouts (5 s to connect, 30 s a request). A checkpoint that fails is
/// tried again at the next interval anyway, with newer state.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

impl Storage {
    /// Opens the storage of one identity; a directory is created when it is missing.
    pub fn open(url: &SnapshotUrl, identity: &str) -> Result<Self, StorageError> {
        if let Some(directory) = url.directory() {
            create_directories(&directory.join(checked(identity)?))?;
        }
        Self::open_existing(url, identity)
    }

    /// As [`Self::open`], for those who only look: creates nothing.
    pub fn open_existing(url: &SnapshotUrl, identity: &str) -> Result<Self, StorageError> {
        let identity = checked(identity)?;
        let refused = |why: String| StorageError::Url { url: url.to_string(), why };
        let place = match url.place() {
            SnapshotPlace::Directory(directory) => {
                return Self::in_directory(directory, identity).map_err(refused);
            }
            SnapshotPlace::Memory(place) | SnapshotPlace::Bucket(place) => place,
        };
        let (objects, prefix) = connect(place).map_err(|error| refused(error.to_string()))?;
        Ok(Self::conditional(objects, &prefix, identity, &url.to_string()))
    }

    fn in_directory(directory: &FilePath, identity: &str) -> Result<Self, String> {
        // The library's own words say nothing of why.
        std::fs::read_dir(directory).map_err(|error| error.to_string())?;
        let objects = LocalFileSystem::new_with_prefix(directory)
            .map_err(|error| error.to_string())?
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            prefix: Path::from(identity),
            identity: identity.to_owned(),
            place: directory.display().to_string(),
            exclusion: Exclusion::Lock {
                directory: directory.join(identity),
                held: Mutex::default(),
            },
        })
    }

    /// The storage of one identity in any object store that can replace an object on condition;
    /// `place` is what messages call it.
    pub fn conditional(
        objects: Arc<dyn ObjectStore>,
        prefix: &Path,
        identity: &str,
        place: &str,
    ) -> Self {
        Self {
            objects,
            prefix: prefix.clone().join(identity),
            identity: identity.to_owned(),
            place: place.to_owned(),
            exclusion: Exclusion::ConditionalPut,
        }
    }
}

/// An identity becomes part of paths, so only harmless ones pass.
fn checked(identity: &str) -> Result<&str, StorageError> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if identity.is_empty() || identity.starts_with('.') || !identity.bytes().all(harmless) {
        return Err(StorageError::Identity(identity.to_owned()));
    }
    Ok(identity)
}

fn connect(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path), Box<dyn std::error::Error>> {
    let (scheme, prefix) = ObjectStoreScheme::parse(url)?;
    let retry = RetryConfig {
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    };
    let url = url.as_str();
    let objects: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::Memory => memory(),
        // Paths are the default style here, which custom endpoints need.
        ObjectStoreScheme::AmazonS3 => {
            Arc::new(AmazonS3Builder::from_env().with_url(url).with_retry(retry).build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            Arc::new(GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(retry).build()?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            Arc::new(MicrosoftAzureBuilder::from_env().with_url(url).with_retry(retry).build()?)
        }
        _ => return Err(NotASnapshotUrl.into()),
    };
    Ok((objects, prefix))
}

/// One for the whole process, so that opening it twice finds the same objects.
fn memory() -> Arc<dyn ObjectStore> {
    static MEMORY: OnceLock<Arc<InMemory>> = OnceLock::new();
    Arc::<InMemory>::clone(MEMORY.get_or_init(Arc::default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_identities_become_paths() {
        let memory = "memory://".parse().unwrap();
        for identity in ["", "..", "a/b", ".hidden", "two words"] {
            let error = Storage::open_existing(&memory, identity).err().expect(identity);
            assert!(matches!(error, StorageError::Identity(_)), "{error}");
        }
    }

    #[test]
    fn looking_creates_nothing_and_opening_does() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/b");
        let url = directory.as_path().into();
        let error = Storage::open_existing(&url, "default").err().expect("nothing is there");
        assert!(error.to_string().contains("No such file or directory"), "{error}");
        assert!(!directory.exists());
        Storage::open(&url, "default").unwrap();
        assert!(directory.join("default").is_dir());
        Storage::open_existing(&url, "default").unwrap();
    }
}
