//! A wall clock that a test sets, for gateways that are told its file.
//!
//! They read it at every look at the time, from the first on; the test's own clock goes on.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::Gateway;

pub(crate) struct WallClock {
    directory: TempDir,
}

impl WallClock {
    /// One that is right.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let clock = Self { directory };
        clock.set(0);
        clock
    }

    /// One that goes by this clock.
    pub(crate) fn shown_to(&self, gateway: Gateway) -> Gateway {
        gateway.set("CLOCK_OFFSET_FILE", &self.file().display().to_string())
    }

    /// By so much it is ahead.
    pub(crate) fn set(&self, milliseconds: i64) {
        let new = self.file().with_extension("new");
        // As a whole: it may be read at any moment.
        fs::write(&new, milliseconds.to_string()).expect("written");
        fs::rename(new, self.file()).expect("renamed");
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }
}
