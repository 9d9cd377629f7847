//! What must be in a snapshot before a source reads on.
//!
//! A source that finds that Redis is not what it was (wiped, rolled back, a
//! group or entries gone) meters what is missing and goes on from another
//! position. From then on a start from an older snapshot would be wrong: what
//! was applied since is in Redis no more, and what shows a loss may be gone
//! once reading goes on. So it demands that the present state be covered, and
//! nothing is read before it is. Redis keeps what comes meanwhile.

use super::SourceError;
use crate::checkpoint::OutOfTurn;
use crate::store::Store;

/// The demand of one source.
#[derive(Debug)]
pub struct Cover {
    checkpoints: OutOfTurn,
    /// The version of the state that has to be covered.
    demanded: u64,
}

impl Cover {
    pub fn new(checkpoints: OutOfTurn) -> Self {
        Self { checkpoints, demanded: 0 }
    }

    /// The state as it is now has to be covered.
    pub fn demand(&mut self, store: &Store) {
        self.demanded = store.version();
    }

    /// Waits until a snapshot covers what was demanded; an error when that takes long.
    pub async fn given(&mut self) -> Result<(), SourceError> {
        match self.checkpoints.cover(self.demanded).await {
            true => Ok(()),
            // The next attempt goes on waiting, and the source says why.
            false => Err(SourceError::Uncovered),
        }
    }
}
