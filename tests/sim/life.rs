//! One life of the gateway: restore, read, serve, and an end, orderly or not.
//!
//! It wires the real parts as the executable does. Everything it runs is in one
//! task with children of its own, so that a crash can drop it whole at any await:
//! nothing of it goes on but what is on the wire.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::Mutex;
use prom_stream_gateway::checkpoint::{
    self, CheckpointError, Durable, RestoreError, Restored, Standby, Storage,
};
use prom_stream_gateway::config::connection_string::RedisTarget;
use prom_stream_gateway::dead_letters::DeadLetters;
use prom_stream_gateway::decode::{DecodeOptions, StreamPushes};
use prom_stream_gateway::expose::own_metrics::{LateStore, OwnMetrics};
use prom_stream_gateway::model::Timestamp;
use prom_stream_gateway::push::Waiting;
use prom_stream_gateway::redis::Connector;
use prom_stream_gateway::source::decoding::Decoding;
use prom_stream_gateway::source::{Source, Upkeep, pipeline};
use prom_stream_gateway::status::{Phase, Status};
use prom_stream_gateway::store::Store;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::bucket::Bucket;
use crate::gate::Gate;
use crate::plan::{IDENTITY, Plan, STREAM};
use crate::server::Cable;
use crate::sources::{self, Spawn};
use crate::world::World;

const MAX_SERIES: u64 = 10_000;
const CATCH_UP_POLL: Duration = Duration::from_millis(5);
const LAST_CHECKPOINT_PATIENCE: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(2);

/// What a life shows to the outside.
#[derive(Clone)]
pub(crate) struct Window {
    world: World,
    gate: Gate,
    shown: Arc<Mutex<Option<Shown>>>,
}

#[derive(Clone)]
struct Shown {
    store: Store,
    status: Status,
}

impl Window {
    /// As a request for `/metrics`: compared with all earlier ones, if it is answered at all.
    pub(crate) fn scrape(&self) {
        let Some(shown) = self.shown.lock().clone() else { return };
        if shown.status.is_ready() && !self.gate.is_closed() {
            let state = shown.store.scrape(Timestamp(0));
            if let Some(reason) = self.world.with_ledger(|ledger| ledger.scraped(&state)) {
                self.world.fail(format!("scrape: {reason}"));
            }
        }
    }

    /// Why `/metrics` is not answered; `None` when it is.
    pub(crate) fn missing(&self) -> Option<String> {
        let Some(shown) = self.shown.lock().clone() else { return Some("not restored".into()) };
        let missing = shown.status.missing();
        (!shown.status.is_ready()).then(|| format!("not serving: {missing:?}"))
    }

    /// Names what differs between the state and what Redis acknowledged to producers.
    pub(crate) fn difference(&self) -> Option<String> {
        let Some(shown) = self.shown.lock().clone() else { return Some("not restored".into()) };
        let (state, tallies) = (shown.store.scrape(Timestamp(0)), shown.store.tallies());
        self.world.with_ledger(|ledger| ledger.difference(&state, &tallies))
    }
}

/// How an orderly stop went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Checkpointed,
    /// Nothing is lost: the next life replays what the last checkpoint does not cover.
    Unfinished,
    /// Another life took over.
    Fenced,
}

pub(crate) struct Life {
    task: JoinHandle<Result<Ended, String>>,
    stop: CancellationToken,
    cable: Cable,
    gate: Gate,
    pub(crate) window: Window,
}

impl Life {
    pub(crate) fn start(world: &World, bucket: &Bucket, plan: &Arc<Plan>) -> Self {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let cable = Cable { world: world.clone(), cut };
        let gate = Gate::default();
        let window = Window { world: world.clone(), gate: gate.clone(), shown: Arc::default() };
        let parts = Parts {
            world: world.clone(),
            bucket: bucket.clone(),
            plan: Arc::clone(plan),
            cable: cable.clone(),
            window: window.clone(),
            gate: gate.clone(),
            stop: stop.clone(),
        };
        Self { task: tokio::spawn(gate.through(parts.live())), stop, cable, gate, window }
    }

    /// Ends without being told to: because another life took over, or because it failed.
    pub(crate) async fn ended(&mut self) -> Result<Ended, String> {
        (&mut self.task).await.map_err(|error| format!("a life panicked: {error}"))?
    }

