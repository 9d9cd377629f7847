//! The journal on disk: appended to its last segment, synced, and repaired when that fails.
//!
//! A batch counts once it is synced. When writing or syncing it fails, what may be left of it is cut
//! off and the cut is synced; until that worked nothing more is taken. After a failed sync nobody
//! knows which of the file's pages reached the disk, so the file is not added to again: the next
//! record begins a new segment.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::directory::{Directory, Names};
use super::record::Format;
use super::scan::scan;
use super::segment::Segment;
use super::{Damage, JournalError, JournalSize, SEGMENT_SIZE_BYTES};
use crate::durable_files::FileError;
use crate::fault_point::{io_fault, kill_point};

/// One journal, opened for reading and appending.
#[derive(Debug)]
pub struct Journal {
    names: Names,
    directory: Directory,
    /// One at least; records are added to the last.
    segments: Vec<Segment>,
    /// The last segment's file.
    pub(super) tail: File,
    segment_size_bytes: u64,
    /// Behind the last record may be something of a batch that failed.
    torn: bool,
    /// The last segment takes no more: a new one is due.
    worn: bool,
    damage: Vec<Damage>,
}

impl Journal {
    /// Opens the journal in a directory, or makes one.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        Self::open_with(directory, SEGMENT_SIZE_BYTES)
    }

    pub(super) fn open_with(path: &Path, segment_size_bytes: u64) -> Result<Self, JournalError> {
        let directory = Directory::open(path)?;
        let files = directory.segments()?;
        let names = directory.names(&files)?;
        let ends = files.iter().skip(1).map(|(first, _)| *first).chain([u64::MAX]);
        let (mut segments, mut damage) = (Vec::new(), Vec::new());
        let mut last = None;
        for ((first, path), end) in files.iter().zip(ends) {
            let mut scanned = scan(path.clone(), *first..end, names.id, names.secret)?;
            damage.append(&mut scanned.damage);
            if end == u64::MAX {
                last = Some((scanned.tail_bytes, scanned.can_be_added_to));
            } else {
                damage.extend(missing_at_the_end(&scanned.segment, scanned.tail_bytes, end));
            }
            segments.push(scanned.segment);
        }
        for Damage { what, missing } in &damage {
            tracing::error!(missing_records = missing.end - missing.start, "journal: {what}");
        }
        let (tail, worn) = match (segments.last(), last) {
            (Some(segment), Some((tail_bytes, can_be_added_to))) => {
                (open_tail(segment, tail_bytes)?, !can_be_added_to)
            }
            _ => {
                let (path, file) = directory
                    .create_segment(names, 0)
                    .map_err(FileError::of("make a segment in", path))?;
                segments.push(Segment::new(path, 0, Format::version_2(names.secret)));
                (file, false)
            }
        };
        Ok(Self { names, directory, segments, tail, segment_size_bytes, torn: false, worn, damage })
    }

    /// Random, made with the journal: positions in another journal of the same place mean nothing
    /// here.
    pub fn id(&self) -> String {
        format!("{:032x}", self.names.id)
    }

    /// What was found damaged when the journal was opened.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    fn format(&self) -> Format {
        Format::version_2(self.names.secret)
    }

    fn last(&self) -> &Segment {
        self.segments.last().expect("one segment at least")
    }

    /// The oldest record that is still there, or `next` when there is none.
    pub fn first(&self) -> u64 {
        self.segments.iter().find_map(Segment::oldest).unwrap_or_else(|| self.next())
    }

    /// The number that the next record will have.
    pub fn next(&self) -> u64 {
        self.last().next()
    }

    /// Makes the records durable, all of them or none; returns the number of the first.
    /// After an error nothing of them is left, or nothing more is taken until that is certain.
    pub fn append(&mut self, records: &[impl AsRef<[u8]>]) -> io::Result<u64> {
        let first = self.next();
        let mut batch = Vec::new();
        for (number, record) in (first..).zip(records) {
            let record = record.as_ref();
            if u32::try_from(record.len()).is_err() {
                let text = format!("a record of {} bytes, expected below 4 GiB", record.len());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            self.format().write(&mut batch, number, record);
        }
        if batch.is_empty() {
            return Ok(first);
        }
        let end = self.last().end;
        if self.last().records() > 0 && end + batch.len() as u64 > self.segment_size_bytes {
            self.worn = true;
        }
        self.repair()?;
        // Until it is proven otherwise.
        self.torn = true;
        let mut at = self.last().end;
        if let Err(error) = self.write(&batch, at) {
            if let Err(error) = self.repair() {
                tracing::error!("journal: {error}; no push is taken until it works");
            }
            return Err(self.failed("write", error));
        }
        self.torn = false;
        let segment = self.segments.last_mut().expect("one segment at least");
        for (number, record) in (first..).zip(records) {
            let size = (Format::HEAD_BYTES + record.as_ref().len()) as u64;
            segment.add(number, at, size);
            at += size;
        }
        Ok(first)
    }

    /// The batch that failed last may still be found after a crash: it could not be cut off yet.
    pub fn is_in_doubt(&self) -> bool {
        self.torn
    }

    fn write(&mut self, batch: &[u8], at: u64) -> io::Result<()> {
        if let Some(error) = io_fault("journal-write") {
            // As a full disk does: a part of it is there.
            self.tail.write_all_at(&batch[..batch.len() / 2], at)?;
            return Err(error);
        }
        self.tail.write_all_at(batch, at)?;
        kill_point("journal-written");
        if let Err(error) = sync(&self.tail) {
            self.worn = true;
            return Err(error);
        }
        kill_point("journal-synced");
        Ok(())
    }

    /// Makes the journal one that records can be added to.
    fn repair(&mut self) -> io::Result<()> {
        if self.torn {
            let cut = self.tail.set_len(self.last().end).and_then(|()| sync(&self.tail));
            if let Err(error) = cut {
                self.worn = true;
                return Err(self.failed("cut off what a failed write left in", error));
            }
            self.torn = false;
        }
        if self.worn {
            self.begin_segment(self.next())
                .map_err(|error| self.failed("begin a segment after", error))?;
            self.worn = false;
        }
        Ok(())
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let (path, file) = self.directory.create_segment(self.names, first)?;
        self.tail = file;
        if self.last().path == path {
            self.segments.pop();
        }
        self.segments.push(Segment::new(path, first, self.format()));
        Ok(())
    }

    fn failed(&self, what: &str, error: io::Error) -> io::Error {
        let text = format!("cannot {what} {}: {error}", self.last().path.display());
        io::Error::new(error.kind(), text)
    }

    /// Records from `from` on, in order, of about so many bytes together but one at least;
    /// none when there is none. Their numbers skip what is lost.
    pub fn read(&self, from: u64, about_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let mut records = Vec::new();
        let mut taken = 0;
        let begin = self.segments.partition_point(|segment| segment.next() <= from);
        for segment in &self.segments[begin..] {
            if taken >= about_bytes && !records.is_empty() {
                break;
            }
            taken += segment.read(from, about_bytes - taken, &mut records)?;
        }
        Ok(records)
    }

    /// Removes what holds no record from `next_needed` on: whole segments, and the last one when
    /// nothing in it is needed any more.
    pub fn release(&mut self, next_needed: u64) -> io::Result<()> {
        if next_needed >= self.next() && self.last().records() > 0 {
            self.worn = true;
            self.repair()?;
        }
        let behind = self.segments.iter().skip(1);
        let count = behind.take_while(|segment| segment.first <= next_needed).count();
        for segment in &self.segments[..count] {
            match std::fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.segments.drain(..count);
        if count > 0 { self.directory.sync() } else { Ok(()) }
    }

    /// Numbers below `next` are not given to records any more: the state knows records of them, and
    /// the disk has lost these.
    pub fn skip_to(&mut self, next: u64) -> io::Result<()> {
        if next <= self.next() {
            return Ok(());
        }
        self.repair()?;
        self.begin_segment(next)
    }

    pub fn size(&self) -> JournalSize {
        JournalSize {
            records: self.segments.iter().map(Segment::records).sum(),
            size_bytes: self.segments.iter().map(|segment| segment.end).sum(),
            segments: self.segments.len() as u64,
        }
    }
}

/// What the file holds, and how long it is, is on the disk.
fn sync(file: &File) -> io::Result<()> {
    match io_fault("journal-sync") {
        Some(error) => Err(error),
        None => file.sync_data(),
    }
}

/// The last segment's file, without the torn tail that a crash leaves.
fn open_tail(segment: &Segment, tail_bytes: u64) -> Result<File, JournalError> {
    let path = &segment.path;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(FileError::of("open", path))?;
    if tail_bytes > 0 {
        tracing::warn!(
            torn_bytes = tail_bytes,
            "journal: {} ends with what is no record, as a crash in the middle of a write leaves \
             it; cut off",
            path.display()
        );
        file.set_len(segment.end).and_then(|()| sync(&file)).map_err(FileError::of("cut", path))?;
    }
    Ok(file)
}

/// What a segment that another one follows lacks of the records before that.
fn missing_at_the_end(segment: &Segment, tail_bytes: u64, next: u64) -> Option<Damage> {
    let missing = segment.next()..next;
    if tail_bytes == 0 && missing.is_empty() {
        return None;
    }
    let what = format!(
        "{}: {} records are missing at its end, and {tail_bytes} bytes are no record",
        segment.path.display(),
        missing.end - missing.start
    );
    Some(Damage { what, missing })
}
