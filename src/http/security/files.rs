//! Files, and whether they still are what was read.
//!
//! They are told apart by content: times and sizes miss a change within one tick of the clock, and
//! the files are a few kilobytes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Every file that was asked for, and what it held: `None` for one that could not be read.
#[derive(Debug, Default)]
pub(in crate::http) struct Files {
    read: BTreeMap<PathBuf, Option<[u8; 32]>>,
}

impl Files {
    pub(in crate::http) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let content = std::fs::read(path);
        self.read.insert(path.into(), content.as_ref().ok().map(digest));
        content
    }

    pub(super) fn have_changed(&self) -> bool {
        self.read.iter().any(|(path, then)| std::fs::read(path).ok().as_ref().map(digest) != *then)
    }
}

fn digest(content: &Vec<u8>) -> [u8; 32] {
    Sha256::digest(content).into()
}
