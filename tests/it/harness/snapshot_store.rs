//! Where a gateway's snapshots lie, a directory or a bucket: to damage them either way.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::s3::S3;
use super::{Gateway, RedisServer};

pub(crate) enum SnapshotStore {
    Directory(TempDir),
    Bucket(S3),
}

impl SnapshotStore {
    pub(crate) fn new(bucket: bool) -> Self {
        match bucket {
            true => Self::Bucket(S3::start()),
            false => {
                Self::Directory(tempfile::tempdir().expect("a temporary directory can be made"))
            }
        }
    }

    /// One that keeps its snapshots here, and is not running yet.
    pub(crate) fn gateway(&self, redis: &RedisServer) -> Gateway {
        match self {
            Self::Directory(directory) => {
                Gateway::of(redis).set("Snapshot__Url", &directory.path().display().to_string())
            }
            Self::Bucket(s3) => s3.gateway(redis),
        }
    }

    #[track_caller]
    pub(crate) fn bucket(&self) -> &S3 {
        match self {
            Self::Bucket(s3) => s3,
            Self::Directory(_) => panic!("the snapshots are on disk"),
        }
    }

    /// The newest snapshot that `head` names, by its name within the identity.
    #[track_caller]
    pub(crate) fn newest(&self) -> String {
        let head: Value = match self {
            Self::Directory(_) => {
                let bytes = fs::read(self.file("head")).expect("there is a head");
                serde_json::from_slice(&bytes).expect("head is JSON")
            }
            Self::Bucket(s3) => s3.head(),
        };
        let retained = &head["retained"];
        assert!(retained.as_array().is_some_and(|all| all.len() > 1), "only one: {head}");
        let number = |field: &str| retained[0][field].as_u64().expect("a number");
        format!("snapshots/{:020}-{:020}.snap", number("epoch"), number("sequence"))
    }

    #[track_caller]
    pub(crate) fn damage(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Directory(_) => {
                let file = self.file(name);
                let mut bytes = fs::read(&file).expect("the file can be read");
                damage(&mut bytes);
                fs::write(&file, bytes).expect("the file can be written");
            }
            Self::Bucket(s3) => s3.damage(&S3::key(name), damage),
        }
    }

    #[track_caller]
    pub(crate) fn remove(&self, name: &str) {
        match self {
            Self::Directory(_) => {
                fs::remove_file(self.file(name)).expect("the file can be removed");
            }
            Self::Bucket(s3) => s3.remove(&S3::key(name)),
        }
    }

    /// The journal's files beside local snapshots, oldest first.
    #[track_caller]
    pub(crate) fn journal_segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.file("journal")).expect("there is a journal");
        let paths = entries.map(|entry| entry.expect("a directory can be read").path());
        let mut segments: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|it| it == "journal")).collect();
        segments.sort();
        segments
    }

    fn file(&self, name: &str) -> PathBuf {
        let Self::Directory(directory) = self else { unreachable!("only directories have files") };
        directory.path().join("default").join(name)
    }
}