    /// As SIGSTOP.
    pub(crate) fn freeze(&self) {
        self.gate.close();
    }

    /// What goes on as at SIGCONT when it is opened.
    pub(crate) fn thawing(&self) -> Gate {
        self.gate.clone()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// As `kill -9`. The connections close now, or (a machine that lost its power) when the
    /// server finds out.
    pub(crate) async fn crash(self, noticed_after: Duration) {
        self.window.scrape();
        self.task.abort();
        // Cancelled, or it had ended just now: either way it is over.
        self.task.await.ok();
        tokio::spawn(async move {
            sleep(noticed_after).await;
            self.cable.cut.cancel();
        });
    }

    /// As SIGTERM.
    pub(crate) async fn stop(self) -> Result<Ended, String> {
        self.stop.cancel();
        let ended = self.task.await.map_err(|error| format!("a life panicked: {error}"))?;
        self.cable.cut.cancel();
        ended
    }
}

pub(crate) fn storage(bucket: &Bucket) -> Arc<Storage> {
    let objects: Arc<dyn ObjectStore> = Arc::new(bucket.clone());
    Arc::new(Storage::conditional(objects, &Path::default(), IDENTITY, "sim://bucket"))
}

struct Parts {
    world: World,
    bucket: Bucket,
    plan: Arc<Plan>,
    cable: Cable,
    window: Window,
    gate: Gate,
    stop: CancellationToken,
}

impl Parts {
    /// An error when it could not go on.
    async fn live(self) -> Result<Ended, String> {
        let Some(restored) = self.restore().await? else { return Ok(Ended::Unfinished) };
        let Restored { cut, clean_shutdown, lease, checkpointer, generation, .. } = restored;
        let from = generation.map_or("nothing".into(), |generation| generation.to_string());
        let epoch = lease.epoch();
        self.world.note(&format!("epoch {epoch} restored from {from}"));
        let store = match cut {
            Some(cut) => Store::restore(cut, MAX_SERIES),
            None => Store::new(MAX_SERIES),
        };
        if store.positions().iter().any(|(key, _)| key.key == STREAM) {
            self.world.with_ledger(|ledger| ledger.may_trim = true);
        }
        let status = Status::new();
        status.set_lease(lease.clone());
        status.set_phase(Phase::Replaying);
        let dead_letters = DeadLetters::new(100);
        let context = pipeline::Context {
            store: store.clone(),
            status: status.clone(),
            decode: Arc::new(DecodeOptions {
                sort_labels: true,
                utf8_names: false,
                stream_pushes: StreamPushes::default(),
                hasher: store.hasher(),
            }),
            waiting: Waiting::default(),
            restored_from: Timestamp::default(),
            own_metrics: OwnMetrics::new(
                status.clone(),
                LateStore::default(),
                dead_letters.clone(),
                true,
            ),
            dead_letters,
            decoding: Decoding::new(self.plan.workers),
            lease: lease.clone(),
            checkpoints: checkpointer.out_of_turn(),
            shutdown: self.stop.child_token(),
        };
        let target = RedisTarget::default();
        let connector = Connector::dialing(target, Arc::new(self.cable.clone()));
        let stop_upkeep = CancellationToken::new();
        let mut tasks = Tasks {
            gate: self.gate.clone(),
            context,
            durable: checkpointer.durable(),
            permissions: Vec::new(),
            stop_upkeep: stop_upkeep.clone(),
            readers: JoinSet::new(),
            keepers: JoinSet::new(),
        };
        sources::start(&self.plan, &store, &connector, &lease, !clean_shutdown, &mut tasks);
        let Tasks { mut readers, mut keepers, permissions, .. } = tasks;
        let forwarding = forward(checkpointer.durable(), permissions);
        let forwarding = JoinSet::from_iter([self.gate.through(forwarding)]);
        *self.window.shown.lock() = Some(Shown { store: store.clone(), status: status.clone() });
        let stop_checkpoints = CancellationToken::new();
        let interval = Duration::from_millis(self.plan.interval_ms);
        let mut checkpoints = JoinSet::new();
        checkpoints.spawn(self.gate.through(checkpointer.run(
            store.clone(),
            status.clone(),
            interval,
            stop_checkpoints.clone(),
        )));

        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            ended = checkpoints.join_next() => {
                return match ended {
                    Some(Ok(Err(CheckpointError::Fenced { .. }))) => Ok(Ended::Fenced),
                    Some(Ok(Err(error))) => Err(format!("checkpoints ended: {error}")),
                    other => Err(format!("checkpoints: {:?}", other.map(|ended| ended.is_ok()))),
                };
            }
            Some(ended) = readers.join_next() => return Err(format!("a source ended: {ended:?}")),
            () = self.serve_when_caught_up(&status) => {}
        }
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|error| format!("a source panicked: {error}"))?;
        }
        stop_checkpoints.cancel();
        let mut ended = Ended::Unfinished;
        let last = timeout(LAST_CHECKPOINT_PATIENCE, checkpoints.join_next()).await;
        let mut checkpointer = match last {
            Ok(Some(Ok(Ok(checkpointer)))) => Some(checkpointer),
            _ => None,
        };
        if let Some(checkpointer) = &mut checkpointer {
            let checkpoint = checkpointer.checkpoint(&store, &status, true);
            let done = timeout(LAST_CHECKPOINT_PATIENCE, checkpoint).await;
            if let Ok(Ok(_)) = done {
                ended = Ended::Checkpointed;
            }
        }
        self.world.note(&format!("{ended:?}"));
        // The last permission is on its way to the keepers.
        tokio::task::yield_now().await;
        stop_upkeep.cancel();
        let all_stopped = async { while keepers.join_next().await.is_some() {} };
        // What could not be acknowledged is left to the next life.
        timeout(PATIENCE, all_stopped).await.ok();
        drop(forwarding);
        if let Some(checkpointer) = checkpointer {
            // A standby waits for the lease's end if this does not succeed.
            timeout(PATIENCE, checkpointer.release()).await.ok();
        }
        self.window.scrape();
        Ok(ended)
    }

    /// `None` when told to stop meanwhile.
    async fn restore(&self) -> Result<Option<Restored>, String> {
        let terms = self.plan.terms();
        let (storage, mut standby) = (storage(&self.bucket), Standby::new(terms.lease_ttl));
        let mut said = String::new();
        loop {
            let attempt = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(None),
                attempt = checkpoint::restore(&storage, &mut standby, terms) => attempt,
            };
            match attempt {
                Ok(restored) => return Ok(Some(restored)),
                Err(error @ RestoreError::Unreadable { .. }) => return Err(error.to_string()),
                Err(RestoreError::Owned { .. }) if said == "standing by" => {}
                Err(RestoreError::Owned { .. }) => {
                    said = "standing by".into();
                    self.world.note(&said);
                }
                Err(error) => self.world.note(&format!("not restored yet: {error}")),
            }
            sleep(terms.lease_ttl / 15).await;
        }
    }

    async fn serve_when_caught_up(&self, status: &Status) {
        while !status.caught_up() {
            sleep(CATCH_UP_POLL).await;
        }
        status.set_phase(Phase::Serving);
        self.world.note("serving");
        self.window.scrape();
        self.stop.cancelled().await;
    }
}

