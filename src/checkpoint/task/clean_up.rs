//! Deleting the snapshots that no `head` names any more, a few after each checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{CheckpointError, Checkpointer};
use crate::checkpoint::head::Generation;
use crate::checkpoint::restore::chain;
use crate::checkpoint::storage::Storage;
use crate::fault_point::kill_point;

/// A long outage of the storage leaves the name of every failed attempt behind, and the next
/// checkpoint must not wait for all of them.
const DELETIONS_AT_ONCE: usize = 100;

impl Checkpointer {
    /// Best effort: what cannot be deleted now is tried again after the next checkpoint. It may take
    /// longer than the lease lasts.
    pub(super) async fn clean_up(&mut self) -> Result<(), CheckpointError> {
        if !self.swept {
            let storage = Arc::clone(&self.storage);
            match self.while_renewing(async move { storage.list().await }).await? {
                Ok(listed) => {
                    let generations = listed.into_iter().map(|listed| listed.generation);
                    let left_behind = generations.filter(|one| self.is_left_behind(*one));
                    self.garbage.extend(left_behind.collect::<Vec<_>>());
                    self.swept = true;
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot look for old snapshots")
                }
            }
        }
        kill_point("clean-up");
        let now: BTreeSet<_> = self.garbage.iter().copied().take(DELETIONS_AT_ONCE).collect();
        let deletion = delete_snapshots(Arc::clone(&self.storage), now);
        for deleted in self.while_renewing(deletion).await? {
            self.garbage.remove(&deleted);
        }
        Ok(())
    }

    /// Of an earlier epoch, not retained, and not evidence. Newer epochs are not ours to judge.
    fn is_left_behind(&self, generation: Generation) -> bool {
        generation.epoch < self.head.epoch
            && !self.evidence.contains(&generation)
            && !self.retained.iter().any(|one| one.entry.files().any(|file| file == generation))
    }
}

/// Those that are gone.
async fn delete_snapshots(storage: Arc<Storage>, garbage: BTreeSet<Generation>) -> Vec<Generation> {
    let mut deleted = Vec::new();
    for generation in garbage {
        match storage.delete_snapshot(generation).await {
            Ok(()) => deleted.push(generation),
            Err(error) => {
                tracing::warn!(error = chain(&error), "cannot delete an old snapshot; trying again")
            }
        }
    }
    deleted
}
