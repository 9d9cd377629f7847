//! One record as it lies in a segment: a head of twenty bytes, and the payload.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..8   | checksum | XXH3-64 of what follows, seeded with the journal's id |
//! | 8..12  | length   | u32, of the payload |
//! | 12..20 | number   | u64 |
//! | 20..   | payload  | |
//!
//! Integers are little-endian. A record proves itself: its checksum covers its number and its length,
//! so behind a damaged one the next that is whole can be found. The seed keeps blocks of another
//! journal, and payloads that contain something like a record, from being taken for one.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub(super) const HEAD_BYTES: usize = 20;

/// What the checksums of one journal are seeded with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

/// A record that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) number: u64,
    pub(super) payload: &'a [u8],
}

impl Seed {
    pub(super) fn of(journal_id: &str) -> Self {
        Self(xxh3_64(journal_id.as_bytes()))
    }

    /// Adds a record to what is going to be written; the payload is shorter than 2^32.
    pub(super) fn write(self, out: &mut Vec<u8>, number: u64, payload: &[u8]) {
        let start = out.len();
        let length = u32::try_from(payload.len()).expect("append checked the length");
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(payload);
        let checksum = xxh3_64_with_seed(&out[start + 8..], self.0);
        out[start..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The record at the beginning of `bytes`, if it is whole.
    pub(super) fn parse(self, bytes: &[u8]) -> Option<Record<'_>> {
        let bytes = bytes.get(..size(bytes)?)?;
        let (head, payload) = bytes.split_at(HEAD_BYTES);
        let checksum = xxh3_64_with_seed(&bytes[8..], self.0);
        (checksum.to_le_bytes() == head[..8]).then(|| Record { number: number(head), payload })
    }

    /// The first whole record with one of these numbers, at `from` or behind it, and where it begins.
    pub(super) fn find(
        self,
        bytes: &[u8],
        from: usize,
        numbers: Range<u64>,
    ) -> Option<(usize, Record<'_>)> {
        let last = bytes.len().checked_sub(HEAD_BYTES)?;
        // The bytes cannot hold more records than this; so a number tells most of them from a head.
        let most = bytes.len().saturating_sub(from) / HEAD_BYTES;
        let numbers = numbers.start..numbers.end.min(numbers.start.saturating_add(most as u64 + 1));
        (from..=last).find_map(|at| {
            let rest = &bytes[at..];
            let record = numbers.contains(&number(rest)).then(|| self.parse(rest)).flatten()?;
            Some((at, record))
        })
    }
}

/// The size of the record that `bytes` begin with, if its head is there.
pub(super) fn size(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(8..HEAD_BYTES)?;
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    (length as usize).checked_add(HEAD_BYTES)
}

fn number(head: &[u8]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&head[12..HEAD_BYTES]);
    u64::from_le_bytes(number)
}
