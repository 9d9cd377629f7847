//! The end in good order: nothing more is read, what was read is durable, and the ownership is given
//! back.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, timeout_at};

use super::{Parts, Purpose, Running};
use crate::checkpoint::{CheckpointError, Checkpointer};
use crate::fault_point::kill_point;
use crate::status::Phase;

/// How long the last checkpoint may take, and before it the one in flight.
const LAST_CHECKPOINT_PATIENCE: Duration = Duration::from_secs(8);

/// How long the last acknowledgements and dead letters may take, and giving the ownership back.
const PATIENCE: Duration = Duration::from_secs(2);

const NOTHING_IS_LOST: &str = "the last checkpoint could not be written; nothing is lost: the \
                               next start replays what it does not cover";

impl Parts {
    /// Applies what is read, makes it durable, acknowledges it, and gives the ownership back.
    pub(super) async fn drain(&self, mut running: Running) -> anyhow::Result<()> {
        // Pushes on their way are applied and answered; new ones are told to come again.
        if tokio::time::timeout(PATIENCE, self.push.close()).await.is_err() {
            tracing::info!("the last pushes are kept, and applied by the next start");
        }
        self.close_door().await;
        running.stop_reading.cancel();
        running.opening.await.context("waiting for the sources failed")?;
        if self.status.report().phase == Phase::Serving {
            self.status.set_phase(Phase::Stopping);
        }
        while let Some(stopped) = running.readers.join_next().await {
            stopped.context("a source failed")?;
        }
        running.stop_checkpoints.cancel();
        // One in flight is finished first.
        let mut checkpointer =
            match tokio::time::timeout(LAST_CHECKPOINT_PATIENCE, running.checkpoints).await {
                Ok(finished) => finished.context("the checkpointer failed")??,
                Err(_) => anyhow::bail!("a checkpoint in flight has no answer; {NOTHING_IS_LOST}"),
            };
        let last = self.last_checkpoint(&mut checkpointer).await;
        running.stop_upkeep.cancel();
        let all_stopped = async { while running.keepers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all_stopped).await.is_err() {
            tracing::info!("the last acknowledgements are left to the next start");
        }
        let last = match (last, self.purpose) {
            (Ok(()), Purpose::Retire) => self.resign().await,
            (last, _) => last,
        };
        if last.is_err() && checkpointer.has_lock() {
            // A write may hang, and land late: the lock goes with the process.
            return last;
        }
        match tokio::time::timeout(PATIENCE, checkpointer.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(%error, "a standby has to wait for the lease's end"),
            Err(_) => tracing::info!("a standby has to wait for the lease's end"),
        }
        last
    }

    /// Everything that was kept is answered by now.
    pub(super) async fn close_door(&self) {
        if let Some(door) = &self.door {
            door.close().await;
        }
    }

    /// Writes the last checkpoints, one for each that is retained: Redis may forget only what all of
    /// them cover, and nothing is to be left there. Supervisors do not wait for long: better no
    /// last checkpoint than none of the rest.
    async fn last_checkpoint(&self, checkpointer: &mut Checkpointer) -> anyhow::Result<()> {
        kill_point("shutdown-drained");
        let give_up_at = Instant::now() + LAST_CHECKPOINT_PATIENCE;
        // Acknowledgements go on meanwhile, and are no reason for another one.
        let drained = self.store.version();
        loop {
            let written = checkpointer.checkpoint(&self.store, &self.status, true);
            match timeout_at(give_up_at, written).await {
                Ok(Ok(_)) => kill_point("shutdown-saved"),
                Ok(Err(fenced @ CheckpointError::Fenced { .. })) => return Err(fenced.into()),
                Ok(Err(error)) => return Err(anyhow::Error::from(error).context(NOTHING_IS_LOST)),
                Err(_) => {
                    return Err(anyhow::anyhow!("no answer within {LAST_CHECKPOINT_PATIENCE:?}")
                        .context(NOTHING_IS_LOST));
                }
            }
            if checkpointer.all_cover(drained) {
                return Ok(());
            }
        }
    }
}
