//! Files and directories that a power failure does not undo, and that one process has to itself.
//!
//! A file's content is on the disk once the file is synced, its name once its directory is. So a
//! file appears under its name whole or not at all: it is written and synced beside it, renamed,
//! and the directory is synced. A directory belongs to the process that holds the lock on its file
//! `lock`, which the kernel gives back when the process ends, however it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::rand::{GetRandomFlags, getrandom};

/// What could not be done with which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    pub action: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// The right to a directory, until this is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// `None`: somebody else has it, in this process or in another.
    pub(crate) fn try_take(directory: &Path) -> Result<Option<Self>, FileError> {
        let path = directory.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(FileError::of("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(FileError::of("lock", &path)(error.into())),
        }
    }
}

/// As `create_dir_all`, and it lasts.
pub(crate) fn create_directories(directory: &Path) -> Result<(), FileError> {
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
        .and_then(|()| sync_directory(parent))
        .map_err(FileError::of("create the directory", directory))
}

/// What was created, renamed and removed in it lasts.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A file of that name and content is there for good, in the place of one that was there.
pub(crate) fn place(directory: &Path, name: &str, content: &[u8]) -> io::Result<File> {
    let beside = directory.join(format!("{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_data()?;
    fs::rename(&beside, directory.join(name))?;
    sync_directory(directory)?;
    Ok(file)
}

/// Whether both are there and one, through whatever links and mounts.
pub(crate) fn are_the_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
}

/// Bits that nobody can guess.
pub(crate) fn random_bits() -> u128 {
    let mut bytes = [0; 16];
    // So few are given whole, and always, once the system has started.
    let given = getrandom(&mut bytes, GetRandomFlags::empty());
    assert_eq!(given, Ok(bytes.len()), "the system gives random bytes");
    u128::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::try_take(directory.path()).unwrap();
        assert!(lock.is_some());
        assert!(DirectoryLock::try_take(directory.path()).unwrap().is_none());
        drop(lock);
        assert!(DirectoryLock::try_take(directory.path()).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_created_is_named() {
        let directory = tempfile::tempdir().unwrap();
        create_directories(&directory.path().join("a/b")).unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let error = create_directories(&directory.path().join("file/c")).unwrap_err();
        assert_eq!(
            (error.action, error.path.file_name()),
            ("create the directory", Some("c".as_ref()))
        );
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        for content in ["longer than the next", "short"] {
            place(directory.path(), "name", content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(directory.path().join("name")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_directory_by_two_ways() {
        let directory = tempfile::tempdir().unwrap();
        let (one, link) = (directory.path().join("one"), directory.path().join("link"));
        fs::create_dir(&one).unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        assert!(are_the_same(&one, &link) && are_the_same(&link.join("../one"), &one));
        assert!(!are_the_same(&one, directory.path()));
        assert!(!are_the_same(&one.join("none"), &one.join("none")), "nothing is there");
    }

    #[test]
    fn random_bits_differ() {
        assert_ne!(random_bits(), random_bits());
    }
}
