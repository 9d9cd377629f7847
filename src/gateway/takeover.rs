//! Becoming the owner: standing by as long as another process is, then restoring.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Purpose;
use crate::checkpoint::restore::chain;
use crate::checkpoint::{self, RestoreError, Restored, Standby, Storage, Terms};
use crate::config::Config;
use crate::status::{Phase, Status};

/// The longest wait before a standby looks again, or a start tries to read again. It looks thirty
/// times in the time of a lease, so that an owner's silence is noticed soon after it began.
const LONGEST_RETRY: Duration = Duration::from_millis(500);

const STANDING_BY: &str = "standing by";

/// Waits for the ownership, then restores; `None` when told to stop meanwhile.
pub(super) async fn take_over(
    config: &Config,
    purpose: Purpose,
    status: &Status,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Restored>> {
    let storage = Arc::new(Storage::open(&config.snapshot.url, &config.gateway.identity)?);
    let terms = Terms { keep: config.snapshot.keep, lease_ttl: config.snapshot.lease_ttl };
    let mut standby = Standby::new(terms.lease_ttl);
    let retry = (terms.lease_ttl / 30).min(LONGEST_RETRY);
    let mut said: Option<String> = None;
    let begun = Instant::now();
    loop {
        // Dropped half way it changes nothing but the epoch.
        let attempt = tokio::select! {
            attempt = checkpoint::restore(&storage, &mut standby, terms) => attempt,
            () = shutdown.cancelled() => return Ok(None),
        };
        match attempt {
            Ok(restored) => {
                let generation = restored.generation.as_ref().map(ToString::to_string);
                let series = restored.cut.as_ref().map_or(0, |cut| cut.series);
                let epoch = restored.lease.epoch();
                tracing::info!(generation, series, epoch, "restored");
                status.set_lease(restored.lease.clone());
                status.checkpoint(|report| {
                    report.generation = generation;
                    report.last_error = None;
                });
                return Ok(Some(restored));
            }
            // Its lease may still run, but no longer than this.
            Err(owned @ RestoreError::Owned { .. })
                if purpose == Purpose::Retire && begun.elapsed() > terms.lease_ttl * 2 =>
            {
                return Err(anyhow::Error::from(owned).context("stop the gateway first"));
            }
            Err(RestoreError::Owned { why, .. }) => {
                status.set_phase(Phase::Standby);
                if said.as_deref() != Some(STANDING_BY) {
                    tracing::info!(why, "standing by: another process owns this identity");
                    said = Some(STANDING_BY.into());
                }
            }
            Err(error @ RestoreError::Unreadable { .. }) => return Err(error.into()),
            Err(error) => {
                status.set_phase(Phase::Restoring);
                let text = chain(&error);
                status.checkpoint(|report| report.last_error = Some(text.clone()));
                if said.as_ref() != Some(&text) {
                    tracing::warn!(
                        error = text,
                        "cannot restore yet, trying again; check that the place of the snapshots \
                         can be reached, read and written, and has room"
                    );
                    said = Some(text);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(retry) => {}
            () = shutdown.cancelled() => return Ok(None),
        }
    }
}
