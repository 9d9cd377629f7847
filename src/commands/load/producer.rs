//! Producers: one task for each target key, writing pipelines of generated events.
//!
//! A producer keeps one connection, one pipeline in flight, and notes each
//! pipeline's fate in the shared ledger before it sends the next, so that the
//! ledger is at any instant what Redis acknowledged, at most one pipeline behind.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Pipeline, RedisError, RedisResult, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Outcome};
use super::mix::{Catalogue, Generator, Mix, Sample};
use crate::config::RedisTarget;
use crate::push::random_ticket;
use crate::redis::{ConnectError, Connection, Connector};

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(2);

/// A paced producer writes at least this often, rather than in rare large pipelines.
const WRITES_PER_SECOND: f64 = 50.0;

/// A key to write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// LPUSH, one element for each payload.
    List(String),
    /// XADD with the payload in the field `data`.
    Stream(String),
}

impl Target {
    /// The `target` label of this target's gauges.
    pub fn label(&self) -> String {
        match self {
            Self::List(key) => format!("list:{key}"),
            Self::Stream(key) => format!("stream:{key}"),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::List(key) | Self::Stream(key) => key,
        }
    }

    fn push(&self, pipeline: &mut Pipeline, payload: &str) {
        match self {
            Self::List(key) => pipeline.cmd("LPUSH").arg(key).arg(payload),
            Self::Stream(key) => pipeline.cmd("XADD").arg(key).arg("*").arg("data").arg(payload),
        };
    }
}

/// What to send, where, how fast and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub redis: RedisTarget,
    pub targets: Vec<Target>,
    pub mix: Mix,
    /// Label sets of each family.
    pub series: usize,
    /// Events of each payload; one is sent as an object, several as an array.
    pub batch: usize,
    /// Payloads of each round trip.
    pub pipeline: usize,
    /// Events per second of all targets together; 0 for as fast as possible.
    pub rate: f64,
    /// Events of all targets together; `None` until stopped.
    pub total: Option<u64>,
    pub seed: u64,
    /// Each payload has an id, and is sent again until it is answered: it counts once.
    pub until_answered: bool,
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    ledger: Arc<Mutex<Ledger>>,
    tasks: JoinSet<Result<(), ConnectError>>,
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub acknowledged: u64,
    pub attempted: u64,
    pub refused: u64,
    pub errors: u64,
}

impl Load {
    /// Starts one producer for each target; they end at the plan's total or when told to stop.
    pub fn start(plan: &Plan, stop: &CancellationToken) -> Self {
        let labels: Vec<_> = plan.targets.iter().map(Target::label).collect();
        let catalogue = Arc::new(Catalogue::new(plan.series, &labels));
        let ledger = Arc::new(Mutex::new(Ledger::new(&catalogue)));
        let mut tasks = JoinSet::new();
        for at in 0..plan.targets.len() {
            let producer = Producer::new(plan, at, catalogue.clone(), ledger.clone());
            tasks.spawn(producer.run(stop.clone()));
        }
        Self { ledger, tasks }
    }

    /// A copy of the ledger as it stands.
    pub fn ledger(&self) -> Ledger {
        self.ledger.lock().clone()
    }

    pub fn progress(&self) -> Progress {
        let ledger = self.ledger.lock();
        Progress {
            acknowledged: ledger.events_acknowledged,
            attempted: ledger.events_attempted,
            refused: ledger.events_refused,
            errors: ledger.errors,
        }
    }

    /// Waits until every producer has ended; an error is one that trying again cannot mend.
    pub async fn finished(&mut self) -> Result<(), ConnectError> {
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a producer does not panic, nor is it aborted")?;
        }
        Ok(())
    }
}

/// Whether an error will stay however often one tries.
fn is_final(error: &ConnectError) -> bool {
    use redis::ErrorKind::{AuthenticationFailed, InvalidClientConfig};
    match error {
        ConnectError::Redis { error, .. } => {
            matches!(error.kind(), AuthenticationFailed | InvalidClientConfig)
        }
        ConnectError::TlsFile { .. }
        | ConnectError::NoAuthority { .. }
        | ConnectError::Tls(_)
        | ConnectError::NoEndpoint
        | ConnectError::DatabaseInCluster { .. } => true,
        _ => false,
    }
}

/// Whether another server is the one to write to: the primary now, or a node of the cluster.
fn is_elsewhere(refusal: &RedisError) -> bool {
    refusal.is_cluster_error() || refusal.code() == Some("READONLY")
}

struct Producer {
    connector: Connector,
    target: Target,
    generator: Generator,
    catalogue: Arc<Catalogue>,
    ledger: Arc<Mutex<Ledger>>,
    batch: usize,
    pipeline: usize,
    rate: f64,
    /// Events still to send.
    remaining: u64,
    ids: Option<Ids>,
    /// What was sent and not answered, where it is to be sent again.
    unanswered: Option<Write>,
}

/// Ids of payloads, of no other producer.
struct Ids {
    producer: u64,
    next: u64,
}

