//! The snapshot format: every version it ever had, and the step from each to
//! the next.
//!
//! [`decode`] reads any version and returns the [`Latest`]; [`encode`] writes
//! the latest only. The structs of a version are frozen once released, so the
//! program's own types stay free to change. README.md of this crate says when
//! a new version is due and how to add one.

pub mod envelope;
mod text;
pub mod v1;
pub mod v2;
pub mod v3;

pub use text::Text;

/// The version that [`encode`] writes.
pub const LATEST_VERSION: u32 = 3;

/// The structs of [`LATEST_VERSION`].
pub type Latest = v3::Snapshot;

/// Structs within lists within structs: a snapshot needs some ten. Every level takes its share of the
/// stack, also within a member that nobody knows and that is only passed over.
const MAX_DEPTH: usize = 64;

/// Why a file is no snapshot that this program can read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not a snapshot: the file does not begin with `PSGSNAP`")]
    NotASnapshot,
    #[error("truncated: {have} bytes, expected {expected}")]
    Truncated { have: u64, expected: u64 },
    #[error("{have} bytes, expected {expected}: something was appended")]
    TrailingBytes { have: u64, expected: u64 },
    #[error("checksum mismatch: stored {stored:016x}, computed {computed:016x}: damaged")]
    ChecksumMismatch { stored: u64, computed: u64 },
    #[error(
        "format version {found}, newest known is {newest}: written by a newer version; \
         upgrade the gateway"
    )]
    FutureVersion { found: u32, newest: u32 },
    #[error("format version {found} was never released")]
    UnknownVersion { found: u32 },
    #[error("codec {found} is unknown, expected 1 (zstd)")]
    UnknownCodec { found: u8 },
    #[error("the payload does not decompress")]
    Decompress(#[source] std::io::Error),
    #[error("the payload decompresses to {have} bytes or more, declared are {declared}")]
    ContentLength { have: u64, declared: u64 },
    #[error("the content is not the MessagePack of a version {version} snapshot")]
    MessagePack {
        version: u32,
        #[source]
        source: rmp_serde::decode::Error,
    },
    #[error("the snapshot does not compress")]
    Compress(#[source] std::io::Error),
    #[error("the snapshot does not encode as MessagePack")]
    Encode(#[source] rmp_serde::encode::Error),
}

/// Reads a snapshot of any version.
pub fn decode(file: &[u8]) -> Result<Latest, Error> {
    let opened = envelope::open(file, LATEST_VERSION)?;
    let content = opened.content.as_slice();
    match opened.format_version {
        1 => from_messagepack::<v1::Snapshot>(1, content)
            .map(v2::Snapshot::from)
            .map(v3::Snapshot::from),
        2 => from_messagepack::<v2::Snapshot>(2, content).map(v3::Snapshot::from),
        3 => from_messagepack::<v3::Snapshot>(3, content),
        found => Err(Error::UnknownVersion { found }),
    }
}

/// Writes a snapshot of the latest version.
pub fn encode(snapshot: &Latest) -> Result<Vec<u8>, Error> {
    envelope::seal_written(LATEST_VERSION, |out| {
        rmp_serde::encode::write_named(&mut { out }, snapshot).map_err(Error::Encode)
    })
}

/// The content of a file, before compression. Structs become maps, so that
/// any MessagePack tool can read a snapshot.
pub fn to_messagepack(snapshot: &Latest) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec_named(snapshot).map_err(Error::Encode)
}

fn from_messagepack<T: serde::de::DeserializeOwned>(
    version: u32,
    content: &[u8],
) -> Result<T, Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(content);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer).map_err(|source| Error::MessagePack { version, source })
}
