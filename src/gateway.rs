//! The only place that wires and spawns: restore → replay → serve → drain.
//!
//! 1. Listen, so that health checks are answered from the first moment.
//! 2. Own the identity and restore its snapshot; until then this is a standby.
//! 3. Read every source. `/metrics` opens once each has reached the tail it had
//!    at start: a counter that was scraped before a crash is complete again then.
//! 4. Until a signal: sources apply, the checkpointer makes durable, upkeep acknowledges.
//! 5. Drain: stop reading, apply what was read, write a last checkpoint, give the
//!    ownership back, stop serving.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{CheckpointError, Checkpointer, Restored};
use crate::config::Config;
use crate::dead_letters::DeadLetters;
use crate::decode::DecodeOptions;
use crate::expose::own_metrics::{LateStore, OwnMetrics};
use crate::fault_point::kill_point;
use crate::http::{self, Cors, HttpContext, HttpLimits, PageOptions, Security};
use crate::lease::Lease;
use crate::model::Timestamp;
use crate::push::{PushFront, Waiting};
use crate::shutdown;
use crate::source::redis_connection::{ConnectError, Connector};
use crate::source::{pipeline, redis_dead_letters};
use crate::status::{Phase, Status};
use crate::store::Store;

mod introduce;
mod pushes;
mod sources;
mod takeover;

use introduce::introduce;
use pushes::Keeper;
use sources::sources;
use takeover::take_over;

/// How often a start looks whether every source has caught up.
const CATCH_UP_POLL: Duration = Duration::from_millis(5);

/// How long the last checkpoint may take, and before it the one in flight.
const LAST_CHECKPOINT_PATIENCE: Duration = Duration::from_secs(8);

/// How long the last acknowledgements and dead letters may take, and giving the ownership back.
const PATIENCE: Duration = Duration::from_secs(2);

const NOTHING_IS_LOST: &str = "the last checkpoint could not be written; nothing is lost: the \
                               next start replays what it does not cover";

/// Runs until SIGTERM or SIGINT, or until it must not go on.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;
    let status = Status::new();
    let security = Security::load(config.http_security.clone(), status.clone())?;
    let listen = config.http.listen;
    let listener = bind(listen, "Http.Listen").await?;
    let lifecycle_listener = match config.http.lifecycle_listen {
        Some(listen) => Some(bind(listen, "Http.LifecycleListen").await?),
        None => None,
    };
    let late_store = LateStore::default();
    let dead_letters = DeadLetters::new(config.dead_letters.max_length);
    let own_metrics = OwnMetrics::new(
        status.clone(),
        late_store.clone(),
        dead_letters.clone(),
        config.metrics.disable_meta_metrics,
    );
    let push = PushFront::default();
    let stop_http = CancellationToken::new();
    tokio::spawn(security.clone().keep_current(stop_http.clone()));
    let http_context = HttpContext {
        store: late_store.clone(),
        status: status.clone(),
        dead_letters: dead_letters.clone(),
        own_metrics: own_metrics.clone(),
        push: push.clone(),
        security: security.clone(),
        push_config: Arc::new(config.push.clone()),
        cors: Cors::new(&config.http.cors_origins),
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
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), %listen, serving = security.describe(), identity = config.gateway.identity,
        redis = %config.redis.target, snapshots = config.snapshot.redacted_url(),
        "prom-stream-gateway"
    );

    let Some(restored) = take_over(&config, &status, &shutdown).await? else {
        return Ok(());
    };
    let Restored { cut, clean_shutdown, checkpointer, lease, .. } = restored;
    let Some(keeper) = pushes::open(&config, &status, &shutdown).await else {
        return Ok(());
    };
    let max_series = config.metrics.max_series;
    let crashed = !clean_shutdown;
    let restored_from = cut.as_ref().map(|cut| cut.taken_at).unwrap_or_default();
    let store = match cut {
        Some(cut) => Store::restore(cut, max_series),
        None => Store::new(max_series),
    };
    store.set_idempotency_window(config.push.idempotency_window);
    late_store.set(store.clone()).map_err(|_| anyhow::anyhow!("the store was set twice"))?;
    status.set_phase(Phase::Replaying);

    let parts = Parts {
        config,
        status,
        store,
        lease,
        dead_letters,
        own_metrics,
        push,
        keeper,
        crashed,
        restored_from,
    };
    parts.consume(checkpointer, shutdown).await?;

    stop_http.cancel();
    while let Some(stopped) = servers.join_next().await {
        stopped.context("the HTTP server failed")?;
    }
    tracing::info!("stopped");
    Ok(())
}

async fn bind(listen: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; is {key} taken or not ours?"))
}

