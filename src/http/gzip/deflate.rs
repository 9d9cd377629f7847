//! Deflate (RFC 1951) for lines that resemble the lines before them.
//!
//! A general library prepares tables of hundreds of kilobytes for every stream, which takes longer
//! than to compress some lines of a page. Here a block needs a table of 16 KB that remembers where
//! the last text with the same hash began, and is written in one pass, in a code that all blocks
//! share. What is written of a text stands for itself: it refers to nothing before it, so it can be
//! kept and put together with others in any order. It is no block of the format: a stream is a single
//! one, as each would begin with a description of the code.

use super::bits::Bits;
use super::codes::{Codes, LONGEST_MATCH, SHORTEST_LENGTH};

/// Bytes that must be the same to be looked up.
const SHORTEST_MATCH: usize = 4;
const FARTHEST_MATCH: usize = 32 << 10;
const TABLE_BITS: u32 = 12;

pub(super) struct Deflater {
    pub(super) codes: Codes,
    /// By hash: one more than where it was seen last, 0 for nowhere.
    seen: Vec<u32>,
}

impl Deflater {
    pub(super) fn new() -> Self {
        Self { codes: Codes::new(), seen: vec![0; 1 << TABLE_BITS] }
    }

    /// Appends the text.
    pub(super) fn write(&mut self, text: &[u8], bits: &mut Bits) {
        let Self { codes, seen } = self;
        seen.fill(0);
        let mut at = 0;
        while let Some(here) = four(text, at) {
            let place = &mut seen[hash(here)];
            let before = (*place as usize).checked_sub(1);
            *place = at as u32 + 1;
            let found = before.filter(|before| {
                at - before <= FARTHEST_MATCH && four(text, *before) == Some(here)
            });
            let Some(before) = found else {
                bits.put(codes.bytes[usize::from(text[at])]);
                at += 1;
                continue;
            };
            let distance = codes.distance(at - before);
            let end =
                at + SHORTEST_MATCH + common(text, before + SHORTEST_MATCH, at + SHORTEST_MATCH);
            while at < end {
                let length = piece(end - at);
                bits.put(codes.lengths[length]);
                bits.put(distance);
                at += length;
            }
            // What differs from the line before begins here, and what follows it may be as it was.
            if let Some(tail) = four(text, at - 2) {
                seen[hash(tail)] = at as u32 - 1;
            }
        }
        for byte in &text[at..] {
            bits.put(codes.bytes[usize::from(*byte)]);
        }
    }
}

fn four(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}

fn eight(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..at + 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TABLE_BITS)) as usize
}

/// How many bytes are the same from these two places on; `b` is the later one.
fn common(text: &[u8], a: usize, b: usize) -> usize {
    let mut length = 0;
    while let (Some(in_a), Some(in_b)) = (eight(text, a + length), eight(text, b + length)) {
        if in_a != in_b {
            return length + (in_a ^ in_b).trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = text[b + length..].iter().zip(&text[a + length..]);
    length + rest.take_while(|(in_b, in_a)| in_b == in_a).count()
}

/// So much of a match can be written at once, and leaves nothing too short to be written.
fn piece(length: usize) -> usize {
    match length.checked_sub(LONGEST_MATCH) {
        Some(rest) if rest > 0 && rest < SHORTEST_LENGTH => LONGEST_MATCH - SHORTEST_LENGTH,
        _ => length.min(LONGEST_MATCH),
    }
}
