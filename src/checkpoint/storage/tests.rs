//! Storage against a directory, against memory, and against a bucket whose
//! answers lie.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

use super::*;

/// What the bucket does to the next put of `head`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::checkpoint) enum Fault {
    /// Applied, and the reply is an error.
    AppliedThenError,
    /// Applied, and the client's own retry met its own write.
    AppliedThenConflict,
    /// Not applied.
    Refused,
    /// Not applied yet: it lands just before the put after it.
    Late,
    /// A snapshot's put fails; the head's never comes.
    SnapshotRefused,
}

/// Memory that obeys like a bucket and answers as told.
#[derive(Debug, Default)]
pub(in crate::checkpoint) struct Bucket {
    objects: InMemory,
    next_fault: Mutex<Option<Fault>>,
    late: Mutex<Option<(Path, PutPayload, PutOptions)>>,
    away: Mutex<bool>,
    snapshots_take: Mutex<Duration>,
}

impl Bucket {
    pub(in crate::checkpoint) fn fail_next(&self, fault: Fault) {
        *self.next_fault.lock() = Some(fault);
    }

    /// Nothing can be put.
    pub(in crate::checkpoint) fn set_away(&self, away: bool) {
        *self.away.lock() = away;
    }

    pub(in crate::checkpoint) fn slow_snapshots(&self, take: Duration) {
        *self.snapshots_take.lock() = take;
    }

    pub(in crate::checkpoint) fn storage(self: &Arc<Self>) -> Storage {
        let objects: Arc<dyn ObjectStore> = Arc::<Self>::clone(self);
        Storage::conditional(objects, &Path::from("some/prefix"), "default", "bucket://test")
    }

