//! What a segment file begins with: forty-eight bytes that say whose it is.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..8   | magic        | `PSGJRNL\n` |
//! | 8..12  | version      | u32, 1 |
//! | 12..16 | reserved     | zero |
//! | 16..32 | journal id   | |
//! | 32..40 | first number | u64, as in the file's name |
//! | 40..48 | checksum     | XXH3-64 of bytes 0..40 |

use xxhash_rust::xxh3::xxh3_64;

pub(super) const SIZE_BYTES: usize = 48;

const MAGIC: [u8; 8] = *b"PSGJRNL\n";
const VERSION: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) journal_id: u128,
    pub(super) first: u64,
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
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.journal_id.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn read(file: &[u8]) -> Result<Self, Unreadable> {
        let bytes = file.first_chunk::<SIZE_BYTES>().ok_or(Unreadable::Short)?;
        let (covered, checksum) = bytes.split_at(40);
        if covered[..8] != MAGIC || checksum != xxh3_64(covered).to_le_bytes() {
            return Err(Unreadable::Damaged);
        }
        match u32::from_le_bytes(field(bytes, 8)) {
            VERSION => Ok(Self {
                journal_id: u128::from_be_bytes(field(bytes, 16)),
                first: u64::from_le_bytes(field(bytes, 32)),
            }),
            other => Err(Unreadable::Version(other)),
        }
    }
}

fn field<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}
