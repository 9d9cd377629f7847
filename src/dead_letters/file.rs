//! Dead letters on the local disk, where no Redis takes them: a line of JSON each, beside the journal.
//!
//! Two files take turns, so that the newest letters are always there and the disk is never full of
//! them: when the one being written has half of what both may take, it becomes the older one, in the
//! place of the one before. What is in them is served over HTTP after a restart, too.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{DeadLetter, DeadLetters};
use crate::model::{Reason, Timestamp};

/// A letter as it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    reason: String,
    detail: String,
    source: String,
    position: String,
    payload_base64: String,
    at_milliseconds: u64,
}

/// The file that letters are added to.
pub struct LetterFile {
    path: PathBuf,
    older: PathBuf,
    file: File,
    size_bytes: u64,
    /// Of both files.
    max_bytes: u64,
}

impl LetterFile {
    /// Opens or makes the file.
    pub fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let older = older(path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size_bytes = file.metadata()?.len();
        let mut opened = Self { path: path.to_owned(), older, file, size_bytes, max_bytes };
        // A line that a crash cut short must not swallow the next one.
        if size_bytes > 0 {
            opened.write(b"\n")?;
        }
        Ok(opened)
    }

    /// Adds the letters; all of them are on the disk then.
    pub fn add(&mut self, letters: &[Arc<DeadLetter>]) -> io::Result<()> {
        for letter in letters {
            let line = Line {
                reason: letter.reason.as_str().into(),
                detail: letter.detail.clone(),
                source: letter.source.clone(),
                position: letter.position.clone(),
                payload_base64: STANDARD.encode(&letter.payload),
                at_milliseconds: letter.at.0,
            };
            let mut line = serde_json::to_vec(&line)?;
            line.push(b'\n');
            if self.size_bytes > 0 && self.size_bytes + line.len() as u64 > self.max_bytes / 2 {
                std::fs::rename(&self.path, &self.older)?;
                self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                self.size_bytes = 0;
            }
            self.write(&line)?;
        }
        self.file.sync_data()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Where the older half is.
fn older(path: &Path) -> PathBuf {
    path.with_extension("older.jsonl")
}

/// Keeps what earlier processes wrote among the newest letters.
pub fn recall(path: &Path, letters: &DeadLetters) -> io::Result<()> {
    remember(&older(path), letters)?;
    remember(path, letters)
}

fn remember(path: &Path, letters: &DeadLetters) -> io::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for line in BufReader::new(file).split(b'\n') {
        // One that was cut short, or that a later version wrote, is passed over.
        let Ok(line) = serde_json::from_slice::<Line>(&line?) else { continue };
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == line.reason);
        let (Some(reason), Ok(payload)) = (reason, STANDARD.decode(line.payload_base64)) else {
            continue;
        };
        letters.remember(DeadLetter {
            reason,
            detail: line.detail,
            source: line.source,
            position: line.position,
            payload,
            at: Timestamp(line.at_milliseconds),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(number: usize) -> Arc<DeadLetter> {
        Arc::new(DeadLetter {
            reason: Reason::InvalidJson,
            detail: "broken".into(),
            source: "push:journal".into(),
            position: number.to_string(),
            payload: vec![0xff; 100],
            at: Timestamp(1_700_000_000_000),
        })
    }

    fn remembered(path: &Path) -> Vec<String> {
        let letters = DeadLetters::new(100);
        recall(path, &letters).expect("read");
        let newest = letters.newest(1000).into_iter();
        assert_eq!(letters.counts().pending, 0);
        newest.map(|recent| recent.letter.position.clone()).collect()
    }

    #[test]
    fn letters_are_there_after_a_restart_newest_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("letters.jsonl");
        let open = || LetterFile::open(&path, 1 << 20).expect("opened");
        open().add(&[letter(1), letter(2)]).expect("written");
        // A crash in the middle of a line.
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"reason\":"))
            .expect("written");
        open().add(&[letter(3)]).expect("written");
        assert_eq!(remembered(&path), ["3", "2", "1"]);
    }

    #[test]
    fn the_newest_stay_and_the_disk_is_bounded() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("letters.jsonl");
        const MOST: u64 = 4096;
        let mut file = LetterFile::open(&path, MOST).expect("opened");
        for number in 0..200 {
            file.add(&[letter(number)]).expect("written");
        }
        let sizes = std::fs::read_dir(directory.path()).expect("a directory");
        let sizes = sizes.map(|file| file.and_then(|file| file.metadata()).expect("a file").len());
        assert!(sizes.sum::<u64>() <= MOST);
        let kept = remembered(&path);
        assert!(kept.len() >= 6, "{kept:?}");
        let expected: Vec<_> = (0..200).rev().take(kept.len()).map(|n| n.to_string()).collect();
        assert_eq!(kept, expected);
    }
}
