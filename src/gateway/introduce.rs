//! A first look at Redis: what it is, and what of it endangers the guarantees.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::redis::{self, ConnectError, Connector};

/// How often a Redis that does not answer is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// Says once what Redis is and what of it endangers the guarantees; an error if it cannot do.
pub(super) async fn introduce(
    connector: Connector,
    stop: CancellationToken,
) -> Result<(), ConnectError> {
    loop {
        let looked = match connector.connect().await {
            Ok(mut connection) => redis::server_info(&connector, &mut connection).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(info) => {
                tracing::info!(
                    product = info.product,
                    version = info.version,
                    mode = info.mode,
                    entries_added = info.counts_entries,
                    "Redis"
                );
                if !info.counts_entries {
                    tracing::warn!(
                        version = info.version,
                        "Redis before 7.0 does not count stream entries: entries trimmed ahead of the gateway cannot be metered"
                    );
                }
                if !info.aof_enabled {
                    tracing::warn!(
                        "Redis keeps no append-only file: what it acknowledged is lost when it stops; set appendonly yes"
                    );
                }
                if !matches!(info.maxmemory_policy.as_str(), "" | "noeviction") {
                    tracing::warn!(
                        policy = info.maxmemory_policy,
                        "Redis may evict events that nobody read; set maxmemory-policy noeviction"
                    );
                }
                return Ok(());
            }
            Err(error @ (ConnectError::TooOld { .. } | ConnectError::DatabaseInCluster { .. })) => {
                return Err(error);
            }
            Err(error) => tracing::debug!(%error, "cannot look at Redis yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
