//! The only place that wires and spawns: restore → replay → serve → drain.
//!
//! 1. Listen, so that health checks are answered from the first moment.
//! 2. Own the identity and restore its snapshot; until then this is a standby.
//! 3. Read every source. `/metrics` opens once each has reached the tail it had
//!    at start: a counter that was scraped before a crash is complete again then.
//! 4. Until a signal: sources apply, the checkpointer makes durable, upkeep acknowledges.
//! 5. Drain: stop reading, apply what was read, write a last checkpoint, give the
//!    ownership back, stop serving.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{CheckpointError, Checkpointer, Restored};
use crate::config::{Config, Listen};
use crate::dead_letters::{DeadLetters, write_all};
use crate::decode::{DecodeOptions, StreamPushes};
use crate::expose::own_metrics::{LateStore, OwnMetrics};
use crate::http::{self, HttpContext, HttpLimits, Origins, PageOptions, Security, Settling};
use crate::lease::Lease;
use crate::model::Timestamp;
use crate::push::{PushFront, Waiting};
use crate::redis::dead_letters::StreamSink;
use crate::redis::{ConnectError, Connector};
use crate::shutdown;
use crate::source::decoding::Decoding;
use crate::source::pipeline;
use crate::status::{Phase, Status};
use crate::store::Store;

mod door;
mod drain;
mod introduce;
mod late_journal;
mod letters;
mod pushes;
mod retirement;
mod sources;
mod takeover;
mod unread;

pub use retirement::retire;

use door::OpenDoor;
pub use door::{DoorError, producers};
use introduce::introduce;
use pushes::PushSink;
pub use pushes::journal_directory;
use takeover::take_over;

/// How often a start looks whether every source has caught up.
const CATCH_UP_POLL: Duration = Duration::from_millis(5);

/// Runs until SIGTERM or SIGINT, or until it must not go on.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;
    let status = Status::new();
    let security = Security::load(config.http_security.clone(), status.clone())?;
    let listener = bind(config.http.listen, "Http.Listen")?;
    let lifecycle_listener = match config.http.lifecycle_listen {
        Some(listen) => Some(bind(listen, "Http.LifecycleListen")?),
        None => None,
    };
    // The port that was found where any was asked for.
    const BOUND: &str = "it has an address once it listens";
    let listen = listener.local_addr().context(BOUND)?;
    let lifecycle_listen =
        lifecycle_listener.as_ref().map(TcpListener::local_addr).transpose().context(BOUND)?;
    let mut shared = Shared::new(&config, status.clone());
    shared.door = door::open(&config, &shared, &security)?;
    let stop_http = CancellationToken::new();
    tokio::spawn(security.clone().keep_current(stop_http.clone()));
    let http_context = HttpContext {
        store: shared.late_store.clone(),
        settling: shared.settling.clone(),
        status,
        dead_letters: shared.dead_letters.clone(),
        own_metrics: shared.own_metrics.clone(),
        push: shared.push.clone(),
        security: security.clone(),
        push_config: Arc::new(config.push.clone()),
        origins: Origins::new(&config.http, &config.push),
        limits: HttpLimits::from(&config.http),
        page: PageOptions { created_samples: config.metrics.created_samples },
        shutdown: shutdown.clone(),
    };
    let mut servers = JoinSet::new();
    if let Some(listener) = lifecycle_listener {
        let serving = http::lifecycle::serve(listener, http_context.clone(), stop_http.clone());
        servers.spawn(serving);
    }
    servers.spawn(http::serve(listener, http_context, stop_http.clone()));
    if let Some(listen) = lifecycle_listen {
        tracing::info!(%listen, "health checks are answered here, too");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), %listen, serving = security.describe(), identity = config.gateway.identity,
        redis = config.reads_redis().then(|| tracing::field::display(&config.redis.target)),
        producers = shared.door.as_ref().map(|door| door.describe()),
        snapshots = %config.snapshot.url,
        "prom-stream-gateway"
    );

    let Some((parts, checkpointer)) = shared.restore(config, Purpose::Serve, &shutdown).await?
    else {
        return Ok(());
    };
    parts.consume(checkpointer, shutdown).await?;

    stop_http.cancel();
    while let Some(stopped) = servers.join_next().await {
        stopped.context("the HTTP server failed")?;
    }
    tracing::info!("stopped");
    Ok(())
}

fn bind(listen: Listen, key: &str) -> anyhow::Result<TcpListener> {
    http::bind(listen)
        .with_context(|| format!("cannot listen on {listen}; is {key} taken or not ours?"))
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Serve,
    /// Only what is left over in this identity's name is read, and then the identity is no more.
    Retire,
}

