//! A look at Redis: what it is, what of it endangers the guarantees, and whether it lets us do what
//! the sources do.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::redis::{self, ConnectError, Connector, ServerInfo};
use crate::source::permissions::{self, Need, Permissions};
use crate::status::Status;

/// How often a Redis that does not answer is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// How often permissions are looked at again, while something is denied or Redis is away, and while
/// all is well.
const RECHECK_DENIED: Duration = Duration::from_secs(2);
const RECHECK: Duration = Duration::from_secs(60);

/// Says once what Redis is and what of it endangers the guarantees; an error if it cannot do. Then
/// keeps looking at what it permits, until told to stop.
pub(super) async fn introduce(
    connector: Connector,
    config: Config,
    status: Status,
    stop: CancellationToken,
) -> Result<(), ConnectError> {
    let needs = permissions::needs(&config);
    let mut introduced = false;
    let mut told = Permissions::default();
    loop {
        if !introduced {
            introduced = say_what_it_is(&connector).await?;
        }
        let looked = look(&connector, &needs, &status, &mut told).await;
        let pause = match introduced {
            false => RETRY,
            true if looked && told.denied.is_empty() => RECHECK,
            true => RECHECK_DENIED,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Whether that could be found out.
async fn say_what_it_is(connector: &Connector) -> Result<bool, ConnectError> {
    match redis::server_info(connector).await {
        Ok(info) => {
            describe(&info);
            Ok(true)
        }
        Err(error @ (ConnectError::TooOld { .. } | ConnectError::DatabaseInCluster { .. })) => {
            Err(error)
        }
        Err(ConnectError::Redis { error, .. }) if error.code() == Some("NOPERM") => {
            tracing::warn!(%error, "INFO is not permitted: Redis' version and settings are not looked at");
            Ok(true)
        }
        Err(error) => {
            tracing::debug!(%error, "cannot look at Redis yet");
            Ok(false)
        }
    }
}

fn describe(info: &ServerInfo) {
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
}

/// Tells what is denied, when it changes; whether that could be found out.
async fn look(
    connector: &Connector,
    needs: &[Need],
    status: &Status,
    told: &mut Permissions,
) -> bool {
    let found = match permissions::look(connector, needs).await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "cannot look at permissions yet");
            return false;
        }
    };
    if found == *told {
        return true;
    }
    if found.limits != told.limits && !found.limits.is_empty() {
        let limits = found.limits.join("; ");
        tracing::warn!(limits, "Redis does not permit what the gateway can do without");
    }
    match found.denied.as_slice() {
        [] if told.denied.is_empty() => {}
        [] => tracing::info!("Redis permits everything that the sources do"),
        denied => tracing::error!(
            denied = denied.join("; "),
            "Redis does not permit what the sources do; see the README's list for ACL SETUSER"
        ),
    }
    status.set_denied(found.denied.clone());
    *told = found;
    true
}
