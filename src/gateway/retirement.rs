//! Ends an identity for good: what is left in its name is applied and made durable, then its name goes.
//!
//! A gateway that is only stopped comes back, so Redis keeps its place: its
//! consumer in the group, its name among the gateways, the list's owner. When it
//! is not to come back (fewer gateways on one queue, another `Gateway.Identity`),
//! segments that it took and entries that it was given would wait for ever. So
//! they are applied once more as at any start, but nothing new is taken; every
//! retained snapshot covers them; they are acknowledged; and then the keys go.
//! The snapshots stay: they are the totals.

use anyhow::{Context as _, bail};

use super::{Parts, Purpose, Shared};
use crate::config::{Config, StreamMode};
use crate::shutdown;
use crate::source::group::{GroupNames, members};
use crate::source::list;
use crate::status::Status;

/// Drains the identity and takes it out of Redis.
pub async fn retire(config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;
    let shared = Shared::new(&config, Status::new());
    let restored = shared.restore(config, Purpose::Retire, &shutdown).await?;
    let Some((parts, checkpointer)) = restored else {
        bail!("interrupted before anything was changed");
    };
    let identity = parts.config.gateway.identity.clone();
    parts.consume(checkpointer, shutdown.child_token()).await?;
    tracing::info!(
        identity,
        "retired: the last snapshot holds everything, and Redis nothing of it"
    );
    Ok(())
}

impl Parts {
    /// Removes what Redis has in this identity's name; refused while anything waits there.
    pub(super) async fn resign(&self) -> anyhow::Result<()> {
        let Config { gateway, redis, stream, .. } = &self.config;
        if !self.status.caught_up() {
            bail!("interrupted before everything was read; run it again");
        }
        if !self.config.reads_redis() {
            return Ok(());
        }
        let identity = &gateway.identity;
        let groups = match stream.mode {
            StreamMode::Group => &stream.keys[..],
            StreamMode::Off | StreamMode::Reader => &[],
        };
        let names = |key: &String| GroupNames {
            key: key.clone(),
            group: stream.group.clone(),
            consumer: identity.clone(),
        };
        // All of them before the first is removed: what is gone would look wiped to the next attempt.
        for queue in redis.queues() {
            let mut connection = self.connector.connect_for(queue).await?;
            let left = list::unreleased(&mut connection, queue, identity).await?;
            if left > 0 {
                bail!("{left} segments of `{queue}` are not released yet; run it again");
            }
        }
        for key in groups {
            let mut connection = self.connector.connect_for(key).await?;
            let pending = members::pending(&mut connection, &names(key)).await?;
            if pending > 0 {
                bail!("{pending} entries of `{key}` are not acknowledged yet; run it again");
            }
        }
        for queue in redis.queues() {
            let mut connection = self.connector.connect_for(queue).await?;
            list::resign(&mut connection, queue, identity).await?;
        }
        for key in groups {
            let mut connection = self.connector.connect_for(key).await?;
            members::resign(&mut connection, &names(key)).await?;
        }
        Ok(())
    }
}