/// What is there before the state is.
struct Shared {
    status: Status,
    late_store: LateStore,
    settling: Settling,
    dead_letters: DeadLetters,
    own_metrics: OwnMetrics,
    push: PushFront,
    door: Option<OpenDoor>,
}

impl Shared {
    fn new(config: &Config, status: Status) -> Self {
        let late_store = LateStore::default();
        let dead_letters = DeadLetters::new(config.dead_letters.max_length);
        let own_metrics = OwnMetrics::new(
            status.clone(),
            late_store.clone(),
            dead_letters.clone(),
            config.metrics.disable_meta_metrics,
        );
        let (settling, push) = (Settling::default(), PushFront::default());
        Self { status, late_store, settling, dead_letters, own_metrics, push, door: None }
    }

    /// Becomes the owner and restores the state; `None` when told to stop meanwhile.
    async fn restore(
        self,
        config: Config,
        purpose: Purpose,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<(Parts, Checkpointer)>> {
        let Self { status, late_store, settling, dead_letters, own_metrics, push, door } = self;
        let Some(restored) = take_over(&config, purpose, &status, shutdown).await? else {
            return Ok(None);
        };
        let Restored { cut, clean_shutdown, checkpointer, lease, .. } = restored;
        if let Some(cut) = &cut {
            door::check_restored(&config, cut)?;
            if let Some(door) = &door {
                door.given_before(cut.taken_at);
            }
        }
        let Some(push_sink) = pushes::open(&config, &status, &push, shutdown).await else {
            return Ok(None);
        };
        if let (Some(door), PushSink::Journal(feed)) = (&door, &push_sink) {
            door.learn_ids(feed).await;
        }
        let max_series = config.metrics.max_series;
        let crashed = !clean_shutdown;
        let (taken_at, now) = (cut.as_ref().map(|cut| cut.taken_at), Timestamp::now());
        let store = match cut {
            Some(cut) => Store::restore(cut, max_series),
            None => Store::new(max_series),
        };
        store.wake(taken_at.unwrap_or_default(), now);
        // By a clock that was set back since, nobody knows when what is replayed began.
        let restored_from = taken_at.filter(|taken_at| *taken_at <= now).unwrap_or_default();
        store.set_idempotency_window(config.push.idempotency_window);
        late_store.set(store.clone()).map_err(|_| anyhow::anyhow!("the store was set twice"))?;
        settling.begin(checkpointer.out_of_turn());
        status.set_phase(Phase::Replaying);
        let connector = Connector::new(config.redis.target.clone());
        let parts = Parts {
            config,
            purpose,
            connector,
            status,
            store,
            lease,
            dead_letters,
            own_metrics,
            push,
            push_sink,
            door,
            crashed,
            restored_from,
        };
        Ok(Some((parts, checkpointer)))
    }
}

/// What consuming needs, once the state is restored.
struct Parts {
    purpose: Purpose,
    connector: Connector,
    config: Config,
    status: Status,
    store: Store,
    lease: Lease,
    dead_letters: DeadLetters,
    own_metrics: OwnMetrics,
    push: PushFront,
    push_sink: PushSink,
    door: Option<OpenDoor>,
    /// The process before did not end in good order.
    crashed: bool,
    /// When the restored snapshot was taken; zero without one.
    restored_from: Timestamp,
}

/// Everything that runs until the drain.
struct Running {
    readers: JoinSet<()>,
    keepers: JoinSet<()>,
    checkpoints: JoinHandle<Result<Checkpointer, CheckpointError>>,
    introduction: JoinHandle<Result<(), ConnectError>>,
    opening: JoinHandle<()>,
    /// Reading stops first; upkeep, dead letters and checkpoints outlive it.
    stop_reading: CancellationToken,
    stop_checkpoints: CancellationToken,
    stop_upkeep: CancellationToken,
}

/// Why consuming ends.
enum End {
    /// In good order.
    Asked,
    /// Redis cannot be used.
    Unusable(ConnectError),
    /// The checkpointer found another owner.
    Fenced(CheckpointError),
}

impl Parts {
    /// Reads every source until `shutdown`, then drains and writes the last checkpoint.
    async fn consume(
        &self,
        checkpointer: Checkpointer,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        if self.config.redis.target.abort_connect && self.config.reads_redis() {
            self.connector
                .connect()
                .await
                .context("Redis cannot be reached, and abortConnect=true")?;
        }
        let mut running = self.spawn(checkpointer, &shutdown);
        match running.until_the_end(&shutdown).await? {
            End::Asked => self.drain(running).await,
            End::Unusable(error) => self.drain(running).await.and(Err(error.into())),
            End::Fenced(error) => {
                drop(tokio::time::timeout(Duration::ZERO, self.push.close()).await);
                self.close_door().await;
                running.stop_reading.cancel();
                Err(error.into())
            }
        }
    }