/// What consuming needs, once the state is restored.
struct Parts {
    config: Config,
    status: Status,
    store: Store,
    lease: Lease,
    dead_letters: DeadLetters,
    own_metrics: OwnMetrics,
    push: PushFront,
    keeper: Keeper,
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
        let connector = Connector::new(self.config.redis.target.clone());
        if self.config.redis.target.abort_connect && self.config.reads_redis() {
            connector.connect().await.context("Redis cannot be reached, and abortConnect=true")?;
        }
        let mut running = self.spawn(checkpointer, &connector);
        match running.until_the_end(&shutdown).await? {
            End::Asked => self.drain(running).await,
            End::Unusable(error) => self.drain(running).await.and(Err(error.into())),
            End::Fenced(error) => {
                drop(tokio::time::timeout(Duration::ZERO, self.push.close()).await);
                running.stop_reading.cancel();
                Err(error.into())
            }
        }
    }

    fn spawn(&self, checkpointer: Checkpointer, connector: &Connector) -> Running {
        let stop_reading = CancellationToken::new();
        let stop_checkpoints = CancellationToken::new();
        let stop_upkeep = CancellationToken::new();
        let decode = Arc::new(DecodeOptions {
            sort_labels: self.config.metrics.sort_incoming_labels,
            utf8_names: self.config.metrics.utf8_names,
            hasher: self.store.hasher(),
        });
        let waiting = Waiting::default();
        let context = pipeline::Context {
            store: self.store.clone(),
            status: self.status.clone(),
            decode: Arc::clone(&decode),
            dead_letters: self.dead_letters.clone(),
            waiting: waiting.clone(),
            own_metrics: self.own_metrics.clone(),
            workers: self.config.redis.metric_queue_workers,
            lease: self.lease.clone(),
            checkpoints: checkpointer.out_of_turn(),
            restored_from: self.restored_from,
            shutdown: stop_reading.clone(),
        };
        let (mut readers, mut keepers) = (JoinSet::new(), JoinSet::new());
        for (source, upkeep) in sources(self, connector) {
            // Before any task runs: `/metrics` must wait for all of them.
            self.status.source(source.key(), |_| {});
            readers.spawn(pipeline::run(source, context.clone()));
            keepers.spawn(pipeline::keep_up(
                upkeep,
                self.store.clone(),
                self.status.clone(),
                self.lease.clone(),
                checkpointer.durable(),
                stop_upkeep.clone(),
            ));
        }
        self.keeper.start(
            &self.push,
            self.store.clone(),
            decode,
            self.lease.clone(),
            &waiting,
            connector,
        );
        keepers.spawn(redis_dead_letters::run(
            connector.clone(),
            self.config.dead_letters.clone(),
            self.dead_letters.clone(),
            stop_upkeep.clone(),
        ));
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
                true => introduce(connector.clone(), stop_reading.clone()).left_future(),
                false => std::future::ready(Ok(())).right_future(),
            }),
            opening: tokio::spawn(open_when_caught_up(self.status.clone(), stop_reading.clone())),
            stop_reading,
            stop_checkpoints,
            stop_upkeep,
        }
    }

    /// Applies what is read, makes it durable, acknowledges it, and gives the ownership back.
    async fn drain(&self, mut running: Running) -> anyhow::Result<()> {
        // Pushes on their way are applied and answered; new ones are told to come again.
        if tokio::time::timeout(PATIENCE, self.push.close()).await.is_err() {
            tracing::info!("the last pushes are kept, and applied by the next start");
        }
        running.stop_reading.cancel();
        running.opening.await.context("waiting for the sources failed")?;
        if self.status.report().phase == Phase::Serving {
            self.status.set_phase(Phase::Stopping);
        }
        while let Some(stopped) = running.readers.join_next().await {
            stopped.context("a source failed")?;
        }
        running.stop_checkpoints.cancel();
        // One in flight is finished first.
        let mut checkpointer =
            match tokio::time::timeout(LAST_CHECKPOINT_PATIENCE, running.checkpoints).await {
                Ok(finished) => finished.context("the checkpointer failed")??,
                Err(_) => anyhow::bail!("a checkpoint in flight has no answer; {NOTHING_IS_LOST}"),
            };
        let last = self.last_checkpoint(&mut checkpointer).await;
        running.stop_upkeep.cancel();
        let all_stopped = async { while running.keepers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all_stopped).await.is_err() {
            tracing::info!("the last acknowledgements are left to the next start");
        }
        if last.is_err() && checkpointer.has_lock() {
            // A write may hang, and land late: the lock goes with the process.
            return last;
        }
        match tokio::time::timeout(PATIENCE, checkpointer.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(%error, "a standby has to wait for the lease's end"),
            Err(_) => tracing::info!("a standby has to wait for the lease's end"),
        }
        last
    }

    /// Supervisors do not wait for long: better no last checkpoint than none of the rest.
    async fn last_checkpoint(&self, checkpointer: &mut Checkpointer) -> anyhow::Result<()> {
        kill_point("shutdown-drained");
        let written = checkpointer.checkpoint(&self.store, &self.status, true);
        match tokio::time::timeout(LAST_CHECKPOINT_PATIENCE, written).await {
            Ok(Ok(_)) => {
                kill_point("shutdown-saved");
                Ok(())
            }
            Ok(Err(fenced @ CheckpointError::Fenced { .. })) => Err(fenced.into()),
            Ok(Err(error)) => Err(anyhow::Error::from(error).context(NOTHING_IS_LOST)),
            Err(_) => Err(anyhow::anyhow!("no answer within {LAST_CHECKPOINT_PATIENCE:?}")
                .context(NOTHING_IS_LOST)),
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

/// Opens `/metrics` when every source has reached the tail it had at start.
async fn open_when_caught_up(status: Status, stop: CancellationToken) {
    while !status.caught_up() {
        tokio::select! {
            () = tokio::time::sleep(CATCH_UP_POLL) => {}
            () = stop.cancelled() => return,
        }
    }
    status.set_phase(Phase::Serving);
    tracing::info!(after_seconds = status.uptime().as_secs_f64(), "caught up; serving /metrics");
}
