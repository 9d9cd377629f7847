//! What waits in a list that is not read any more.

use super::queue::LastTaker;
use super::renamed::same_segments;
use super::segments::SegmentNames;
use crate::model::ListPosition;
use crate::redis::{Connector, Error, Link};

/// Says what waits in the queue, and in our segments after `position`; `None`: nothing. `read`: the
/// queues that are read now, whose segments are not looked at.
pub async fn unread(
    connector: &Connector,
    queue: &str,
    identity: &str,
    position: ListPosition,
    read: &[String],
) -> Result<Option<String>, Error> {
    let names = SegmentNames::new(queue, identity);
    let mut link = Link::new(connector.clone(), queue);
    let connection = link.open().await?;
    let mut segments = Vec::new();
    if !read.iter().any(|read| same_segments(queue, read)) {
        for (number, items) in names.existing(connection).await?.segments {
            segments.push(match position.remaining {
                _ if number < position.segment => 0,
                Some(remaining) if number == position.segment => items.min(remaining),
                _ => items,
            });
        }
        segments.retain(|items| *items > 0);
    }
    let mut look = redis::pipe();
    look.cmd("GET").arg(names.last_taker()).cmd("TYPE").arg(queue);
    let (last_taker, kind): (Option<String>, String) =
        look.query_async(connection).await.map_err(|error| names.failed("GET", error))?;
    // What another gateway reads does not wait for this one.
    let is_anothers = LastTaker::parse(last_taker.as_deref(), identity) == LastTaker::Another;
    let queued: u64 = match kind == "list" && !is_anothers {
        true => {
            let length = redis::cmd("LLEN").arg(queue).query_async(connection).await;
            length.map_err(|error| names.failed("LLEN", error))?
        }
        false => 0,
    };
    let mut waiting = Vec::new();
    if !segments.is_empty() {
        let items: u64 = segments.iter().sum();
        waiting.push(format!("{items} items in {} segments", segments.len()));
    }
    if queued > 0 {
        waiting.push(format!("{queued} items in the queue"));
    }
    Ok((!waiting.is_empty()).then(|| waiting.join(", ")))
}
