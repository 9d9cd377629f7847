//! Mutations of a corpus: what breaks decoders, without knowing which.

use prom_stream_gateway::commands::load::mix::Random;

/// Longer inputs find nothing that shorter ones don't, and take their time.
const LONGEST_BYTES: usize = 16 << 10;

/// Pieces on which decoders have stumbled: extremes, halves of things, nestings.
const TOKENS: [&[u8]; 34] = [
    b"0",
    b"-0",
    b"-1",
    b"1e308",
    b"1e-400",
    b"1e400",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"0.1000000000000000055511151231257827",
    b"NaN",
    b"+Inf",
    b"null",
    b"true",
    b"\"\"",
    b"\"\\ud800\"",
    b"\"\\u0000\"",
    b"\"\\\\\\\"\\n\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x80\xa8",
    b"le",
    b"quantile",
];

/// One to four mutations of one of the corpus' files.
pub(crate) fn of(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pick(corpus, random).clone();
    for _ in 0..=random.below(4) {
        mutate(&mut input, corpus, random);
    }
    input.truncate(LONGEST_BYTES);
    input
}

fn pick<'a, T>(from: &'a [T], random: &mut Random) -> &'a T {
    &from[random.below(from.len() as u64) as usize]
}

fn below(bound: usize, random: &mut Random) -> usize {
    random.below(bound as u64) as usize
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = below(input.len() + 1, random);
    let inside = at.min(input.len().saturating_sub(1));
    match random.below(11) {
        0 | 1 if !input.is_empty() => input[inside] ^= 1 << random.below(8),
        2 if !input.is_empty() => input[inside] = random.below(256) as u8,
        3 => input.truncate(at),
        4 => {
            input.drain(..at);
        }
        5 => splice(input, at, pick::<&[u8]>(&TOKENS, random)),
        6 => {
            let other = pick(corpus, random);
            input.truncate(at);
            input.extend_from_slice(&other[below(other.len() + 1, random)..]);
        }
        7 => {
            let end = (at + below(64, random)).min(input.len());
            let piece = input[at..end].to_vec();
            splice(input, below(input.len() + 1, random), &piece);
        }
        8 => tamper_with_a_length(input, at, random),
        9 => nest(input, at, random),
        _ => {
            input.drain(at..(at + below(16, random)).min(input.len()));
        }
    }
}

fn splice(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}

/// Writes an extreme over what may be a length: as an integer of any width and either byte order.
fn tamper_with_a_length(input: &mut [u8], at: usize, random: &mut Random) {
    let extremes =
        [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX >> 1, u64::MAX];
    let extreme = *pick(&extremes, random);
    let width = [1, 2, 4, 8][below(4, random)];
    let mut bytes = extreme.to_le_bytes()[..width].to_vec();
    if random.below(2) == 0 {
        bytes.reverse();
    }
    for (byte, new) in input.iter_mut().skip(at).zip(bytes) {
        *byte = new;
    }
}

/// Opens something many times, and closes it perhaps.
fn nest(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    // JSON arrays and objects; MessagePack's arrays and maps of one.
    let nestings: [(&[u8], &[u8]); 4] =
        [(b"[", b"]"), (b"{\"a\":", b"}"), (b"\x91", b""), (b"\x81\xa1a", b"")];
    let (open, close) = *pick(&nestings, random);
    let depth = [8, 130, 3_000][below(3, random)];
    let closing = random.below(2) as usize * depth;
    splice(input, at, &[open.repeat(depth), close.repeat(closing)].concat());
}
