//! The frame around every snapshot, of every version: it identifies the file,
//! says how to read it, and proves that it is whole.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..8   | magic               | `PSGSNAP\n` |
//! | 8..12  | format version      | u32, which structs the content holds |
//! | 12     | codec               | u8, 1 = zstd |
//! | 13..16 | reserved            | zero |
//! | 16..24 | uncompressed length | u64 |
//! | 24..32 | payload length      | u64 |
//! | 32..40 | checksum            | XXH3-64 of bytes 0..32 followed by the payload |
//! | 40..   | payload             | the compressed MessagePack |
//!
//! Integers are little-endian. These forty bytes never change: a program can
//! tell a damaged file from one of a newer version only because it can check
//! the checksum of both.

use std::io::{self, BufWriter, Read, Write};

use xxhash_rust::xxh3::Xxh3;
use zstd::stream::write::Encoder as Compressor;

use crate::Error;

/// What every snapshot begins with. The line feed catches transfers that "fix" line ends.
pub const MAGIC: [u8; 8] = *b"PSGSNAP\n";

/// Bytes before the payload.
pub const HEADER_SIZE_BYTES: usize = 40;

const CODEC_ZSTD: u8 = 1;

/// Level 1: on snapshots, higher levels cost several times the time for a few percent.
const ZSTD_LEVEL: i32 = 1;

/// MessagePack comes in pieces of a few bytes.
const BUFFER_SIZE_BYTES: usize = 64 << 10;

/// Never reserve more than this before the data has shown up.
const INITIAL_CAPACITY_LIMIT_BYTES: u64 = 64 << 20;

/// A frame that is whole: its version, and the MessagePack inside.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub format_version: u32,
    pub content: Vec<u8>,
}

/// Compresses and frames `content`.
pub fn seal(format_version: u32, content: &[u8]) -> Result<Vec<u8>, Error> {
    seal_written(format_version, |out| out.write_all(content).map_err(Error::Compress))
}

/// Compresses and frames what `write` writes, while it is written: a large content never stands in
/// memory as a whole.
pub fn seal_written(
    format_version: u32,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let room_for_header = vec![0; HEADER_SIZE_BYTES];
    let compressor = Compressor::new(room_for_header, ZSTD_LEVEL).map_err(Error::Compress)?;
    let mut out = BufWriter::with_capacity(BUFFER_SIZE_BYTES, Counted { compressor, bytes: 0 });
    write(&mut out)?;
    let counted = out.into_inner().map_err(|error| Error::Compress(error.into_error()))?;
    let file = counted.compressor.finish().map_err(Error::Compress)?;
    Ok(framed(format_version, CODEC_ZSTD, counted.bytes, file))
}

/// Counts what is compressed.
struct Counted {
    compressor: Compressor<'static, Vec<u8>>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let taken = self.compressor.write(content)?;
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.compressor.flush()
    }
}

/// Fills in the header, for which there is room in front of the payload.
fn framed(format_version: u32, codec: u8, content_size_bytes: u64, mut file: Vec<u8>) -> Vec<u8> {
    let (header, payload) = file.split_at_mut(HEADER_SIZE_BYTES);
    let [version, codec] = [format_version.to_le_bytes(), [codec, 0, 0, 0]];
    let lengths = [content_size_bytes.to_le_bytes(), (payload.len() as u64).to_le_bytes()];
    let fields = [&MAGIC[..], &version, &codec, &lengths[0], &lengths[1]].concat();
    header[..fields.len()].copy_from_slice(&fields);
    let checksum = checksum(&fields, payload);
    header[fields.len()..].copy_from_slice(&checksum.to_le_bytes());
    file
}

