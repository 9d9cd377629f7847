//! What the group has consumed, counted in Redis beside the stream, so that losses follow from counts.
//!
//! Every entry of a stream is delivered to the group or lost to it, and what was
//! delivered is pending or acknowledged. Redis counts what was added and what is
//! pending; a hash beside the stream counts what was acknowledged, in the transaction
//! that acknowledges: what is pending before it, less what is pending behind it. (A script that
//! calls `XACK` costs Redis half as much again, for each id passes through Lua; a full
//! Redis, which queues nothing for a transaction, is given one all the same.) So whenever it is known how many entries were added up to
//! the last one delivered (at the stream's end, and when all that it holds comes
//! after it), what is missing from
//!
//! ```text
//! added = base + acknowledged + pending + lost
//! ```
//!
//! is lost, whoever looked or did not look when it went, and however many
//! gateways share the group: the script that finds a loss also claims it, so it
//! is metered by one of them. Each remembers in its state how much of what it
//! claimed is metered, so a crash in between forgets nothing. The hash lies where
//! the stream lies; a Redis that comes back in an older state has the older hash.
//!
//! What a consumer that is no gateway takes from the group and acknowledges never
//! reaches a gateway, and counts as lost.

use std::collections::HashMap;

use redis::{RedisResult, Value};

use super::GroupNames;
use crate::model::{Position, SourceKey, StreamId};
use crate::redis::{Connection, Error};
use crate::store::Store;

/// Ids acknowledged by one script, whose stack holds some thousands.
const ACKNOWLEDGED_BY_SCRIPT: usize = 1000;

pub const ACKNOWLEDGE: &str = include_str!("acknowledge.lua");
pub const COUNT_PENDING: &str = include_str!("count_pending.lua");
pub const SETTLE: &str = include_str!("settle.lua");
pub const GONE: &str = include_str!("gone.lua");

/// What the counts said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Entries ever added to the stream.
    pub(super) added: u64,
    /// Of these delivered to the group, or lost to it; `None` while that is not known.
    pub(super) consumed: Option<u64>,
    /// What this gateway ever found missing, and metered.
    pub(super) claimed_ever: u64,
}

/// Acknowledges entries of the group.
pub(super) async fn acknowledge(
    connection: &mut Connection,
    names: &GroupNames,
    ids: &[StreamId],
) -> Result<(), Error> {
    match in_a_transaction(connection, names, ids).await {
        // Nothing was done. A full Redis queues no command, and lets scripts acknowledge.
        Err(error) if matches!(error.code(), Some("EXECABORT" | "OOM")) => {
            by_script(connection, names, ids)
                .await
                .map_err(names.failed("EVAL of acknowledge.lua (XACK, HINCRBY)"))
        }
        done => done
            .map_err(names.failed("XACK with EVAL of count_pending.lua (XPENDING, HDEL, HINCRBY)")),
    }
}

async fn by_script(
    connection: &mut Connection,
    names: &GroupNames,
    ids: &[StreamId],
) -> RedisResult<()> {
    let mut pipe = redis::pipe();
    for chunk in ids.chunks(ACKNOWLEDGED_BY_SCRIPT) {
        let command = pipe.cmd("EVAL").arg(ACKNOWLEDGE).arg(2);
        command.arg(&names.key).arg(names.ledger_key()).arg(&names.group);
        for id in chunk {
            command.arg(id.to_string());
        }
        command.ignore();
    }
    pipe.query_async(connection).await
}

async fn in_a_transaction(
    connection: &mut Connection,
    names: &GroupNames,
    ids: &[StreamId],
) -> RedisResult<()> {
    let count_pending = |sign: i8| {
        let mut command = redis::cmd("EVAL");
        command.arg(COUNT_PENDING).arg(2).arg(&names.key).arg(names.ledger_key());
        command.arg(&names.group).arg(sign);
        command
    };
    let mut acknowledge = redis::cmd("XACK");
    acknowledge.arg(&names.key).arg(&names.group);
    for id in ids {
        acknowledge.arg(id.to_string());
    }
    let mut transaction = redis::pipe();
    transaction.atomic();
    for command in [count_pending(1), acknowledge, count_pending(-1)] {
        transaction.add_command(command).ignore();
    }
    transaction.query_async(connection).await
}