    fn fault_for(&self, location: &Path) -> Option<Fault> {
        let mut next = self.next_fault.lock();
        let is_head = location.filename() == Some("head");
        match *next {
            Some(fault) if (fault == Fault::SnapshotRefused) != is_head => next.take(),
            _ => None,
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket")
    }
}

fn server_error() -> object_store::Error {
    object_store::Error::Generic { store: "test", source: "500 Internal Server Error".into() }
}

fn conflict(location: &Path) -> object_store::Error {
    let (path, source) = (location.to_string(), "412 Precondition Failed".into());
    object_store::Error::Precondition { path, source }
}

#[async_trait::async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if *self.away.lock() {
            return Err(server_error());
        }
        if location.filename() != Some("head") {
            let take = *self.snapshots_take.lock();
            tokio::time::sleep(take).await;
        }
        let late = self.late.lock().take();
        if let Some((location, payload, options)) = late {
            self.objects.put_opts(&location, payload, options).await?;
        }
        match self.fault_for(location) {
            None => self.objects.put_opts(location, payload, options).await,
            Some(Fault::AppliedThenError) => {
                self.objects.put_opts(location, payload, options).await?;
                Err(server_error())
            }
            Some(Fault::AppliedThenConflict) => {
                self.objects.put_opts(location, payload, options).await?;
                Err(conflict(location))
            }
            Some(Fault::Refused | Fault::SnapshotRefused) => Err(server_error()),
            Some(Fault::Late) => {
                *self.late.lock() = Some((location.clone(), payload, options));
                Err(server_error())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

fn generation(sequence: u64) -> Generation {
    Generation { epoch: 1, sequence }
}

fn head(nonce: &str, revision: u64) -> Head {
    Head { epoch: 1, revision, nonce: nonce.into(), ..Head::default() }
}

async fn nonce_in(storage: &Storage) -> String {
    match storage.read_head().await.unwrap() {
        ReadHead::Present(head, _) => head.nonce,
        other => panic!("expected a head, found {other:?}"),
    }
}

#[tokio::test]
async fn the_verbs_mean_the_same_in_a_directory_and_in_a_bucket() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = Storage::open(&directory.path().into(), "default").unwrap();
    for storage in [on_disk, Arc::new(Bucket::default()).storage()] {
        assert!(matches!(storage.read_head().await.unwrap(), ReadHead::Missing));
        assert_eq!(storage.list().await.unwrap(), []);
        assert_eq!(storage.read_snapshot(generation(1)).await.unwrap(), None);

        for sequence in [10, 9] {
            let file = vec![7; sequence as usize];
            storage.write_snapshot(generation(sequence), file).await.unwrap();
        }
        let listed = |sequence| Listed { generation: generation(sequence), size_bytes: sequence };
        assert_eq!(storage.list().await.unwrap(), [listed(9), listed(10)]);
        let read = storage.read_snapshot(generation(9)).await.unwrap();
        assert_eq!(read.as_deref(), Some([7; 9].as_slice()));

        storage.delete_snapshot(generation(9)).await.unwrap();
        storage.delete_snapshot(generation(9)).await.unwrap();
        assert_eq!(storage.list().await.unwrap(), [listed(10)]);

        let version = storage.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
        assert_eq!(storage.read_head().await.unwrap().version(), version);
        storage.replace_head(&head("a", 2), &version).await.unwrap();
        assert!(matches!(
            storage.read_head().await.unwrap(),
            ReadHead::Present(found, _) if found == head("a", 2)
        ));
    }
}

#[tokio::test]
async fn two_openings_of_memory_are_one() {
    let open = || Storage::open(&"memory:///shared".parse().unwrap(), "two-openings").unwrap();
    open().replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
    assert_eq!(nonce_in(&open()).await, "a");
}

#[tokio::test]
async fn a_put_that_was_applied_counts_whatever_the_reply() {
    for fault in [Fault::AppliedThenError, Fault::AppliedThenConflict] {
        let bucket = Arc::new(Bucket::default());
        let storage = bucket.storage();
        bucket.fail_next(fault);
        let version = storage.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
        bucket.fail_next(fault);
        let version = storage.replace_head(&head("a", 2), &version).await.unwrap();
        assert_eq!(storage.read_head().await.unwrap().version(), version, "{fault:?}");
    }
}

#[tokio::test]
async fn a_put_that_was_not_applied_is_an_error_and_not_a_fence() {
    let bucket = Arc::new(Bucket::default());
    let storage = bucket.storage();
    let version = storage.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
    for nonce in ["a", "b"] {
        bucket.fail_next(Fault::Refused);
        let error = storage.replace_head(&head(nonce, 2), &version).await.unwrap_err();
        assert!(matches!(error, ReplaceHeadError::Storage(_)), "{error}");
    }
    storage.replace_head(&head("a", 2), &version).await.expect("nothing had changed");
}

#[tokio::test]
async fn a_put_of_our_own_that_lands_late_does_not_fence_us() {
    let bucket = Arc::new(Bucket::default());
    let storage = bucket.storage();
    let version = storage.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
    bucket.fail_next(Fault::Late);
    storage.replace_head(&head("a", 2), &version).await.unwrap_err();
    let version = storage.replace_head(&head("a", 3), &version).await.unwrap();
    assert_eq!(storage.read_head().await.unwrap().version(), version);
}

#[tokio::test]
async fn another_owner_is_a_fence_also_when_the_reply_was_lost() {
    let bucket = Arc::new(Bucket::default());
    let (ours, theirs) = (bucket.storage(), bucket.storage());
    let version = ours.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
    theirs.replace_head(&head("b", 0), &version).await.unwrap();
    for fault in [None, Some(Fault::Refused)] {
        if let Some(fault) = fault {
            bucket.fail_next(fault);
        }
        let error = ours.replace_head(&head("a", 2), &version).await.unwrap_err();
        assert!(matches!(error, ReplaceHeadError::Fenced { .. }), "{error}");
        assert_eq!(nonce_in(&ours).await, "b");
    }
}

#[tokio::test]
async fn a_head_that_somebody_deleted_is_made_anew() {
    let bucket = Arc::new(Bucket::default());
    let storage = bucket.storage();
    let version = storage.replace_head(&head("a", 1), &HeadVersion::Absent).await.unwrap();
    bucket.objects.delete(&Path::from("some/prefix/default/head")).await.unwrap();
    storage.replace_head(&head("a", 2), &version).await.unwrap();
    assert_eq!(nonce_in(&storage).await, "a");
}

#[tokio::test]
async fn a_head_that_is_no_head_is_corrupt_and_not_missing() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(&directory.path().into(), "default").unwrap();
    std::fs::write(directory.path().join("default/head"), "{\"epoch\":1").unwrap();
    assert!(matches!(storage.read_head().await.unwrap(), ReadHead::Corrupt { .. }));
}
