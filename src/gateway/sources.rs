//! From the configuration to the sources: which are read, and by what.

use super::Parts;
use super::pushes::Keeper;
use crate::config::{Config, StreamMode};
use crate::source::push_journal::{PushJournalSource, PushJournalUpkeep};
use crate::source::redis_connection::Connector;
use crate::source::redis_list::{ListSource, ListUpkeep, Waiting};
use crate::source::redis_stream_group::{
    GroupNames, GroupOptions, GroupShared, GroupSource, GroupUpkeep,
};
use crate::source::redis_stream_reader::{ReaderSource, ReaderUpkeep};
use crate::source::{Backlog, Source, Upkeep, mode_change};

/// Both halves of every configured source.
pub(super) fn sources(
    parts: &Parts,
    connector: &Connector,
) -> Vec<(Box<dyn Source>, Box<dyn Upkeep>)> {
    let Parts { config, store, lease, crashed, keeper, .. } = parts;
    let Config { gateway, redis, stream, .. } = config;
    let crashed = *crashed;
    let identity = gateway.identity.as_str();
    let mut halves: Vec<(Box<dyn Source>, Box<dyn Upkeep>)> = Vec::new();
    if redis.metric_queue_enabled {
        let (queue, page) = (&redis.metric_queue_key, redis.metric_queue_pop_count);
        let waiting = Waiting::default();
        let upkeep = ListUpkeep::new(connector.clone(), queue, identity, waiting.clone());
        let (connector, lease) = (connector.clone(), lease.clone());
        let source = ListSource::new(connector, queue, identity, lease, page, crashed, waiting);
        halves.push((Box::new(source), Box::new(upkeep)));
    }
    if let Keeper::Journal(feed) = keeper {
        let source = PushJournalSource::new(feed.clone(), store.clone());
        halves.push((Box::new(source), Box::new(PushJournalUpkeep::new(feed.clone()))));
    }
    for key in &stream.keys {
        match stream.mode {
            StreamMode::Off => {}
            StreamMode::Group => {
                let names = GroupNames {
                    key: key.clone(),
                    group: stream.group.clone(),
                    consumer: identity.to_owned(),
                };
                let options = GroupOptions {
                    batch: stream.batch_size,
                    claim_idle: stream.claim_idle,
                    crashed,
                    carried_over: mode_change::reader_to_group(store, key),
                };
                let shared = GroupShared::default();
                let source =
                    GroupSource::new(connector.clone(), names.clone(), options, shared.clone());
                let upkeep = GroupUpkeep::new(connector.clone(), names, stream.trim, shared);
                halves.push((Box::new(source), Box::new(upkeep)));
            }
            StreamMode::Reader => {
                let backlog = Backlog::default();
                let source = ReaderSource::new(
                    connector.clone(),
                    key,
                    &stream.group,
                    stream.batch_size,
                    crashed,
                    backlog.clone(),
                );
                let upkeep =
                    ReaderUpkeep::new(connector.clone(), key, &stream.group, stream.trim, backlog);
                halves.push((Box::new(source), Box::new(upkeep)));
            }
        }
    }
    halves
}
