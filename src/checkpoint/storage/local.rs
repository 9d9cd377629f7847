//! What a directory needs that a bucket does not: a lock, and the removal of what a crash left
//! half-written.

use std::path::Path;
use std::{fs, io};

use super::{Exclusion, Storage, StorageError};
use crate::durable_files::{DirectoryLock, FileError, create_directories};

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
        let Some(lock) = DirectoryLock::try_take(directory)? else { return Ok(false) };
        remove_half_written(directory)?;
        *held = Some(lock);
        Ok(true)
    }

    /// Lets another process become the owner.
    pub(in crate::checkpoint) fn unlock(&self) {
        if let Exclusion::Lock { held, .. } = &self.exclusion {
            *held.lock() = None;
        }
    }
}

/// A write goes to `<name>#<number>` first; a crash leaves that behind. Only the owner may look,
/// since to anybody else it might be a write in progress.
fn remove_half_written(directory: &Path) -> Result<(), FileError> {
    for directory in [directory.to_owned(), directory.join("snapshots")] {
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(FileError::of("read", &directory))?,
        };
        for entry in entries {
            let path = entry.map_err(FileError::of("read", &directory))?.path();
            if is_half_written(&path) {
                tracing::info!(file = %path.display(), "removing a half-written file of a crash");
                fs::remove_file(&path).map_err(FileError::of("remove", &path))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time_and_the_next_when_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Storage::open(&directory.path().into(), "default").unwrap();
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
        let open = |identity| Storage::open(&directory.path().into(), identity).unwrap();
        let (one, two) = (open("one"), open("two"));
        assert!(one.try_lock().unwrap() && two.try_lock().unwrap());
    }

    #[test]
    fn the_owner_removes_what_a_crash_left_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(&directory.path().into(), "default").unwrap();
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
