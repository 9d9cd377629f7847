//! The files of a journal: `journal-id`, `lock`, and segments named by their first record.
//!
//! A file appears under its name whole or not at all: it is written and synced beside it, renamed,
//! and the directory is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::JournalError;
use super::header::Header;

const EXTENSION: &str = "journal";

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// The lock lasts as long as the file is open.
    _lock: File,
}

impl Directory {
    /// Makes it if need be, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let path = std::path::absolute(path).map_err(JournalError::io("find", path))?;
        let made: Vec<_> = path.ancestors().take_while(|directory| !directory.is_dir()).collect();
        fs::create_dir_all(&path).map_err(JournalError::io("create", &path))?;
        for parent in made.iter().filter_map(|directory| directory.parent()) {
            sync_directory(parent).map_err(JournalError::io("sync", parent))?;
        }
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(JournalError::io("open", &lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Locked { path }),
            Err(error) => Err(JournalError::io("lock", &lock_path)(error.into())),
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
        list().map_err(JournalError::io("list", &self.path))
    }

    /// The journal's id. When the file is lost or damaged the segments still know it.
    pub(super) fn id(&self, segments: &[(u64, PathBuf)]) -> Result<u128, JournalError> {
        let path = self.path.join("journal-id");
        match fs::read_to_string(&path) {
            Ok(text) if text.trim_end().len() == 32 => {
                if let Ok(id) = u128::from_str_radix(text.trim_end(), 16) {
                    return Ok(id);
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            Err(error) => return Err(JournalError::io("read", &path)(error)),
        }
        let known = segments.iter().find_map(|(_, path)| id_in_header(path));
        let id = known.unwrap_or_else(super::random_id);
        self.place("journal-id", format!("{id:032x}\n").as_bytes())
            .map_err(JournalError::io("write", &path))?;
        Ok(id)
    }

    /// Makes a segment that has no record yet, in the place of one of that name.
    pub(super) fn create_segment(&self, header: Header) -> io::Result<(PathBuf, File)> {
        let name = format!("{:020}.{EXTENSION}", header.first);
        let file = self.place(&name, &header.to_bytes())?;
        Ok((self.path.join(name), file))
    }

    /// A file of that content is there for good.
    fn place(&self, name: &str, content: &[u8]) -> io::Result<File> {
        let beside = self.path.join(format!("{name}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        super::disk::sync(&file)?;
        fs::rename(&beside, self.path.join(name))?;
        self.sync()?;
        Ok(file)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn first_in_name(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let is_segment = path.extension()? == EXTENSION
        && stem.len() == 20
        && stem.bytes().all(|byte| byte.is_ascii_digit());
    stem.parse().ok().filter(|_| is_segment)
}

fn id_in_header(path: &Path) -> Option<u128> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(super::header::SIZE_BYTES as u64).read_to_end(&mut bytes).ok()?;
    Header::read(&bytes).ok().map(|header| header.journal_id)
}
