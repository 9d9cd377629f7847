//! From the configuration to the sources: which are read, and by what.

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pushes::Keeper;
use super::{Parts, unread};
use crate::checkpoint::Durable;
use crate::config::{Config, StreamMode};
use crate::redis::Connector;
use crate::source::group::{GroupNames, GroupOptions, GroupShared, GroupSource, GroupUpkeep};
use crate::source::journal::{PushJournalSource, PushJournalUpkeep};
use crate::source::list::{self, Holdings, ListSource, ListUpkeep};
use crate::source::reader::{ReaderSource, ReaderUpkeep};
use crate::source::unread::Reading;
use crate::source::{Backlog, Source, Upkeep, mode_change, pipeline};

/// The tasks that the halves of the sources run in.
pub(super) struct Tasks {
    pub(super) context: pipeline::Context,
    pub(super) durable: watch::Receiver<Option<Durable>>,
    pub(super) stop_upkeep: CancellationToken,
    pub(super) readers: JoinSet<()>,
    pub(super) keepers: JoinSet<()>,
}

impl Tasks {
    fn spawn(&mut self, source: impl Source + 'static, upkeep: impl Upkeep + 'static) {
        let pipeline::Context { store, status, lease, .. } = &self.context;
        // Here, not in its task: `/metrics` must wait for all of them.
        status.source(source.key(), |_| {});
        self.keepers.spawn(pipeline::keep_up(
            upkeep,
            store.clone(),
            status.clone(),
            lease.clone(),
            self.durable.clone(),
            self.stop_upkeep.clone(),
        ));
        self.readers.spawn(pipeline::run(source, self.context.clone()));
    }
}

/// Before positions carry over: what is read now from there on is not all that the name before has.
fn watch_what_is_left(parts: &Parts, connector: &Connector, tasks: &mut Tasks) {
    let Config { gateway, redis, stream, .. } = &parts.config;
    let reading = Reading {
        identity: gateway.identity.clone(),
        group: stream.group.clone(),
        queue: redis.metric_queue_enabled.then(|| redis.metric_queue_key.clone()),
    };
    unread::tell_of_journals(parts);
    tasks.keepers.spawn(unread::watch(
        unread::left_behind(parts),
        reading,
        connector.clone(),
        parts.status.clone(),
        tasks.stop_upkeep.clone(),
    ));
}

/// Starts both halves of every configured source.
pub(super) fn start(parts: &Parts, connector: &Connector, tasks: &mut Tasks) {
    let Parts { config, store, lease, crashed, keeper, .. } = parts;
    let Config { gateway, redis, stream, .. } = config;
    let crashed = *crashed;
    let identity = gateway.identity.as_str();
    watch_what_is_left(parts, connector, tasks);
    if redis.metric_queue_enabled {
        let (queue, page) = (&redis.metric_queue_key, redis.metric_queue_pop_count);
        list::carry_over(store, queue);
        let holdings = Holdings::default();
        let (connector, lease) = (connector.clone(), lease.clone());
        let upkeep =
            ListUpkeep::new(connector.clone(), queue, identity, lease.clone(), holdings.clone());
        let source = ListSource::new(connector, queue, identity, lease, page, crashed, holdings);
        tasks.spawn(source, upkeep);
    }
    if let Keeper::Journal(feed) = keeper {
        let source = PushJournalSource::new(feed.clone());
        tasks.spawn(source, PushJournalUpkeep::new(feed.clone()));
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
                tasks.spawn(source, upkeep);
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
                tasks.spawn(source, upkeep);
            }
        }
    }
}
