//! State and position made durable as one, and the permission that follows.
//!
//! A checkpoint is a [`Cut`] of the store: the state together with the
//! positions it covers, copied under one lock, so it is consistent by
//! construction. It is encoded, written as a snapshot of its own name, and
//! only then named in `head`, the small object that says which snapshots are
//! retained. Whatever happens between two of these steps, `head` names
//! snapshots that are whole.
//!
//! Sources may tell Redis to forget only what *every* retained snapshot covers,
//! for each of them may be the one to start from. [`Durable`] is that
//! permission: the positions of the oldest retained snapshot. Only this module
//! can make one.
//!
//! - [`Standby`] waits until nobody owns the identity.
//! - [`restore()`] finds the snapshot to start from ([`resolve`] decides, purely),
//!   and takes the ownership over with a higher epoch.
//! - [`Checkpointer`] writes snapshots and publishes the permission.
//! - `chains` decides which snapshot is written whole, and which says what
//!   changed since another; `reading` reads one with all that it builds upon.
//! - `storage` is where they lie, `codec` what they look like, `head` how they
//!   are called.

use std::sync::Arc;

use crate::model::{Position, SourceKey};
use crate::store::Cut;

mod blocking;
mod chains;
pub mod codec;
pub mod head;
pub mod out_of_turn;
pub(crate) mod reading;
pub mod resolve;
pub mod restore;
pub mod standby;
pub mod storage;
pub mod task;

pub use out_of_turn::OutOfTurn;
pub use restore::{RestoreError, Restored, Terms, restore};
pub use standby::Standby;
pub use storage::Storage;
pub use task::{CheckpointError, Checkpointer, Written};

type Positions = Arc<Vec<(SourceKey, Position)>>;

/// Permission to acknowledge: proof that every retained snapshot covers these
/// positions. Only the checkpointer can make one.
#[derive(Clone, Debug)]
pub struct Durable {
    positions: Positions,
}

impl Durable {
    /// The position of the oldest retained snapshot; `None` when that one does not know the source.
    pub fn position(&self, source: &SourceKey) -> Option<&Position> {
        self.positions.iter().find(|(key, _)| key == source).map(|(_, position)| position)
    }

    /// A permission out of thin air, for the tests of those who need one.
    #[cfg(test)]
    pub(crate) fn for_tests(positions: Vec<(SourceKey, Position)>) -> Self {
        Self { positions: Arc::new(positions) }
    }
}

fn positions(cut: &Cut) -> Positions {
    let positions = cut.sources.iter().map(|source| (source.key.clone(), source.position.clone()));
    Arc::new(positions.collect())
}

#[cfg(test)]
pub(crate) mod tests;