    fn spawn(&self, checkpointer: Checkpointer, shutdown: &CancellationToken) -> Running {
        let stop_reading = CancellationToken::new();
        let stop_checkpoints = CancellationToken::new();
        let stop_upkeep = CancellationToken::new();
        let decode = Arc::new(DecodeOptions {
            sort_labels: self.config.metrics.sort_incoming_labels,
            utf8_names: self.config.metrics.utf8_names,
            stream_pushes: StreamPushes {
                taken: self.config.push.enabled,
                wipes: self.config.push.enable_admin_api,
            },
            hasher: self.store.hasher(),
        });
        let context = pipeline::Context {
            store: self.store.clone(),
            status: self.status.clone(),
            decode,
            dead_letters: self.dead_letters.clone(),
            waiting: Waiting::default(),
            own_metrics: self.own_metrics.clone(),
            decoding: Decoding::new(self.config.redis.metric_queue_workers),
            lease: self.lease.clone(),
            checkpoints: checkpointer.out_of_turn(),
            restored_from: self.restored_from,
            shutdown: stop_reading.clone(),
        };
        let mut tasks = sources::Tasks {
            context: context.clone(),
            durable: checkpointer.durable(),
            stop_upkeep: stop_upkeep.clone(),
            readers: JoinSet::new(),
            keepers: JoinSet::new(),
        };
        sources::start(self, &mut tasks);
        if let PushSink::NoJournalYet(directory) = &self.push_sink {
            late_journal::start(directory, &self.push, &mut tasks);
        }
        let sources::Tasks { readers, mut keepers, .. } = tasks;
        if let (Some(door), PushSink::Journal(feed)) = (&self.door, &self.push_sink) {
            door.know(feed, &self.store);
        }
        self.push_sink.start(&self.push, &context, &self.connector);
        if self.config.reads_redis() {
            let bounds = self.config.dead_letters.clone();
            keepers.spawn(write_all(
                StreamSink::new(self.connector.clone(), bounds),
                self.dead_letters.clone(),
                stop_upkeep.clone(),
            ));
        } else {
            keepers.spawn(letters::write_to_file(
                letters::file(&self.config),
                self.config.dead_letters.max_bytes,
                self.dead_letters.clone(),
                stop_upkeep.clone(),
            ));
        }
        Running {
            readers,
            keepers,
            checkpoints: tokio::spawn(checkpointer.run(
                self.store.clone(),
                self.status.clone(),
                self.config.snapshot.interval,
                stop_checkpoints.clone(),
            )),
            introduction: tokio::spawn(match self.config.reads_redis() {
                true => {
                    let (config, status) = (self.config.clone(), self.status.clone());
                    introduce(self.connector.clone(), config, status, stop_reading.clone())
                        .left_future()
                }
                false => std::future::ready(Ok(())).right_future(),
            }),
            opening: tokio::spawn({
                let caught_up = caught_up(self.status.clone(), stop_reading.clone());
                let (status, purpose, shutdown) =
                    (self.status.clone(), self.purpose, shutdown.clone());
                async move {
                    match (caught_up.await, purpose) {
                        (true, Purpose::Serve) => open(&status),
                        // That was all there is to do.
                        (true, Purpose::Retire) => shutdown.cancel(),
                        (false, _) => {}
                    }
                }
            }),
            stop_reading,
            stop_checkpoints,
            stop_upkeep,
        }
    }
}

impl Running {
    /// An error is a task that panicked: what it left half done must not become durable.
    async fn until_the_end(&mut self, shutdown: &CancellationToken) -> anyhow::Result<End> {
        let mut introduced = false;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(End::Asked),
                finished = &mut self.checkpoints => {
                    return match finished.context("the checkpointer failed")? {
                        Err(error) => Ok(End::Fenced(error)),
                        Ok(_) => Err(anyhow::anyhow!("the checkpointer stopped by itself")),
                    };
                }
                Some(ended) = self.readers.join_next() => {
                    // They run until the shutdown.
                    ended.context("a source failed")?;
                }
                result = &mut self.introduction, if !introduced => {
                    introduced = true;
                    if let Err(error) = result.context("looking at Redis failed")? {
                        return Ok(End::Unusable(error));
                    }
                }
            }
        }
    }
}

/// Waits until every source has reached the tail it had at start; false when told to stop meanwhile.
async fn caught_up(status: Status, stop: CancellationToken) -> bool {
    while !status.caught_up() {
        tokio::select! {
            () = tokio::time::sleep(CATCH_UP_POLL) => {}
            () = stop.cancelled() => return false,
        }
    }
    true
}

/// Opens `/metrics`.
fn open(status: &Status) {
    status.set_phase(Phase::Serving);
    tracing::info!(after_seconds = status.uptime().as_secs_f64(), "caught up; serving /metrics");
}
