//! The Huffman code that all our streams share.
//!
//! A code made for each page would compress a little better, but what is kept of one page must do
//! for the next. The format's own fixed code needs a third more room, as it spends as much on a
//! digit as on a control character. So this one was made once, by Huffman's algorithm, over pages
//! of counters, gauges, histograms and small families in equal parts. It has a code for every
//! symbol, so it fits any text, only not as well.

/// Lengths of codes in bits: of the bytes, of the block's end, and of the 29 classes of lengths.
#[rustfmt::skip]
const LITERAL_BITS: [u8; 286] = [
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 8, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    7, 12, 6, 11, 12, 12, 12, 12, 12, 12, 12, 11, 8, 8, 7, 8,
    5, 4, 4, 5, 5, 5, 5, 4, 5, 5, 12, 12, 12, 7, 12, 12,
    12, 12, 12, 12, 12, 10, 12, 11, 12, 11, 12, 12, 12, 12, 12, 12,
    11, 12, 12, 12, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 7,
    12, 6, 7, 6, 7, 6, 7, 10, 8, 8, 11, 9, 8, 9, 8, 7,
    8, 9, 7, 6, 6, 7, 9, 10, 12, 10, 11, 8, 12, 8, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 11, 11,
    9,
    11, 5, 6, 7, 6, 7, 8, 8, 7, 8, 6, 7, 7, 8, 10, 4, 4, 5, 11, 11, 6, 11, 11, 11, 11, 11, 11, 11, 11,
];

/// Of the 30 classes of distances.
const DISTANCE_BITS: [u8; 30] = [
    11, 11, 11, 11, 11, 11, 11, 9, 8, 7, 8, 5, 3, 6, 4, 4, 4, 5, 2, 3, 3, 5, 5, 6, 7, 11, 11, 11,
    11, 11,
];

/// The shortest length of each class, and how many bits say which of the class it is.
#[rustfmt::skip]
const LENGTHS: [(u16, u8); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0),
    (11, 1), (13, 1), (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2),
    (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4),
    (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];

pub(super) const SHORTEST_LENGTH: usize = 3;
pub(super) const LONGEST_MATCH: usize = 258;

/// So many bits, the first to be written lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Code {
    pub(super) bits: u32,
    pub(super) count: u32,
}

impl Code {
    /// Followed by `more`.
    fn then(self, more: Self) -> Self {
        Self { bits: self.bits | more.bits << self.count, count: self.count + more.count }
    }
}

/// What is written for each symbol.
pub(super) struct Codes {
    /// That a block follows, and in which code.
    pub(super) head: Vec<Code>,
    pub(super) bytes: [Code; 256],
    pub(super) end: Code,
    /// By length, the bits within the class included.
    pub(super) lengths: [Code; LONGEST_MATCH + 1],
    distances: [Code; 30],
}

impl Codes {
    pub(super) fn new() -> Self {
        let literals = huffman(&LITERAL_BITS);
        let mut lengths = [Code::default(); LONGEST_MATCH + 1];
        for ((base, extra), code) in LENGTHS.into_iter().zip(&literals[257..]) {
            for (within, length) in (0..1_u32 << extra).zip(&mut lengths[base.into()..]) {
                *length = code.then(Code { bits: within, count: extra.into() });
            }
        }
        let distances = huffman(&DISTANCE_BITS);
        Self {
            head: head(),
            bytes: std::array::from_fn(|byte| literals[byte]),
            end: literals[256],
            lengths,
            distances: std::array::from_fn(|class| distances[class]),
        }
    }

    /// Of a distance from 1 to 32,768: two classes to a power of two.
    pub(super) fn distance(&self, distance: usize) -> Code {
        let before = distance as u32 - 1;
        if before < 4 {
            return self.distances[before as usize];
        }
        let power = before.ilog2();
        let extra = power - 1;
        let class = 2 * power + (before >> extra & 1);
        let within = Code { bits: before & ((1 << extra) - 1), count: extra };
        self.distances[class as usize].then(within)
    }
}

/// Canonical codes of these lengths.
fn huffman(lengths: &[u8]) -> Vec<Code> {
    let mut codes = vec![Code::default(); lengths.len()];
    let mut next = 0_u32;
    for count in 1..=15 {
        next <<= 1;
        let same =
            lengths.iter().zip(&mut codes).filter(|(length, _)| u32::from(**length) == count);
        for (_, code) in same {
            *code = Code { bits: next.reverse_bits() >> (32 - count), count };
            next += 1;
        }
    }
    codes
}

/// Lengths of the codes for the numbers that describe the code: lengths, and 16 for a run of one.
const DESCRIPTION_BITS: [u8; 19] = [0, 0, 6, 6, 5, 4, 4, 3, 3, 5, 5, 3, 3, 0, 0, 0, 2, 0, 0];

/// The order in which these are written.
const DESCRIPTION_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A stream's first bits: that this block is the last one, and the code it is written in.
fn head() -> Vec<Code> {
    const CODE_OF_ITS_OWN: u32 = 2;
    let number = |bits: u32, count| Code { bits, count };
    let mut head = vec![
        number(1, 1),
        number(CODE_OF_ITS_OWN, 2),
        number(LITERAL_BITS.len() as u32 - 257, 5),
        number(DISTANCE_BITS.len() as u32 - 1, 5),
        number(DESCRIPTION_ORDER.len() as u32 - 4, 4),
    ];
    head.extend(DESCRIPTION_ORDER.map(|symbol| number(DESCRIPTION_BITS[symbol].into(), 3)));
    let description = huffman(&DESCRIPTION_BITS);
    let lengths = [&LITERAL_BITS[..], &DISTANCE_BITS].concat();
    for run in lengths.chunk_by(|a, b| a == b) {
        head.push(description[run[0] as usize]);
        for repeated in run[1..].chunks(6) {
            match repeated.len() {
                // A run has three at least.
                1 | 2 => head.extend(repeated.iter().map(|length| description[*length as usize])),
                count => head.push(description[16].then(number(count as u32 - 3, 2))),
            }
        }
    }
    head
}
