//! Who may take the queue: one connection of one owner, which Redis itself checks.
//!
//! A rename cannot be taken back, and one that arrives late does harm: a paused
//! process that was superseded would take items under a number that the new
//! owner has finished with, and so would a command that an abandoned connection
//! of our own still has on its way. So a hash beside the segments names the
//! *token* (`<epoch>:<nonce>:<number of the connection>`) that may rename.
//! Every new connection claims it, and each rename demands it, in one script.
//! It also holds the highest segment that was ever taken.
//!
//! Should the hash know a higher epoch, the snapshots decide who is right: they
//! are asked whether this process is the owner still. If so, Redis remembers an
//! owner whose snapshots were removed, or lie elsewhere.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value};

use super::segments::SegmentNames;
use crate::lease::Lease;
use crate::source::SourceError;

const CLAIM: &str = include_str!("claim.lua");
const RENAME: &str = include_str!("rename.lua");

/// Our claim to the queue.
pub(super) struct Owner {
    lease: Lease,
    /// Connections made so far; each has a token of its own.
    connection: u64,
}

/// What Redis knew before a claim; nothing of a queue that was never claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) token: Option<String>,
    /// The highest segment taken.
    pub(super) segment: Option<u64>,
}

impl Owner {
    pub(super) fn new(lease: Lease) -> Self {
        Self { lease, connection: 0 }
    }

    /// Claims the queue for a connection just made. Waits while the snapshots do not confirm that
    /// this process is the owner.
    pub(super) async fn claim(
        &mut self,
        names: &SegmentNames,
        connection: &mut MultiplexedConnection,
    ) -> Result<Found, SourceError> {
        self.connection += 1;
        let mut replace = String::new();
        loop {
            let (claimed, found) = self.try_claim(names, connection, &replace).await?;
            if claimed {
                return Ok(found);
            }
            let token = found.token.unwrap_or_default();
            tracing::warn!(
                queue = names.queue,
                epoch = self.lease.epoch(),
                found = token,
                "Redis knows a newer owner of this list; asking the snapshots who is right"
            );
            self.lease.confirm().await;
            tracing::error!(
                queue = names.queue,
                epoch = self.lease.epoch(),
                found = token,
                "Redis knew a newer owner of this list, but the snapshots confirm this process: \
                 taking the list over. Either the snapshots were removed, or another gateway with \
                 the same Gateway.Identity keeps them under another Snapshot.Url: then give each \
                 an identity of its own, for both take events that the other one misses"
            );
            replace = token;
        }
    }

    async fn try_claim(
        &self,
        names: &SegmentNames,
        connection: &mut MultiplexedConnection,
        replace: &str,
    ) -> Result<(bool, Found), SourceError> {
        let reply: Value = redis::cmd("EVAL")
            .arg(CLAIM)
            .arg(1)
            .arg(names.owner())
            .arg(self.lease.epoch())
            .arg(self.lease.nonce())
            .arg(self.connection)
            .arg(replace)
            .query_async(connection)
            .await
            // Redis before 7.0 wraps the code into its own message.
            .map_err(|error| match error.to_string().contains("WRONGTYPE") {
                true => SourceError::WrongType {
                    key: names.owner(),
                    found: "key of another type".into(),
                    expected: "hash",
                },
                false => names.failed("EVAL of claim.lua", error),
            })?;
        let (claimed, token, segment): (bool, Option<String>, Option<u64>) =
            redis::from_redis_value(reply).map_err(|error| SourceError::Reply {
                command: "EVAL of claim.lua",
                key: names.owner(),
                found: error.to_string(),
                expected: "a token and a segment",
            })?;
        Ok((claimed, Found { token, segment }))
    }

    /// Adds the rename of the queue to `pipe`.
    pub(super) fn rename(&self, names: &SegmentNames, segment: u64, pipe: &mut Pipeline) {
        let Self { lease, connection } = self;
        pipe.cmd("EVAL")
            .arg(RENAME)
            .arg(3)
            .arg(&names.queue)
            .arg(names.key(segment))
            .arg(names.owner())
            .arg(format!("{}:{}:{connection}", lease.epoch(), lease.nonce()))
            .arg(segment);
    }
}

/// Why the rename was refused.
pub(super) fn refused(names: &SegmentNames, error: redis::ServerError) -> SourceError {
    match error.code() {
        "FENCED" => SourceError::Fenced { key: names.queue.clone() },
        "WRONGTYPE" => SourceError::WrongType {
            key: names.queue.clone(),
            found: "key of another type".into(),
            expected: "list",
        },
        _ => names.failed("EVAL of rename.lua", error.into()),
    }
}
