//! The files of a journal: `journal-id`, `lock`, and segments named by their first record.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::JournalError;
use super::header::{self, Header};
use crate::durable_files::{
    DirectoryLock, FileError, create_directories, place, random_bits, sync_directory,
};

const EXTENSION: &str = "journal";

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: DirectoryLock,
}

/// What stands in `journal-id`: made with the journal, at random.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) id: u128,
    /// See [`header`]: never to be shown.
    pub(super) secret: u64,
}

impl std::fmt::Debug for Names {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

impl Directory {
    /// Makes it if need be, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let path = std::path::absolute(path).map_err(FileError::of("find", path))?;
        create_directories(&path)?;
        match DirectoryLock::try_take(&path)? {
            Some(lock) => Ok(Self { path, _lock: lock }),
            None => Err(JournalError::Locked { path }),
        }
    }

    /// The segments by their first records, ascending.
    pub(super) fn segments(&self) -> Result<Vec<(u64, PathBuf)>, JournalError> {
        let list = || {
            let mut segments = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let path = entry?.path();
                if let Some(first) = first_in_name(&path) {
                    segments.push((first, path));
                }
            }
            segments.sort_unstable();
            Ok(segments)
        };
        Ok(list().map_err(FileError::of("list", &self.path))?)
    }

    /// The journal's id and secret. When the file is lost or damaged the segments still know them.
    pub(super) fn names(&self, segments: &[(u64, PathBuf)]) -> Result<Names, JournalError> {
        let path = self.path.join("journal-id");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(FileError::of("read", &path)(error).into()),
        };
        let mut lines = text.lines();
        let id = lines.next().and_then(|line| number(line, 32));
        // Version 1 had none.
        let secret = lines.next().and_then(|line| number(line, 16)).map(|secret| secret as u64);
        if let (Some(id), Some(secret)) = (id, secret) {
            return Ok(Names { id, secret });
        }
        let headers: Vec<_> = segments.iter().filter_map(|(_, path)| header_of(path)).collect();
        let names = Names {
            id: id
                .or_else(|| headers.first().map(|header| header.journal_id))
                .unwrap_or_else(random_bits),
            secret: headers
                .iter()
                .find_map(|header| header.secret)
                .unwrap_or_else(|| random_bits() as u64),
        };
        let text = format!("{:032x}\n{:016x}\n", names.id, names.secret);
        place(&self.path, "journal-id", text.as_bytes()).map_err(FileError::of("write", &path))?;
        Ok(names)
    }

    /// Makes a segment that has no record yet, in the place of one of that name.
    pub(super) fn create_segment(&self, names: Names, first: u64) -> io::Result<(PathBuf, File)> {
        let name = format!("{first:020}.{EXTENSION}");
        let file =
            place(&self.path, &name, &Header::new(names.id, first, names.secret).to_bytes())?;
        Ok((self.path.join(name), file))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

/// Whether a directory has a segment of a journal in it, or may have.
pub(super) fn may_hold_records(directory: &Path) -> bool {
    match fs::read_dir(directory) {
        Ok(entries) => entries
            .into_iter()
            .any(|entry| entry.map_or(true, |entry| first_in_name(&entry.path()).is_some())),
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
    }
}

fn first_in_name(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let is_segment = path.extension()? == EXTENSION
        && stem.len() == 20
        && stem.bytes().all(|byte| byte.is_ascii_digit());
    stem.parse().ok().filter(|_| is_segment)
}

/// Of so many hexadecimal digits.
fn number(line: &str, digits: usize) -> Option<u128> {
    u128::from_str_radix(line, 16).ok().filter(|_| line.len() == digits)
}

fn header_of(path: &Path) -> Option<Header> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(header::SIZE_BYTES as u64).read_to_end(&mut bytes).ok()?;
    Header::read(&bytes).ok()
}
