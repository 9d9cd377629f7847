//! One segment file: which records it holds, and where.
//!
//! Records follow each other without a gap, but for what was damaged: so a segment is a list of runs,
//! which has one element as long as the disk is sound. Within a run every so many bytes a mark says
//! which record begins where; reading begins at a mark, so that it never passes over much.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::header;
use super::record::Format;

/// Between two marks of a run: read at most so much in vain.
const MARK_BYTES: u64 = 64 << 10;

/// Read at most so much at once, unless one record is larger.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// The number of its first record, whether that is there or not.
    pub(super) first: u64,
    /// Up to here the file's bytes count.
    pub(super) end: u64,
    format: Format,
    runs: Vec<Run>,
}

/// Records of consecutive numbers that lie one behind the other.
#[derive(Debug)]
struct Run {
    numbers: Range<u64>,
    bytes: Range<u64>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    number: u64,
    offset: u64,
}

impl Segment {
    /// One that has no record yet.
    pub(super) fn new(path: PathBuf, first: u64, format: Format) -> Self {
        Self { path, first, end: header::SIZE_BYTES as u64, format, runs: Vec::new() }
    }

    /// The oldest record that is there.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.runs.first().map(|run| run.numbers.start)
    }

    /// The number behind its last record.
    pub(super) fn next(&self) -> u64 {
        self.runs.last().map_or(self.first, |run| run.numbers.end)
    }

    pub(super) fn records(&self) -> u64 {
        self.runs.iter().map(|run| run.numbers.end - run.numbers.start).sum()
    }

    /// A record lies at `offset`, behind all that were added before.
    pub(super) fn add(&mut self, number: u64, offset: u64, size: u64) {
        let mark = Mark { number, offset };
        self.end = offset + size;
        match self.runs.last_mut() {
            Some(run) if run.numbers.end == number && run.bytes.end == offset => {
                run.numbers.end = number + 1;
                run.bytes.end = self.end;
                if run.marks.last().is_none_or(|last| offset - last.offset >= MARK_BYTES) {
                    run.marks.push(mark);
                }
            }
            _ => self.runs.push(Run {
                numbers: number..number + 1,
                bytes: offset..self.end,
                marks: vec![mark],
            }),
        }
    }

    /// Adds records from `from` on until about so many bytes are together; opens the file anew, so
    /// that a journal of any length needs few descriptors.
    pub(super) fn read(
        &self,
        from: u64,
        about_bytes: usize,
        records: &mut Vec<(u64, Vec<u8>)>,
    ) -> io::Result<usize> {
        let mut taken = 0;
        let mut runs = self.runs.iter().filter(|run| run.numbers.end > from).peekable();
        if runs.peek().is_none() {
            return Ok(taken);
        }
        let file = File::open(&self.path)?;
        for run in runs {
            let mut at = run.start(from);
            let mut wanted = 0;
            while at < run.bytes.end && (taken < about_bytes || records.is_empty()) {
                let budget = about_bytes.saturating_sub(taken).saturating_add(MARK_BYTES as usize);
                let chunk = run.chunk(&file, at, wanted.max(budget.min(CHUNK_BYTES)))?;
                let mut used = 0;
                while taken < about_bytes || records.is_empty() {
                    let rest = &chunk[used..];
                    if rest.len() < self.format.head_bytes() {
                        break;
                    }
                    let head = self.format.head(rest).ok_or_else(|| self.rotten(at, used))?;
                    if head.size_bytes > rest.len() {
                        // Once more, with room for it.
                        wanted = head.size_bytes;
                        break;
                    }
                    let payload = self.format.payload(head, rest);
                    let payload = payload.ok_or_else(|| self.rotten(at, used))?;
                    used += head.size_bytes;
                    if head.number >= from {
                        taken += payload.len().max(1);
                        records.push((head.number, payload.to_vec()));
                    }
                }
                if used == 0 && (wanted <= chunk.len() || wanted as u64 > run.bytes.end - at) {
                    return Err(self.rotten(at, 0));
                }
                at += used as u64;
            }
        }
        Ok(taken)
    }

    fn rotten(&self, at: u64, used: usize) -> io::Error {
        let at = at + used as u64;
        let text = format!(
            "{}: the record at byte {at} was whole when the journal was opened, and is not now",
            self.path.display()
        );
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl Run {
    /// Where the record begins, or one a little before it.
    fn start(&self, number: u64) -> u64 {
        let behind = self.marks.partition_point(|mark| mark.number <= number);
        self.marks[behind.saturating_sub(1)].offset
    }

    fn chunk(&self, file: &File, at: u64, size: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.bytes.end - at).unwrap_or(usize::MAX);
        let mut chunk = vec![0; size.min(left)];
        file.read_exact_at(&mut chunk, at)?;
        Ok(chunk)
    }
}
