//! From the configuration to the sources: which are read, and by what.

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pushes::PushSink;
use super::{Parts, Purpose, unread};
use crate::checkpoint::Durable;
use crate::config::{Config, StreamMode};
use crate::source::group::{GroupNames, GroupOptions, GroupSource};
use crate::source::journal::{PushJournalSource, PushJournalUpkeep};
use crate::source::list::{self, ListOptions, ListSource};
use crate::source::reader::{ReaderOptions, ReaderSource};
use crate::source::unread::Reading;
use crate::source::{Source, Upkeep, mode_change, pipeline};

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
fn watch_what_is_left(parts: &Parts, tasks: &mut Tasks) {
    let Config { gateway, redis, stream, .. } = &parts.config;
    let reading = Reading {
        identity: gateway.identity.clone(),
        group: stream.group.clone(),
        queues: redis.queues().to_vec(),
    };
    unread::tell_of_journals(parts);
    if !parts.config.reads_redis() {
        return;
    }
    tasks.keepers.spawn(unread::watch(
        unread::left_behind(parts),
        reading,
        parts.connector.clone(),
        parts.status.clone(),
        tasks.stop_upkeep.clone(),
    ));
}

/// Starts both halves of every configured source.
pub(super) fn start(parts: &Parts, tasks: &mut Tasks) {
    let Parts { config, connector, store, lease, crashed, push_sink, .. } = parts;
    let leftovers_only = parts.purpose == Purpose::Retire;
    let Config { gateway, redis, stream, .. } = config;
    let crashed = *crashed;
    let identity = gateway.identity.as_str();
    watch_what_is_left(parts, tasks);
    let reads_redis = config.reads_redis();
    for queue in redis.queues().iter().filter(|_| reads_redis) {
        list::carry_over(store, queue);
        let page_items = redis.metric_queue_pop_count;
        let options = ListOptions { page_items, crashed, leftovers_only };
        let (source, upkeep) =
            ListSource::halves(connector.clone(), queue, identity, lease.clone(), options);
        tasks.spawn(source, upkeep);
    }
    if let PushSink::Journal(feed) = push_sink {
        let source = PushJournalSource::new(feed.clone(), store.clone());
        tasks.spawn(source, PushJournalUpkeep::new(feed.clone()));
    }
    for key in stream.keys.iter().filter(|_| reads_redis) {
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
                    trim: stream.trim,
                    crashed,
                    leftovers_only,
                    carried_over: mode_change::reader_to_group(store, key),
                };
                let (source, upkeep) = GroupSource::halves(connector.clone(), names, options);
                tasks.spawn(source, upkeep);
            }
            StreamMode::Reader => {
                let (batch, trim) = (stream.batch_size, stream.trim);
                let options = ReaderOptions { batch, trim, crashed, leftovers_only };
                let (source, upkeep) =
                    ReaderSource::halves(connector.clone(), key, &stream.group, identity, options);
                tasks.spawn(source, upkeep);
            }
        }
    }
}
