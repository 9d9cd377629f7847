//! An object store that obeys conditions and answers as chance has it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::sleep;

use crate::crash::{Operation, When};
use crate::plan::IDENTITY;
use crate::world::World;
use prom_stream_gateway::checkpoint::head::Head;

/// The slowest answer; more than most leases last.
const SLOWEST_MS: u64 = 15_000;

#[derive(Clone)]
pub(crate) struct Bucket {
    objects: Arc<InMemory>,
    world: World,
}

impl Bucket {
    pub(crate) fn new(world: World) -> Self {
        Self { objects: Arc::default(), world }
    }

    /// Makes the newest snapshot unreadable, by any of its files, if an older one is retained to
    /// fall back to.
    pub(crate) async fn damage_newest(&self) {
        let get = async |location: &Path| self.objects.get(location).await.ok()?.bytes().await.ok();
        let root = Path::from(IDENTITY);
        let head = get(&root.clone().join("head")).await;
        let head: Option<Head> = head.and_then(|json| serde_json::from_slice(&json).ok());
        let Some([newest, _, ..]) = head.as_ref().map(|head| head.retained.as_slice()) else {
            return;
        };
        let files: Vec<_> = newest.files().collect();
        let damaged = files[self.world.below(files.len() as u64) as usize];
        let location = root.join("snapshots").join(damaged.file_name());
        let Some(file) = get(&location).await else { return };
        let mut file = file.to_vec();
        let how = match self.world.below(3) {
            0 => "deleted",
            1 => {
                file.truncate(file.len() / 2);
                "truncated"
            }
            _ => {
                let at = self.world.below(file.len() as u64) as usize;
                file[at] ^= 0x10;
                "changed by one bit"
            }
        };
        let done = match how {
            "deleted" => self.objects.delete(&location).await,
            _ => self.objects.put(&location, file.into()).await.map(drop),
        };
        done.expect("memory obeys");
        self.note("damage", location.as_ref(), how);
    }

    fn note(&self, verb: &str, location: &str, what: &str) {
        self.world.note(&format!("s3 {verb} {location} -> {what}"));
    }

    /// Before an operation that only looks: it may be slow, fail, or never return.
    async fn look(&self, verb: &str, location: &str) -> Result<()> {
        if let Some(when) = self.world.crashes_at(Operation::ObjectOther) {
            self.note(verb, location, &format!("CRASH {when:?}"));
            self.world.crash_now();
            return std::future::pending().await;
        }
        if self.world.goes_wrong(3) {
            if self.world.below(3) > 0 {
                self.note(verb, location, "error");
                return Err(server_error());
            }
            sleep(Duration::from_millis(self.world.below(SLOWEST_MS))).await;
        }
        self.latency().await;
        self.note(verb, location, "ok");
        Ok(())
    }

    async fn latency(&self) {
        match self.world.below(4) {
            0 => sleep(Duration::from_millis(1 + self.world.below(60))).await,
            _ => sleep(Duration::from_millis(1 + self.world.below(4))).await,
        }
    }

    fn later(&self, delay_ms: u64, location: &Path, payload: PutPayload, options: PutOptions) {
        let (bucket, location) = (self.clone(), location.clone());
        tokio::spawn(async move {
            sleep(Duration::from_millis(delay_ms)).await;
            let done = bucket.objects.put_opts(&location, payload, options).await;
            bucket.note("late put", location.as_ref(), outcome(&done));
        });
    }
}

fn outcome<T>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "applied",
        Err(
            object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. },
        ) => "condition not met",
        Err(_) => "error",
    }
}

fn server_error() -> object_store::Error {
    object_store::Error::Generic { store: "sim", source: "500 Internal Server Error".into() }
}

#[async_trait::async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let name = location.to_string();
        let note = |what: &str| self.note("put", &name, what);
        let head = location.filename() == Some("head");
        let operation = if head { Operation::HeadPut } else { Operation::SnapshotPut };
        if let Some(when) = self.world.crashes_at(operation) {
            note(&format!("CRASH {when:?}"));
            match when {
                When::Before => {}
                When::After => {
                    let done = self.objects.put_opts(location, payload, options).await;
                    note(outcome(&done));
                }
                When::Late { milliseconds } => self.later(milliseconds, location, payload, options),
            }
            self.world.crash_now();
            return std::future::pending().await;
        }
        if self.world.goes_wrong(6) {
            match self.world.below(6) {
                0 => {
                    note("error, not applied");
                    return Err(server_error());
                }
                1 => {
                    let done = self.objects.put_opts(location, payload, options).await;
                    note(&format!("{}, then an error", outcome(&done)));
                    return Err(server_error());
                }
                2 => {
                    let done = self.objects.put_opts(location, payload, options).await;
                    note(&format!("{}, then a conflict with itself", outcome(&done)));
                    let path = name.clone();
                    return Err(object_store::Error::Precondition { path, source: "412".into() });
                }
                3 | 4 => {
                    note("error, will land late");
                    self.later(1 + self.world.below(6000), location, payload, options);
                    return Err(server_error());
                }
                _ => sleep(Duration::from_millis(self.world.below(SLOWEST_MS))).await,
            }
        }
        self.latency().await;
        let done = self.objects.put_opts(location, payload, options).await;
        note(outcome(&done));
        self.latency().await;
        done
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.look("get", location.as_ref()).await?;
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let bucket = self.clone();
        let looked = locations.and_then(move |location| {
            let bucket = bucket.clone();
            async move { bucket.look("delete", location.as_ref()).await.map(|()| location) }
        });
        self.objects.delete_stream(looked.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (bucket, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            bucket.look("list", "snapshots").await?;
            Ok::<_, object_store::Error>(bucket.objects.list(prefix.as_ref()))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated bucket")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a simulated bucket")
    }
}
