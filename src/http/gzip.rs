//! A gzip stream put together from blocks that were compressed each for itself.
//!
//! The blocks become one member (RFC 1952), not a member each: not every client reads on after the
//! first one. A member ends with the checksum of its whole text, and that can be combined from the
//! checksums of the blocks without looking at their text again.

use flate2::Crc;

mod codes;
mod deflate;

use deflate::{Deflater, LAST_BLOCK};

/// Deflate; no name, no time, no flags; of an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compressed text that refers to nothing before it.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Box<[u8]>,
    /// Of its text.
    checksum: Crc,
}

impl Block {
    /// The memory that keeping it takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// Writes one stream.
pub(super) struct Gzip {
    /// What is written and not taken yet.
    pub(super) out: Vec<u8>,
    checksum: Crc,
    deflater: Deflater,
    compressed: Vec<u8>,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            out: HEAD.to_vec(),
            checksum: Crc::new(),
            deflater: Deflater::new(),
            compressed: Vec::new(),
        }
    }

    pub(super) fn compress(&mut self, text: &[u8]) -> Block {
        self.compressed.clear();
        self.deflater.block(text, &mut self.compressed);
        let mut checksum = Crc::new();
        checksum.update(text);
        Block { bytes: self.compressed.as_slice().into(), checksum }
    }

    pub(super) fn append(&mut self, block: &Block) {
        self.out.extend_from_slice(&block.bytes);
        self.checksum.combine(&block.checksum);
    }

    /// What is written and not taken yet.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let next = Vec::with_capacity(self.out.capacity());
        std::mem::replace(&mut self.out, next)
    }

    /// Ends the stream, and gives what is not taken yet.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(&LAST_BLOCK);
        self.out.extend_from_slice(&self.checksum.sum().to_le_bytes());
        // Modulo 2^32, as the format wants it.
        self.out.extend_from_slice(&self.checksum.amount().to_le_bytes());
        self.out
    }
}

#[cfg(test)]
mod tests;
