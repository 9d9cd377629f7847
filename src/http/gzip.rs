//! A gzip stream put together from blocks that were compressed each for itself.
//!
//! The blocks become one member (RFC 1952), not a member each: not every client reads on after the
//! first one. Within it they follow bit by bit, so that a small block costs no bytes of its own. A
//! member ends with the checksum of its whole text, and that can be combined from the checksums of
//! the blocks without looking at their text again.

use flate2::Crc;

mod bits;
mod codes;
mod deflate;

use bits::Bits;
use deflate::Deflater;

/// Deflate; no name, no time, no flags; of an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compressed text that refers to nothing before it.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Box<[u8]>,
    /// How many bits of these are used.
    bits: usize,
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
    out: Bits,
    checksum: Crc,
    deflater: Deflater,
    compressed: Bits,
}

impl Gzip {
    pub(super) fn new() -> Self {
        let deflater = Deflater::new();
        let mut out = Bits::default();
        out.bytes.extend_from_slice(&HEAD);
        deflater.codes.head.iter().for_each(|code| out.put(*code));
        Self { out, checksum: Crc::new(), deflater, compressed: Bits::default() }
    }

    pub(super) fn compress(&mut self, text: &[u8]) -> Block {
        self.compressed.bytes.clear();
        self.deflater.write(text, &mut self.compressed);
        let bits = self.compressed.fill_up();
        let mut checksum = Crc::new();
        checksum.update(text);
        Block { bytes: self.compressed.bytes.as_slice().into(), bits, checksum }
    }

    pub(super) fn append(&mut self, block: &Block) {
        self.out.append(&block.bytes, block.bits);
        self.checksum.combine(&block.checksum);
    }

    /// How many bytes are written and not taken yet.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.out.bytes.len()
    }

    /// What is written and not taken yet.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let next = Vec::with_capacity(self.out.bytes.capacity());
        std::mem::replace(&mut self.out.bytes, next)
    }

    /// Ends the stream, and gives what is not taken yet.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.put(self.deflater.codes.end);
        self.out.fill_up();
        let mut out = self.out.bytes;
        out.extend_from_slice(&self.checksum.sum().to_le_bytes());
        // Modulo 2^32, as the format wants it.
        out.extend_from_slice(&self.checksum.amount().to_le_bytes());
        out
    }
}

#[cfg(test)]
mod tests;
