//! `Content-Encoding`: gzip, snappy (framed) and zstd, read piece by piece.
//!
//! What comes out goes into a bounded buffer, so a small body that unpacks to a huge one stops at
//! the limit, having taken no more memory than any other body of that size.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::buffer::Buffer;
use super::failure::Failure;
use crate::model::Reason;

/// How much is unpacked at a time.
const PIECE_BYTES: usize = 64 << 10;

/// HTTP's limit of a zstd window: 2^23 bytes. A frame may ask for more memory than that.
const ZSTD_WINDOW_LOG: u32 = 23;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Snappy,
    Zstd,
}

impl Encoding {
    /// What an answer 415 offers instead.
    pub(super) const ACCEPTED: &str = "gzip, snappy, zstd, identity";

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "snappy" | "x-snappy-framed" => Self::Snappy,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }
}

/// Unpacks a body; takes as long as that takes, so not for an async thread.
pub(super) fn decompress(
    encoding: Encoding,
    compressed: &Buffer,
    into: Buffer,
) -> Result<Buffer, Failure> {
    let broken = |error: io::Error| {
        Failure::bad(
            Reason::InvalidExposition,
            format!("the body is not what Content-Encoding {} says: {error}", encoding.name()),
        )
    };
    let compressed = compressed.as_slice();
    match encoding {
        Encoding::Identity => copy(compressed, into, broken),
        Encoding::Gzip => copy(MultiGzDecoder::new(compressed), into, broken),
        Encoding::Snappy => copy(snap::read::FrameDecoder::new(compressed), into, broken),
        Encoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(compressed).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            copy(decoder, into, broken)
        }
    }
}

fn copy(
    mut from: impl Read,
    mut into: Buffer,
    broken: impl Fn(io::Error) -> Failure,
) -> Result<Buffer, Failure> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(into),
            Ok(length) => into.extend(&piece[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::StatusCode;
    use prometheus::IntGauge;

    use super::super::buffer::Budget;
    use super::*;

    const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Snappy, Encoding::Zstd];

    fn compress(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(plain).expect("memory");
                encoder.finish().expect("memory")
            }
            Encoding::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(plain).expect("memory");
                encoder.into_inner().expect("memory")
            }
            Encoding::Zstd => zstd::encode_all(plain, 3).expect("memory"),
        }
    }

    fn unpack(encoding: Encoding, compressed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
        let taken = IntGauge::new("taken", "Bytes.").expect("a name");
        let budget = Budget::new(1 << 30, taken);
        let mut buffer = budget.buffer(1 << 30);
        buffer.extend(compressed).expect("room");
        let unpacked = decompress(encoding, &buffer, budget.buffer(limit))?;
        Ok(unpacked.into_parts().0)
    }

    #[test]
    fn each_encoding_reads_back_and_in_pieces_joined() {
        let plain: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        for encoding in ALL {
            let (head, tail) = plain.split_at(300_001);
            let joined = [compress(encoding, head), compress(encoding, tail)].concat();
            for compressed in [compress(encoding, &plain), joined] {
                let unpacked = unpack(encoding, &compressed, plain.len());
                assert!(unpacked.as_ref() == Ok(&plain), "{encoding:?}");
            }
            assert_eq!(unpack(encoding, &compress(encoding, b""), 0), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 32 << 20];
        for encoding in ALL {
            let bomb = compress(encoding, &zeros);
            assert!(bomb.len() < 2 << 20, "{encoding:?}: {} bytes", bomb.len());
            let refused = unpack(encoding, &bomb, 1 << 20).expect_err("32 MiB");
            assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{encoding:?}");
            assert_eq!(refused.reason, Some(Reason::TooLarge));
        }
    }

    #[test]
    fn a_zstd_window_larger_than_http_allows_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
        encoder.window_log(27).expect("a known size");
        encoder.write_all(b"jobs_total 1\n").expect("memory");
        encoder.flush().expect("memory");
        let frame = encoder.finish().expect("memory");
        let refused = unpack(Encoding::Zstd, &frame, 1 << 20).expect_err("128 MiB of window");
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn what_is_not_compressed_or_cut_short_is_said_to_be_so() {
        for encoding in ALL {
            let mut cut = compress(encoding, &[7; 10_000]);
            cut.pop();
            for bytes in [&cut[..], b"jobs_total 1\n"] {
                let refused = unpack(encoding, bytes, 1 << 20).expect_err("broken");
                assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{encoding:?}");
                let named = format!("Content-Encoding {}", encoding.name());
                assert!(refused.detail.contains(&named), "{}", refused.detail);
            }
        }
    }
}
