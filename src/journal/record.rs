//! One record as it lies in a segment: a head of twenty-eight bytes, and the payload.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..8   | checksum of the head    | XXH3-64 of bytes 8..28, seeded |
//! | 8..16  | checksum of the payload | XXH3-64, seeded |
//! | 16..20 | length                  | u32, of the payload |
//! | 20..28 | number                  | u64 |
//! | 28..   | payload                 | |
//!
//! Integers are little-endian. The seed is the secret of the segment's header. So no payload can
//! hold a head: who writes payloads does not know the secret. A head proves itself and says where
//! the next one is, whatever became of its payload; and where a head is damaged, the next true one
//! is found by looking at each byte once.
//!
//! Version 1 had a head of twenty bytes, with one checksum over all that follows it, seeded with the
//! journal's id, which everybody may know. There a head is believed when its number is the next
//! one, and behind one that is not nothing is looked for: it might be somebody's payload.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How the records of a segment are written.
#[derive(Clone, Copy)]
pub(super) struct Format {
    is_version_1: bool,
    seed: u64,
}

/// What a record's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) number: u64,
    /// Of the record, with its head.
    pub(super) size_bytes: usize,
}

impl Format {
    pub(super) fn version_1(journal_id: u128) -> Self {
        let seed = xxh3_64(format!("{journal_id:032x}").as_bytes());
        Self { is_version_1: true, seed }
    }

    pub(super) fn version_2(secret: u64) -> Self {
        Self { is_version_1: false, seed: secret }
    }

    /// Of a version that is read, and not written any more.
    pub(super) fn is_old(self) -> bool {
        self.is_version_1
    }

    /// Of the version that is written.
    pub(super) const HEAD_BYTES: usize = 28;

    pub(super) fn head_bytes(self) -> usize {
        if self.is_version_1 { 20 } else { Self::HEAD_BYTES }
    }

    fn checksum(self, bytes: &[u8]) -> [u8; 8] {
        xxh3_64_with_seed(bytes, self.seed).to_le_bytes()
    }

    /// Adds a record to what is going to be written; the payload is shorter than 2^32. Version 2.
    pub(super) fn write(self, out: &mut Vec<u8>, number: u64, payload: &[u8]) {
        let start = out.len();
        let length = u32::try_from(payload.len()).expect("append checked the length");
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.checksum(payload));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        let checksum = self.checksum(&out[start + 8..]);
        out[start..start + 8].copy_from_slice(&checksum);
        out.extend_from_slice(payload);
    }

    /// The head that `bytes` begin with: in version 2 a true one, in version 1 whatever stands there.
    pub(super) fn head(self, bytes: &[u8]) -> Option<Head> {
        let head = bytes.get(..self.head_bytes())?;
        let (checksum, said) = head.split_at(8);
        if !self.is_version_1 && self.checksum(said) != *checksum {
            return None;
        }
        let (before, number) = head.split_at(head.len() - 8);
        let (_, length) = before.split_at(before.len() - 4);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        Some(Head {
            number: u64::from_le_bytes(number.try_into().ok()?),
            size_bytes: length.checked_add(head.len())?,
        })
    }

    /// The payload of the record that `bytes` begin with, if it is whole.
    pub(super) fn payload(self, head: Head, bytes: &[u8]) -> Option<&[u8]> {
        let record = bytes.get(..head.size_bytes)?;
        let payload = &record[self.head_bytes()..];
        let (checksum, covered) = match self.is_version_1 {
            true => (&record[..8], &record[8..]),
            false => (&record[8..16], payload),
        };
        (self.checksum(covered) == *checksum).then_some(payload)
    }

    /// The first head at `from` or behind it that has one of these numbers. In version 1 only the
    /// one at `from`, and only the first of the numbers, will do.
    pub(super) fn find(
        self,
        bytes: &[u8],
        from: usize,
        numbers: Range<u64>,
    ) -> Option<(usize, Head)> {
        if self.is_version_1 {
            let head = self.head(bytes.get(from..)?)?;
            return (head.number == numbers.start).then_some((from, head));
        }
        let last = bytes.len().checked_sub(self.head_bytes())?;
        (from..=last).find_map(|at| {
            let head = self.head(&bytes[at..])?;
            numbers.contains(&head.number).then_some((at, head))
        })
    }
}

impl std::fmt::Debug for Format {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_version_1 { "version 1" } else { "version 2" })
    }
}
