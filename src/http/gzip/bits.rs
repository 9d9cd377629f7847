//! Bits in a row, the lowest of a byte first, as deflate writes them.

use super::codes::Code;

/// What is written, and up to 31 bits that are no whole bytes yet.
#[derive(Default)]
pub(super) struct Bits {
    pub(super) bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    #[inline]
    pub(super) fn put(&mut self, code: Code) {
        self.waiting |= u64::from(code.bits) << self.count;
        self.count += code.count;
        if self.count >= 32 {
            self.bytes.extend_from_slice(&(self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.count -= 32;
        }
    }

    /// Appends the first `count` bits of these bytes.
    pub(super) fn append(&mut self, bytes: &[u8], count: usize) {
        let (whole, rest) = bytes.split_at(count / 64 * 8);
        self.bytes.reserve(bytes.len() + 8);
        for word in whole.as_chunks().0 {
            let word = u64::from_le_bytes(*word);
            self.bytes.extend_from_slice(&(self.waiting | word << self.count).to_le_bytes());
            // In two steps, as no number can be shifted by all its bits.
            self.waiting = word >> 1 >> (63 - self.count);
        }
        for (byte, left) in rest.iter().zip((1..=count % 64).rev().step_by(8)) {
            self.put(Code { bits: (*byte).into(), count: left.min(8) as u32 });
        }
    }

    /// Fills the last byte up with zeros; returns how many bits there were.
    pub(super) fn fill_up(&mut self) -> usize {
        let count = self.bytes.len() * 8 + self.count as usize;
        let bytes = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.waiting.to_le_bytes()[..bytes]);
        (self.waiting, self.count) = (0, 0);
        count
    }
}
