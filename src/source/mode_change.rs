//! Changing `Stream.Mode` between two starts, without losing or repeating an entry.
//!
//! From reader to group the position carries over: everything up to the last id
//! is applied, nothing is pending. The group, which only showed the lag, stands
//! elsewhere, so it is made anew at the position; should the process die before
//! its first checkpoint, the next one does the same again. From group to reader
//! the position carries over when every pending entry is applied, which only
//! Redis knows: the reader's first contact settles it.

use crate::model::{GroupPosition, Position, SourceKey, SourceKind};
use crate::store::Store;

/// Moves what the store knows of a stream from reader to group mode; false when there was nothing.
pub fn reader_to_group(store: &Store, key: &str) -> bool {
    let reader = SourceKey { kind: SourceKind::Reader, key: key.to_owned() };
    let Some(Position::Reader(position)) = store.position(&reader) else { return false };
    let group = SourceKey { kind: SourceKind::Group, key: key.to_owned() };
    tracing::info!(source = %group, position = %position.last, "Stream.Mode changed from reader to group");
    store.rename_source(&reader, group, |_| {
        Position::Group(GroupPosition { last: position.last, ..GroupPosition::default() })
    });
    true
}