/// Compares the counts, says up to where we have applied, and meters what this gateway finds missing; `None` where there is no group,
/// or Redis does not count (before 7.0).
pub(super) async fn settle(
    connection: &mut Connection,
    names: &GroupNames,
    store: &Store,
    key: &SourceKey,
) -> Result<Option<Settled>, Error> {
    let applied = match store.position(key) {
        Some(Position::Group(position)) => position.last,
        _ => StreamId::ZERO,
    };
    const COMMAND: &str = "EVAL of settle.lua (XINFO, HGETALL, HSET)";
    let reply: RedisResult<Value> = redis::cmd("EVAL")
        .arg(SETTLE)
        .arg(2)
        .arg(&names.key)
        .arg(names.ledger_key())
        .arg(&names.group)
        .arg(&names.consumer)
        .arg(applied.to_string())
        .query_async(connection)
        .await;
    let reply = reply.map_err(names.failed(COMMAND))?;
    type Reply = (bool, u64, u64, u64, i64);
    let (counted, claimed_ever, claimed, added, consumed): Reply =
        redis::from_redis_value(reply).map_err(|error| Error::Reply {
            command: COMMAND,
            key: names.ledger_key(),
            found: error.to_string(),
            expected: "five numbers",
        })?;
    if !counted {
        return Ok(None);
    }
    meter(store, key, claimed_ever);
    if claimed > 0 {
        tracing::error!(
            source = %key, lost = claimed,
            "entries were trimmed or deleted before they were read, or taken by a consumer that is \
             no gateway; the state is kept. Let only the gateway trim this stream"
        );
    }
    Ok(Some(Settled { added, consumed: u64::try_from(consumed).ok(), claimed_ever }))
}

/// The group is about to be made: it counts from anew.
pub(super) async fn begin_anew(
    connection: &mut Connection,
    names: &GroupNames,
) -> Result<(), Error> {
    forget(connection, names, "base").await
}

/// This gateway no longer says up to where it has applied.
pub(super) async fn forget_name(
    connection: &mut Connection,
    names: &GroupNames,
) -> Result<(), Error> {
    forget(connection, names, &format!("applied:{}", names.consumer)).await
}

async fn forget(connection: &mut Connection, names: &GroupNames, field: &str) -> Result<(), Error> {
    let mut command = redis::cmd("HDEL");
    match command.arg(names.ledger_key()).arg(field).query_async(connection).await {
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(()),
        deleted => deleted.map_err(names.failed("HDEL")),
    }
}

/// Says so when somebody else's key lies where the ledger should.
pub(super) async fn warn_if_foreign(
    connection: &mut Connection,
    names: &GroupNames,
) -> Result<(), Error> {
    let key = names.ledger_key();
    let mut command = redis::cmd("TYPE");
    let kind: String =
        command.arg(&key).query_async(connection).await.map_err(names.failed("TYPE"))?;
    if !matches!(kind.as_str(), "none" | "hash") {
        tracing::warn!(
            key,
            kind,
            "somebody else's key lies where the group's ledger should: losses of this group are \
             not metered until it is renamed or deleted"
        );
    }
    Ok(())
}

/// Meters what was claimed and is not in the state's tally yet.
fn meter(store: &Store, key: &SourceKey, claimed_ever: u64) {
    store.reposition(key, |stored| {
        let Some(Position::Group(position)) = stored else { return 0 };
        // Less than before: Redis was wiped, or rolled back.
        let lost = claimed_ever.saturating_sub(position.claimed_lost);
        position.claimed_lost = claimed_ever;
        lost
    });
}

/// Up to where any gateway of the group has applied entries.
pub(super) async fn highest_applied(
    connection: &mut Connection,
    names: &GroupNames,
) -> Result<StreamId, Error> {
    let ledger: HashMap<String, String> = redis::cmd("HGETALL")
        .arg(names.ledger_key())
        .query_async(connection)
        .await
        .map_err(names.failed("HGETALL"))?;
    let applied = ledger.iter().filter(|(field, _)| field.starts_with("applied:"));
    Ok(applied.filter_map(|(_, id)| id.parse().ok()).max().unwrap_or_default())
}

/// How many of the entries that Redis forgot are for this gateway to meter.
pub(super) async fn claim_gone(
    connection: &mut Connection,
    names: &GroupNames,
    consumed: u64,
    added: u64,
) -> Result<u64, Error> {
    redis::cmd("EVAL")
        .arg(GONE)
        .arg(1)
        .arg(names.gone_key())
        .arg(consumed)
        .arg(added)
        .arg(&names.consumer)
        .query_async(connection)
        .await
        .map_err(names.failed("EVAL of gone.lua (GET, SET)"))
}
