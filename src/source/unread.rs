//! Sources that the state knows and the configuration does not read: what of them waits in Redis.
//!
//! After a crash that may be events which were on a page already. Read no more, they are missing
//! from the counters from then on.

use super::list;
use crate::model::{GroupPosition, Position, ReaderPosition, SourceKey};
use crate::redis::stream_info;
use crate::redis::{Connection, Connector, Error, Link};

/// Who asks, and what is read now.
#[derive(Clone, Debug)]
pub struct Reading {
    pub identity: String,
    pub group: String,
    pub queues: Vec<String>,
}

/// Says what waits beyond the position; `None`: nothing.
pub async fn unread(
    connector: &Connector,
    reading: &Reading,
    source: &SourceKey,
    position: &Position,
) -> Result<Option<String>, Error> {
    let key = source.key.as_str();
    let mut link = Link::new(connector.clone(), key);
    match position {
        Position::List(position) => {
            let Reading { identity, queues, .. } = reading;
            list::unread(connector, key, identity, *position, queues).await
        }
        Position::Group(position) => in_groups(link.open().await?, key, reading, position).await,
        Position::Reader(position) => after(link.open().await?, key, *position).await,
        Position::Push(_) => Ok(None),
    }
}

/// What is pending for us in any group, for `Stream.Group` may have changed too; and what no group
/// but ours is to deliver.
async fn in_groups(
    connection: &mut Connection,
    key: &str,
    reading: &Reading,
    position: &GroupPosition,
) -> Result<Option<String>, Error> {
    let Reading { identity, group: ours, .. } = reading;
    let mut waiting = Vec::new();
    for group in stream_info::groups(connection, key).await? {
        let name = &group.name;
        let applied = &position.unacknowledged;
        let consumer = Some(identity.as_str());
        let pending =
            stream_info::pending_unapplied(connection, key, name, consumer, applied, usize::MAX)
                .await?;
        if pending > 0 {
            waiting.push(format!("{pending} entries pending in group `{name}`"));
        }
        let alone = name == ours && group.consumers <= 1;
        if alone && stream_info::first_after(connection, key, group.last_delivered).await?.is_some()
        {
            waiting.push(format!("{} not delivered by it", entries(group.lag)));
        }
    }
    Ok((!waiting.is_empty()).then(|| waiting.join(", ")))
}

async fn after(
    connection: &mut Connection,
    key: &str,
    position: ReaderPosition,
) -> Result<Option<String>, Error> {
    if stream_info::first_after(connection, key, position.last).await?.is_none() {
        return Ok(None);
    }
    let info = stream_info::stream(connection, key).await?.unwrap_or_default();
    let count = match (info.entries_added, position.entries_consumed) {
        (Some(added), Some(consumed)) => Some(added.saturating_sub(consumed).min(info.length)),
        _ => None,
    };
    Ok(Some(format!("{} after {}", entries(count), position.last)))
}

fn entries(count: Option<u64>) -> String {
    count.map_or("entries".into(), |count| format!("{count} entries"))
}
