//! Becoming the owner: standing by as long as another process is, then restoring.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, RestoreError, Restored, Storage};
use crate::config::Config;
use crate::status::{Phase, Status};

/// How often a standby asks whether the owner is gone, and a start whether the store can be read.
const RETRY: Duration = Duration::from_millis(250);

/// Waits for the ownership, then restores; `None` when told to stop meanwhile.
pub(super) async fn take_over(
    config: &Config,
    status: &Status,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Restored>> {
    let mut said: Option<String> = None;
    loop {
        let storage = Storage::open(&config.snapshot.url, &config.gateway.identity)?;
        // Dropped half way it changes nothing but the epoch.
        let attempt = tokio::select! {
            attempt = checkpoint::restore(storage, config.snapshot.keep) => attempt,
            () = shutdown.cancelled() => return Ok(None),
        };
        match attempt {
            Ok(restored) => {
                let generation = restored.generation.as_ref().map(ToString::to_string);
                let series = restored.cut.as_ref().map_or(0, |cut| cut.series);
                tracing::info!(generation, series, epoch = restored.epoch, "restored");
                let epoch = restored.epoch;
                status.ownership(|report| {
                    report.owner = true;
                    report.epoch = epoch;
                });
                status.checkpoint(|report| report.generation = generation);
                return Ok(Some(restored));
            }
            Err(RestoreError::Owned { .. }) => {
                status.set_phase(Phase::Standby);
                say_once(&mut said, "standing by: another process owns this identity".into());
            }
            Err(error @ RestoreError::Unreadable { .. }) => return Err(error.into()),
            Err(error) => {
                status.set_phase(Phase::Restoring);
                status.checkpoint(|report| report.last_error = Some(error.to_string()));
                say_once(
                    &mut said,
                    format!("cannot restore yet, trying again: {:#}", anyhow::Error::from(error)),
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => return Ok(None),
        }
    }
}

fn say_once(said: &mut Option<String>, text: String) {
    if said.as_ref() != Some(&text) {
        tracing::warn!("{text}");
        *said = Some(text);
    }
}