/// What the halves of the sources run in.
struct Tasks {
    gate: Gate,
    context: pipeline::Context,
    durable: watch::Receiver<Option<Durable>>,
    /// One for each source.
    permissions: Vec<watch::Sender<Option<Durable>>>,
    stop_upkeep: CancellationToken,
    readers: JoinSet<()>,
    keepers: JoinSet<()>,
}

impl Spawn for Tasks {
    fn spawn(&mut self, source: impl Source + 'static, upkeep: impl Upkeep + 'static) {
        let pipeline::Context { store, status, lease, .. } = &self.context;
        status.source(source.key(), |_| {});
        let (permission, durable) = watch::channel(self.durable.borrow().clone());
        self.permissions.push(permission);
        self.keepers.spawn(self.gate.through(pipeline::keep_up(
            upkeep,
            store.clone(),
            status.clone(),
            lease.clone(),
            durable,
            self.stop_upkeep.clone(),
        )));
        self.readers.spawn(self.gate.through(pipeline::run(source, self.context.clone())));
    }
}

/// A watch wakes several receivers in an order of its own choosing; one each is woken in this one.
async fn forward(
    mut from: watch::Receiver<Option<Durable>>,
    to: Vec<watch::Sender<Option<Durable>>>,
) {
    while from.changed().await.is_ok() {
        let durable = from.borrow_and_update().clone();
        for permission in &to {
            permission.send_replace(durable.clone());
        }
    }
}
