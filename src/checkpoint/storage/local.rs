//! What a directory needs that a bucket does not: creation that lasts, a lock,
//! and the removal of what a crash left half-written.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{Exclusion, Storage, StorageError};

impl Storage {
    /// Becomes the owner, until it is unlocked or for the life of this value. False: another
    /// process is, wait and try again. Buckets have no lock, there `head` decides; always true.
    pub fn try_lock(&self) -> Result<bool, StorageError> {
        let Exclusion::Lock { directory, held } = &self.exclusion else { return Ok(true) };
        let mut held = held.lock();
        if held.is_some() {
            return Ok(true);
        }
        create_directories(directory)?;
        let path = directory.join("lock");
        let failed = |source| StorageError::File { action: "lock", path: path.clone(), source };
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                remove_half_written(directory)?;
                *held = Some(file);
                Ok(true)
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Lets another process become the owner.
    pub(in crate::checkpoint) fn unlock(&self) {
        if let Exclusion::Lock { held, .. } = &self.exclusion {
            *held.lock() = None;
        }
    }
}

/// As `create_dir_all`, and a power failure does not undo it.
pub(super) fn create_directories(directory: &Path) -> Result<(), StorageError> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    create_directories(parent)?;
    let created = match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    created
        .and_then(|()| File::open(parent)?.sync_all())
        .map_err(|source| failed("create", directory, source))
}

/// A write goes to `<name>#<number>` first; a crash leaves that behind. Only the owner may look,
/// since to anybody else it might be a write in progress.
fn remove_half_written(directory: &Path) -> Result<(), StorageError> {
    for directory in [directory.to_owned(), directory.join("snapshots")] {
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|source| failed("read", &directory, source))?,
        };
        for entry in entries {
            let path = entry.map_err(|source| failed("read", &directory, source))?.path();
            if is_half_written(&path) {
                tracing::info!(file = %path.display(), "removing a half-written file of a crash");
                fs::remove_file(&path).map_err(|source| failed("remove", &path, source))?;
            }
        }
    }
    Ok(())
}

fn is_half_written(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let parts = name.and_then(|name| name.rsplit_once('#'));
    parts.is_some_and(|(name, number)| {
        (name == "head" || name.ends_with(".snap"))
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StorageError {
    StorageError::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time_and_the_next_when_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Storage::open(directory.path().to_str().unwrap(), "default").unwrap();
        let (owner, standby) = (open(), open());
        assert!(owner.try_lock().unwrap());
        assert!(owner.try_lock().unwrap(), "the owner may ask twice");
        assert!(!standby.try_lock().unwrap());
        drop(owner);
        assert!(standby.try_lock().unwrap());
    }

    #[test]
    fn another_identity_in_the_same_directory_is_no_rival() {
        let directory = tempfile::tempdir().unwrap();
        let open = |identity| Storage::open(directory.path().to_str().unwrap(), identity).unwrap();
        let (one, two) = (open("one"), open("two"));
        assert!(one.try_lock().unwrap() && two.try_lock().unwrap());
    }

    #[test]
    fn the_owner_removes_what_a_crash_left_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path().to_str().unwrap(), "default").unwrap();
        let own = directory.path().join("default");
        fs::create_dir(own.join("snapshots")).unwrap();
        let kept = ["snapshots/1-1.snap", "head", "notes#1", "head#x"];
        let removed = ["snapshots/1-1.snap#1", "head#12"];
        for name in kept.iter().chain(&removed) {
            fs::write(own.join(name), "x").unwrap();
        }
        assert!(storage.try_lock().unwrap());
        assert!(kept.iter().all(|name| own.join(name).exists()));
        assert!(!removed.iter().any(|name| own.join(name).exists()));
    }
}