/// Checks a file and takes the content out. Every way to fail is its own error.
pub fn open(file: &[u8], newest_version: u32) -> Result<Opened, Error> {
    let have = file.len() as u64;
    if !MAGIC.starts_with(&file[..file.len().min(MAGIC.len())]) {
        return Err(Error::NotASnapshot);
    }
    if file.len() < HEADER_SIZE_BYTES {
        return Err(Error::Truncated { have, expected: HEADER_SIZE_BYTES as u64 });
    }
    let (header, payload) = file.split_at(HEADER_SIZE_BYTES);
    let format_version = u32::from_le_bytes(field(header, 8));
    let codec = header[12];
    let content_size_bytes = u64::from_le_bytes(field(header, 16));
    let payload_size_bytes = u64::from_le_bytes(field(header, 24));
    let expected = payload_size_bytes.saturating_add(HEADER_SIZE_BYTES as u64);
    if have < expected {
        return Err(Error::Truncated { have, expected });
    }
    if have > expected {
        return Err(Error::TrailingBytes { have, expected });
    }
    let stored = u64::from_le_bytes(field(header, 32));
    let computed = checksum(&header[..32], payload);
    if stored != computed {
        return Err(Error::ChecksumMismatch { stored, computed });
    }
    if format_version > newest_version {
        return Err(Error::FutureVersion { found: format_version, newest: newest_version });
    }
    if codec != CODEC_ZSTD {
        return Err(Error::UnknownCodec { found: codec });
    }
    Ok(Opened { format_version, content: decompress(payload, content_size_bytes)? })
}

/// Reads one byte past the declared length at most, so a crafted payload cannot fill the memory.
fn decompress(payload: &[u8], content_size_bytes: u64) -> Result<Vec<u8>, Error> {
    let capacity = content_size_bytes.min(INITIAL_CAPACITY_LIMIT_BYTES);
    let mut content = Vec::with_capacity(usize::try_from(capacity).unwrap_or(0));
    zstd::stream::Decoder::new(payload)
        .map_err(Error::Decompress)?
        .take(content_size_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(Error::Decompress)?;
    if content.len() as u64 != content_size_bytes {
        let have = content.len() as u64;
        return Err(Error::ContentLength { have, declared: content_size_bytes });
    }
    Ok(content)
}

fn checksum(header: &[u8], payload: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.digest()
}

fn field<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        let content = b"some content ".repeat(1000);
        let file = seal(3, &content).unwrap();
        assert!(file.len() < content.len());
        assert_eq!(open(&file, 3).unwrap(), Opened { format_version: 3, content });
    }

    #[test]
    fn every_prefix_is_truncated_and_every_flipped_bit_is_noticed() {
        let file = seal(1, b"some content").unwrap();
        for length in 0..file.len() {
            let error = open(&file[..length], 1).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{length} bytes: {error}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            open(&flipped, 1).expect_err("a flipped bit");
        }
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let good = seal(1, b"some content").unwrap();
        assert!(matches!(open(b"{\"json\":1}", 1), Err(Error::NotASnapshot)));
        let longer = [good.as_slice(), b"x"].concat();
        assert!(matches!(open(&longer, 1), Err(Error::TrailingBytes { .. })));
        let future = seal(2, b"some content").unwrap();
        let error = open(&future, 1).unwrap_err();
        assert!(matches!(error, Error::FutureVersion { found: 2, newest: 1 }));
        let frame = |codec, size, payload: &[u8]| {
            framed(1, codec, size, [&[0; HEADER_SIZE_BYTES], payload].concat())
        };
        let other_codec = frame(9, 12, b"some content");
        assert!(matches!(open(&other_codec, 1), Err(Error::UnknownCodec { found: 9 })));
        let not_zstd = frame(CODEC_ZSTD, 12, b"some content");
        assert!(matches!(open(&not_zstd, 1), Err(Error::Decompress(_))));
    }

    #[test]
    fn decompression_stops_at_the_declared_length() {
        let bomb = zstd::bulk::compress(&vec![0; 10 << 20], 1).unwrap();
        let file = framed(1, CODEC_ZSTD, 100, [&[0; HEADER_SIZE_BYTES], &bomb[..]].concat());
        let error = open(&file, 1).unwrap_err();
        assert!(matches!(error, Error::ContentLength { have: 101, declared: 100 }), "{error}");
    }
}
