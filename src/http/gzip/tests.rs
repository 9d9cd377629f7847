use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

fn unpacked(stream: &[u8]) -> Vec<u8> {
    let mut decoder = GzDecoder::new(stream);
    let mut text = Vec::new();
    decoder.read_to_end(&mut text).expect("a gzip stream whose checksum and length are right");
    assert!(decoder.into_inner().is_empty(), "one member");
    text
}

fn packed(texts: &[Vec<u8>]) -> Vec<u8> {
    let mut gzip = Gzip::new();
    for text in texts {
        let block = gzip.compress(text);
        gzip.append(&block);
    }
    gzip.finish()
}

/// Pieces that repeat at all distances and lengths, and bytes of all kinds between them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let fresh = prop::collection::vec(any::<u8>(), 0..40);
    let word =
        prop::sample::select(vec!["requests_total{", "path=\"/\",", "} 17\n", "le=\"+Inf\""]);
    let again = (1..40_000_usize, 1..700_usize);
    let piece = prop_oneof![
        2 => fresh.prop_map(Piece::Fresh),
        2 => word.prop_map(|word| Piece::Fresh(word.into())),
        3 => again.prop_map(|(distance, length)| Piece::Again { distance, length }),
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| {
        let mut text = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Fresh(bytes) => text.extend(bytes),
                Piece::Again { distance, length } => {
                    let distance = distance.min(text.len());
                    for _ in 0..if distance == 0 { 0 } else { length } {
                        text.push(text[text.len() - distance]);
                    }
                }
            }
        }
        text
    })
}

#[derive(Clone, Debug)]
enum Piece {
    Fresh(Vec<u8>),
    Again { distance: usize, length: usize },
}

proptest! {
    #[test]
    fn any_texts_come_back_as_they_were(texts in prop::collection::vec(text(), 0..6)) {
        prop_assert_eq!(unpacked(&packed(&texts)), texts.concat());
    }
}

#[test]
fn every_length_and_distance_can_be_written() {
    for length in 0..1_100 {
        let text = [b"<".to_vec(), vec![b'a'; length], b">".to_vec()].concat();
        assert_eq!(unpacked(&packed(std::slice::from_ref(&text))), text, "{length}");
    }
    for distance in (1..600).chain((9..=15).flat_map(|power| (1 << power) - 3..(1 << power) + 4)) {
        let mut text = b"begin".to_vec();
        // Of two bytes, none of which the word has, in an order that hardly repeats.
        text.extend(
            (0..distance as u32).map(|n| if n.wrapping_mul(n) >> 5 & 1 == 0 { b'0' } else { b'1' }),
        );
        text.extend(b"begin");
        assert_eq!(unpacked(&packed(std::slice::from_ref(&text))), text, "{distance}");
    }
}

#[test]
fn nothing_is_a_stream_too() {
    assert_eq!(unpacked(&packed(&[])), b"");
    assert_eq!(unpacked(&packed(&[vec![], vec![]])), b"");
}

#[test]
fn lines_of_a_page_shrink() {
    let line = |n: usize| {
        format!("requests_total{{path=\"/api/v1/items/{n:08}\",zone=\"eu\"}} {}\n", n * n)
    };
    let texts: Vec<Vec<u8>> = (0..10)
        .map(|block| (0..64).map(|row| line(block * 64 + row)).collect::<String>().into())
        .collect();
    let before: usize = texts.iter().map(Vec::len).sum();
    let after = packed(&texts).len();
    assert!(after * 5 < before, "{before} bytes became {after}");
}

/// Kept blocks can be put together in any order, as often as one likes.
#[test]
fn blocks_stand_for_themselves() {
    let mut gzip = Gzip::new();
    let blocks = ["a 1\na 2\n", "a 1\n", "b 1\nb 1\n"].map(|text| gzip.compress(text.as_bytes()));
    for block in [2, 1, 0, 1, 2] {
        gzip.append(&blocks[block]);
    }
    assert_eq!(unpacked(&gzip.finish()), b"b 1\nb 1\na 1\na 1\na 2\na 1\nb 1\nb 1\n");
}