impl Ids {
    /// The payload of these events, under an id of its own.
    fn envelope(&mut self, events: &str) -> String {
        let Self { producer, next } = self;
        let id = format!("{producer:016x}-{next}");
        *next += 1;
        let events = events.trim_start_matches('[').trim_end_matches(']');
        format!(r#"{{"id":"{id}","events":[{events}]}}"#)
    }
}

/// One round trip: the commands, and each command's events.
struct Write {
    pipeline: Pipeline,
    samples: Vec<Vec<Sample>>,
    events: u64,
}

impl Producer {
    fn new(plan: &Plan, at: usize, catalogue: Arc<Catalogue>, ledger: Arc<Mutex<Ledger>>) -> Self {
        let targets = plan.targets.len() as u64;
        let share = |total: u64| total / targets + u64::from((at as u64) < total % targets);
        let rate = plan.rate / targets as f64;
        let pipeline = match rate {
            0.0 => plan.pipeline,
            _ => {
                let paced = rate / WRITES_PER_SECOND / plan.batch as f64;
                plan.pipeline.min(paced.ceil() as usize)
            }
        };
        Self {
            connector: Connector::new(plan.redis.clone()),
            target: plan.targets[at].clone(),
            generator: Generator::new(plan.mix, at, plan.seed),
            catalogue,
            ledger,
            batch: plan.batch,
            pipeline,
            rate,
            remaining: plan.total.map_or(u64::MAX, share),
            ids: plan.until_answered.then(|| Ids { producer: random_ticket(), next: 0 }),
            unanswered: None,
        }
    }

    async fn run(mut self, stop: CancellationToken) -> Result<(), ConnectError> {
        let mut connection = None;
        let mut backoff = FIRST_BACKOFF;
        let mut due = Instant::now();
        while self.unanswered.is_some() || self.remaining > 0 && !stop.is_cancelled() {
            let open = match connection.take() {
                Some(open) => Ok(open),
                None => self.connector.connect_for(self.target.key()).await,
            };
            let error = match open {
                Ok(mut open) => {
                    let write = self.unanswered.take().unwrap_or_else(|| self.next_write());
                    // Behind schedule (Redis was away), the schedule starts anew: no bursts.
                    due = due.max(Instant::now() - Duration::from_millis(100));
                    if self.rate > 0.0 {
                        due += Duration::from_secs_f64(write.events as f64 / self.rate);
                    }
                    match self.send(&mut open, write).await {
                        Ok(None) => {
                            connection = Some(open);
                            backoff = FIRST_BACKOFF;
                            wait(due, &stop).await;
                            continue;
                        }
                        // The connection is sound; Redis refuses, at least for now.
                        Ok(Some(refusal)) => {
                            if !is_elsewhere(&refusal) {
                                connection = Some(open);
                            }
                            refusal.to_string()
                        }
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => error.to_string(),
            };
            self.ledger.lock().errors += 1;
            tracing::debug!(target = %self.target.label(), %error, "write failed");
            match self.unanswered {
                // Also after the stop: what became of it is to be known.
                Some(_) => sleep_until(Instant::now() + FIRST_BACKOFF).await,
                None => wait(Instant::now() + backoff, &stop).await,
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
        Ok(())
    }

    fn next_write(&mut self) -> Write {
        let mut write = Write { pipeline: Pipeline::new(), samples: Vec::new(), events: 0 };
        write.pipeline.ignore_errors();
        let mut payload = String::new();
        while write.samples.len() < self.pipeline && self.remaining > 0 {
            let events = self.remaining.min(self.batch as u64);
            payload.clear();
            let mut samples = Vec::with_capacity(self.batch);
            for at in 0..events {
                payload.push_str(match (at, self.batch) {
                    (_, 1) => "",
                    (0, _) => "[",
                    _ => ",",
                });
                samples.push(self.generator.event(&self.catalogue, &mut payload));
            }
            if self.batch > 1 {
                payload.push(']');
            }
            if let Some(ids) = &mut self.ids {
                payload = ids.envelope(&payload);
            }
            self.target.push(&mut write.pipeline, &payload);
            write.samples.push(samples);
            write.events += events;
            self.remaining -= events;
        }
        write
    }

    /// Writes one pipeline and notes its fate; the refusal of a part of it, if any.
    async fn send(
        &mut self,
        connection: &mut Connection,
        write: Write,
    ) -> RedisResult<Option<RedisError>> {
        let replies: RedisResult<Vec<RedisResult<Value>>> =
            write.pipeline.query_async(connection).await;
        let mut ledger = self.ledger.lock();
        match replies {
            Ok(replies) => {
                let mut refusal = None;
                for (samples, reply) in write.samples.iter().zip(replies) {
                    match reply {
                        Ok(_) => ledger.record(samples, Outcome::Acknowledged),
                        Err(error) => {
                            ledger.record(samples, Outcome::Refused);
                            self.remaining = self.remaining.saturating_add(samples.len() as u64);
                            refusal = Some(error);
                        }
                    }
                }
                Ok(refusal)
            }
            Err(error) if self.ids.is_some() => {
                drop(ledger);
                self.unanswered = Some(write);
                Err(error)
            }
            Err(error) => {
                for samples in &write.samples {
                    ledger.record(samples, Outcome::Unknown);
                }
                Err(error)
            }
        }
    }
}

async fn wait(until: Instant, stop: &CancellationToken) {
    tokio::select! {
        () = sleep_until(until) => {}
        () = stop.cancelled() => {}
    }
}
