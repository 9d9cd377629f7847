//! A disk of a megabyte that a test can fill: a file system in memory, mounted for the test.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What the journal's disk may answer: a point of the code, the error, and what is said of it.
#[cfg(feature = "failpoints")]
pub(crate) const JOURNAL_FAULTS: [(&str, &str, &str); 3] = [
    ("journal-write", "ENOSPC", "No space left on device"),
    ("journal-write", "EIO", "Input/output error"),
    ("journal-sync", "EIO", "Input/output error"),
];

pub(crate) struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// `None` where this user may not mount anything; says so.
    pub(crate) fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { directory });
        }
        eprintln!("skipped: this user may not mount a small disk");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes every byte that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.filler()).expect("the filler can be made");
        for size in [4096, 1] {
            loop {
                match file.write_all(&vec![0; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("filling the disk: {error}"),
                }
            }
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).expect("the filler can be removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that a failed test left behind may still have files open.
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.path().display());
        }
    }
}
