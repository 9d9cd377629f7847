//! What a segment file begins with: fifty-six bytes that say whose it is, and how to read it.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..8   | magic        | `PSGJRNL\n` |
//! | 8..12  | version      | u32, 2 |
//! | 12..16 | reserved     | zero |
//! | 16..32 | journal id   | |
//! | 32..40 | first number | u64, as in the file's name |
//! | 40..48 | secret       | u64, which the records' checksums are seeded with |
//! | 48..56 | checksum     | XXH3-64 of bytes 0..48 |
//!
//! The secret stands nowhere else but in `journal-id`, and is never shown: whoever knew it could
//! push a body that holds a record. Version 1 had none, and seeded with the journal's id; its
//! checksum stands in bytes 40..48. Such segments are read, and not added to.

use xxhash_rust::xxh3::xxh3_64;

use super::record::Format;

pub(super) const SIZE_BYTES: usize = 56;
pub(super) const VERSION_1_SIZE_BYTES: usize = 48;

const MAGIC: [u8; 8] = *b"PSGJRNL\n";
pub(super) const VERSION: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) journal_id: u128,
    pub(super) first: u64,
    /// `None` in version 1.
    pub(super) secret: Option<u64>,
}

/// Why a file's beginning is no header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Not all of it is there.
    Short,
    Damaged,
    /// Whole, and written by a later version of this program.
    Version(u32),
}

impl Header {
    pub(super) fn new(journal_id: u128, first: u64, secret: u64) -> Self {
        Self { journal_id, first, secret: Some(secret) }
    }

    /// How the records behind it are written.
    pub(super) fn format(self) -> Format {
        self.secret.map_or_else(|| Format::version_1(self.journal_id), Format::version_2)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE_BYTES);
        bytes.extend_from_slice(&MAGIC);
        let version = if self.secret.is_some() { VERSION } else { 1 };
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.journal_id.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        if let Some(secret) = self.secret {
            bytes.extend_from_slice(&secret.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn read(file: &[u8]) -> Result<Self, Unreadable> {
        let bytes = file.get(..VERSION_1_SIZE_BYTES).ok_or(Unreadable::Short)?;
        let version = u32::from_le_bytes(field(bytes, 8));
        let size = if version == 1 { VERSION_1_SIZE_BYTES } else { SIZE_BYTES };
        let bytes = file.get(..size).ok_or(Unreadable::Short)?;
        let (covered, checksum) = bytes.split_at(size - 8);
        if covered[..8] != MAGIC || checksum != xxh3_64(covered).to_le_bytes() {
            return Err(Unreadable::Damaged);
        }
        let header = Self {
            journal_id: u128::from_be_bytes(field(bytes, 16)),
            first: u64::from_le_bytes(field(bytes, 32)),
            secret: None,
        };
        match version {
            1 => Ok(header),
            VERSION => Ok(Self { secret: Some(u64::from_le_bytes(field(bytes, 40))), ..header }),
            other => Err(Unreadable::Version(other)),
        }
    }
}

fn field<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}
