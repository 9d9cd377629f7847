//! Between the store's types and the snapshot format's.
//!
//! The format's structs are frozen, the store's are free to change: this is
//! where one becomes the other. Nothing that was read is trusted. A checksum
//! proves that a file is what somebody wrote, not that it makes sense, and the
//! store indexes its columns without looking; so every length is checked here.

mod from_format;
mod to_format;

use crate::model::Timestamp;
use crate::store::Cut;

use super::head::Generation;

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub identity: String,
    pub generation: Generation,
    pub created_at: Timestamp,
    /// The version of the program that wrote it.
    pub writer_version: String,
    /// Written as the last act of an orderly stop.
    pub clean_shutdown: bool,
    /// Served time series.
    pub series: u64,
}

/// A snapshot as the rest of the program knows it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub meta: Meta,
    pub cut: Cut,
}

/// Why a snapshot cannot be written, or why one that was read cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error(transparent)]
    Format(#[from] migrations::Error),
    #[error("source {key}: {what}")]
    Source { key: String, what: String },
    #[error("family {name}: {what}")]
    Family { name: String, what: String },
    #[error("{what}")]
    Content { what: String },
}

/// A file's bytes.
pub fn encode(meta: &Meta, cut: &Cut) -> Result<Vec<u8>, CodecError> {
    Ok(migrations::encode(&to_format::snapshot(meta, cut)?)?)
}

/// Reads a file of any version.
pub fn decode(file: &[u8]) -> Result<Snapshot, CodecError> {
    from_format::snapshot(migrations::decode(file)?)
}

#[cfg(test)]
mod tests;
