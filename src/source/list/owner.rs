//! Who may take the queue: one connection of one owner, which Redis itself checks.
//!
//! A rename cannot be taken back, and one that arrives late does harm: a paused
//! process that was superseded would take items under a number that the new
//! owner has finished with, and so would a command that an abandoned connection
//! of our own still has on its way. So a hash beside the segments names the
//! *token* (`<epoch>:<nonce>:<number of the connection>`) that may rename.
//! Every new connection claims it, and each rename demands it, in one script.
//! It also holds the highest segment that was ever taken, by which a key that somebody else made
//! is told from a segment, and the numbers that were passed over because of such keys; and a key that all
//! gateways of the queue share says who took it last: what [`super::history`]
//! and [`super::queue`] find losses by.
//!
//! Should the hash know a higher epoch, the snapshots decide who is right: they
//! are asked whether this process is the owner still. If so, Redis remembers an
//! owner whose snapshots were removed, or lie elsewhere.

use redis::{Pipeline, RedisError, Value};

use super::queue::{LastTaker, Queue};
use super::segments::SegmentNames;
use super::wrong_type;
use crate::lease::Lease;
use crate::redis::{Connection, Error};
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
    /// Numbers below it whose keys no gateway made.
    pub(super) foreign: Vec<u64>,
    pub(super) queue: Queue,
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
        connection: &mut Connection,
    ) -> Result<Found, SourceError> {
        self.connection += 1;
        let mut replace = String::new();
        loop {
            let (claimed, found) = self.try_claim(names, connection, &replace, 0).await?;
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

    /// Tells a Redis that knew less that segments up to `taken` were taken, so that it is noticed
    /// once. Nothing hangs on it: should it be refused, the next rename says so.
    pub(super) async fn teach(
        &self,
        names: &SegmentNames,
        connection: &mut Connection,
        taken: u64,
    ) -> Result<(), SourceError> {
        self.try_claim(names, connection, "", taken).await.map(drop)
    }

    async fn try_claim(
        &self,
        names: &SegmentNames,
        connection: &mut Connection,
        replace: &str,
        taken: u64,
    ) -> Result<(bool, Found), SourceError> {
        let reply: Value = redis::cmd("EVAL")
            .arg(CLAIM)
            .arg(3)
            .arg(names.owner())
            .arg(&names.queue)
            .arg(names.last_taker())
            .arg(self.lease.epoch())
            .arg(self.lease.nonce())
            .arg(self.connection)
            .arg(replace)
            .arg(taken)
            .query_async(connection)
            .await
            // Redis before 7.0 wraps the code into its own message.
            .map_err(|error| match error.to_string().contains("WRONGTYPE") {
                true => Error::WrongType {
                    key: format!("{}` or `{}", names.owner(), names.last_taker()),
                    found: "key of another type".into(),
                    expected: "hash or string",
                },
                false => names.failed("EVAL of claim.lua", error),
            })?;
        type Reply = (bool, Option<String>, Option<u64>, Option<String>, u64, Option<String>);
        let (claimed, token, segment, last_taker, length, foreign): Reply =
            redis::from_redis_value(reply).map_err(|error| Error::Reply {
                command: "EVAL of claim.lua",
                key: names.owner(),
                found: error.to_string(),
                expected: "a token, a segment and the queue",
            })?;
        let last_taker = LastTaker::parse(last_taker.as_deref(), &names.identity);
        let foreign = foreign.unwrap_or_default();
        let foreign = foreign.split(' ').filter_map(|number| number.parse().ok()).collect();
        Ok((claimed, Found { token, segment, foreign, queue: Queue { last_taker, length } }))
    }

    /// Adds the rename of the queue to `pipe`.
    pub(super) fn rename(&self, names: &SegmentNames, segment: u64, pipe: &mut Pipeline) {
        let Self { lease, connection } = self;
        pipe.cmd("EVAL")
            .arg(RENAME)
            .arg(4)
            .arg(&names.queue)
            .arg(names.key(segment))
            .arg(names.owner())
            .arg(names.last_taker())
            .arg(format!("{}:{}:{connection}", lease.epoch(), lease.nonce()))
            .arg(segment)
            .arg(&names.identity);
    }
}

/// The segment's key exists, and no gateway took the queue as it.
pub(super) fn is_foreign(error: &RedisError) -> bool {
    error.code() == Some("FOREIGN")
}

/// Why the rename was refused.
pub(super) fn refused(names: &SegmentNames, error: RedisError) -> SourceError {
    match error.code() {
        Some("FENCED") => SourceError::Fenced { key: names.queue.clone() },
        Some("WRONGTYPE") => wrong_type(names.queue.clone()).into(),
        _ => names.failed("EVAL of rename.lua", error).into(),
    }
}
