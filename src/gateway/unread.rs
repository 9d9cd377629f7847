//! Says what the state knows and nobody reads any more: a source switched off, renamed or moved.
//!
//! What waits in it may have been on a page before a crash. So it is told at start, and the gateway
//! is degraded until it is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Parts;
use super::pushes::PushSink;
use crate::config::{Config, JournalPlace, StreamMode};
use crate::model::{Position, SourceKey, SourceKind};
use crate::redis::Connector;
use crate::source::journal::source_key;
use crate::source::unread::{Reading, unread};
use crate::status::Status;

/// How soon a Redis that does not answer is asked again at first, and how often what waits is
/// looked at.
const SHORTEST_RETRY: Duration = Duration::from_millis(250);
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

const WHAT_TO_DO: &str =
    "run once more with the setting of before until it is empty, or `retire` it";

/// The sources of Redis that the state knows and the configuration does not read.
pub(super) fn left_behind(parts: &Parts) -> BTreeMap<SourceKey, Position> {
    let Config { redis, stream, .. } = &parts.config;
    let is_left = |source: &SourceKey| match source.kind {
        SourceKind::List => !redis.queues().contains(&source.key),
        // From mode to mode the position carries over.
        SourceKind::Group | SourceKind::Reader => {
            stream.mode == StreamMode::Off || !stream.keys.contains(&source.key)
        }
        SourceKind::Push => false,
    };
    parts.store.positions().into_iter().filter(|(source, _)| is_left(source)).collect()
}

/// After a crash, a journal that is not the one of before: nobody can look what it holds.
pub(super) fn tell_of_journals(parts: &Parts) {
    let Parts { config, status, store, push_sink, crashed, .. } = parts;
    let journals = || {
        store.positions().into_iter().filter_map(|(source, position)| match position {
            Position::Push(position) => Some((source, position.next)),
            _ => None,
        })
    };
    let is_known = match push_sink {
        PushSink::Journal(feed) => store.position(&source_key(feed)).is_some(),
        PushSink::Stream(_) | PushSink::NoJournalYet(_) | PushSink::None => false,
    };
    // One in memory is another after each start, and holds nothing.
    let in_memory = config.push.journal == JournalPlace::Memory;
    if !crashed || is_known || in_memory {
        return;
    }
    for (source, next) in journals() {
        let waits = format!("its records from {next} on, if there are any");
        tell(status, &source, &waits);
    }
}

fn tell(status: &Status, source: &SourceKey, waits: &str) {
    tracing::warn!(
        %source,
        waits,
        "the state knows a source that is not read any more, and events wait in it; what of them \
         was on a page before a crash is missing now: {WHAT_TO_DO}"
    );
    status
        .set_unread(source, Some(format!("{source} is not read any more: {waits}; {WHAT_TO_DO}")));
}

/// Looks until nothing waits any more.
pub(super) async fn watch(
    mut left: BTreeMap<SourceKey, Position>,
    reading: Reading,
    connector: Connector,
    status: Status,
    stop: CancellationToken,
) {
    let mut told = BTreeMap::new();
    let mut retry = SHORTEST_RETRY;
    while !left.is_empty() {
        let mut failure = None;
        let mut empty = Vec::new();
        for (source, position) in &left {
            match unread(&connector, &reading, source, position).await {
                Ok(Some(waits)) => {
                    if told.insert(source.clone(), waits.clone()).as_ref() != Some(&waits) {
                        tell(&status, source, &waits);
                    }
                }
                Ok(None) => {
                    tracing::debug!(%source, "nothing waits in a source that is not read any more");
                    empty.push(source.clone());
                }
                Err(error) => failure = Some((source.clone(), error)),
            }
        }
        for source in empty {
            left.remove(&source);
            if told.remove(&source).is_some() {
                tracing::info!(%source, "nothing waits any more in this source, which is not read");
                status.set_unread(&source, None);
            }
        }
        let wait = match &failure {
            Some((source, error)) => {
                if retry == SHORTEST_RETRY {
                    tracing::warn!(
                        %source, %error,
                        "cannot look yet whether events wait in a source that is not read any more"
                    );
                }
                retry = (retry * 2).min(LOOK_INTERVAL);
                retry
            }
            None => LOOK_INTERVAL,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}
