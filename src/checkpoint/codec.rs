//! Between the store's types and the snapshot format's.
//!
//! The format's structs are frozen, the store's are free to change: this is
//! where one becomes the other. Nothing that was read is trusted. A checksum
//! proves that a file is what somebody wrote, not that it makes sense, and the
//! store indexes its columns without looking; so every length is checked here.
//!
//! A file is whole, or says what changed [`Since`] another one, its parent. A snapshot is put
//! together from the files of a chain: one that is whole and those that build upon it.

mod from_format;
mod since;
mod to_format;

pub use since::Since;

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
    /// The files that it builds upon, the nearest first; none when its own is whole.
    pub parents: Vec<Generation>,
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
    #[error("it holds what changed since {parent} only, and cannot be read without that one")]
    NeedsParent { parent: Generation },
}

/// One file's content, which may need that of others.
#[derive(Debug)]
pub struct Part(migrations::Latest);

/// The file that a [`Part`] says the changes since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub generation: Generation,
    /// Hexadecimal, of the whole file.
    pub sha256: String,
}

impl Part {
    /// Reads a file of any version.
    pub fn read(file: &[u8]) -> Result<Self, CodecError> {
        Ok(Self(migrations::decode(file)?))
    }

    pub fn meta(&self) -> Meta {
        from_format::meta(&self.0)
    }

    /// `None`: it is whole.
    pub fn parent(&self) -> Option<Parent> {
        let parent = self.0.parent.as_ref()?;
        let generation = Generation { epoch: self.0.epoch, sequence: parent.sequence };
        Some(Parent { generation, sha256: parent.sha256.clone() })
    }

    /// Puts the snapshot together; `parents`: all that it builds upon, the nearest first. That each
    /// is the parent of the one before is for the caller to see to.
    pub fn with_parents(self, parents: Vec<Self>) -> Result<Snapshot, CodecError> {
        if let Some(parent) = parents.last().unwrap_or(&self).parent() {
            return Err(CodecError::NeedsParent { parent: parent.generation });
        }
        from_format::snapshot(self.0, parents.into_iter().map(|part| part.0).collect())
    }
}

/// The bytes of a file that is whole.
pub fn encode(meta: &Meta, cut: &Cut) -> Result<Vec<u8>, CodecError> {
    Ok(migrations::encode(&to_format::snapshot(meta, cut, None)?)?)
}

/// The bytes of a file that says what changed since another one. Every cut after that one's, and
/// this one, must have been [noted](Since::note).
pub fn encode_changes(meta: &Meta, cut: &Cut, since: &Since) -> Result<Vec<u8>, CodecError> {
    Ok(migrations::encode(&to_format::snapshot(meta, cut, Some(since))?)?)
}

/// Reads a file that is whole, of any version.
pub fn decode(file: &[u8]) -> Result<Snapshot, CodecError> {
    Part::read(file)?.with_parents(Vec::new())
}

#[cfg(test)]
mod tests;
