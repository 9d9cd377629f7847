//! `load`: producers for trying and measuring a gateway, with a ledger to check it by.
//!
//! Events are generated from a seed and written to a list, a stream or both. The
//! ledger file tells for every series what Redis acknowledged: after a drain, the
//! gateway must serve exactly that.

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use self::mix::Mix;
use self::producer::{Load, Plan, Target};
use self::progress::Reporter;
use crate::config::{RedisTarget, Sources};
use crate::redis::Connector;
use crate::telemetry::LogOutput;

pub mod ledger;
pub mod mix;
pub mod producer;
pub mod progress;

/// How often progress is shown.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// How often the ledger file is brought up to date while the load runs.
const LEDGER_EVERY: Duration = Duration::from_secs(1);

#[derive(clap::Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("target").required(true).multiple(true))]
pub struct Opts {
    /// Redis to write to, as in Redis.ConnectionString, which is the default
    #[arg(long, value_name = "CONNECTION")]
    redis: Option<RedisTarget>,

    /// List to LPUSH to
    #[arg(long, value_name = "KEY", group = "target")]
    list: Option<String>,

    /// Stream to XADD to
    #[arg(long, value_name = "KEY", group = "target")]
    stream: Option<String>,

    /// Events per second, all targets together; 0: as fast as possible
    #[arg(long, value_name = "EVENTS", default_value_t = 1000)]
    rate: u32,

    /// Stop after this many events
    #[arg(long, value_name = "EVENTS", conflicts_with = "duration")]
    total: Option<u64>,

    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,

    /// How often each type is sent, relative to the others
    #[arg(
        long,
        value_name = "TYPE=WEIGHT,...",
        default_value = "counter=5,gauge=1,histogram=3,summary=1"
    )]
    mix: Mix,

    /// Label sets of each metric
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..))]
    series: u32,

    /// Events of each payload: more than one are sent as an array
    #[arg(long, value_name = "EVENTS", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=5000))]
    batch: u32,

    /// Payloads of each round trip
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..))]
    pipeline: u32,

    /// Write there what Redis acknowledged, per series, as JSON
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    /// The same seed sends the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl Opts {
    fn plan(&self, redis: RedisTarget) -> Plan {
        let list = self.list.clone().map(Target::List);
        let stream = self.stream.clone().map(Target::Stream);
        Plan {
            redis,
            targets: list.into_iter().chain(stream).collect(),
            mix: self.mix,
            series: self.series as usize,
            batch: self.batch as usize,
            pipeline: self.pipeline as usize,
            rate: self.rate.into(),
            total: self.total,
            seed: self.seed,
            until_answered: false,
        }
    }
}

pub async fn run(opts: Opts, sources: Sources) -> anyhow::Result<()> {
    let config = super::configure(sources, LogOutput::Stderr)?;
    let redis = opts.redis.clone().unwrap_or(config.redis.target);
    // A Redis that goes away later is waited for; one that is not there was named wrongly, perhaps.
    Connector::new(redis.clone()).connect().await?;
    let stop = CancellationToken::new();
    let mut load = Load::start(&opts.plan(redis), &stop);
    let mut reporter = Reporter::new(opts.total);
    let watched = watch(&opts, &mut load, &mut reporter).await;
    // The pipelines in flight are still to be noted.
    stop.cancel();
    let finished = load.finished().await;
    eprintln!("{}", reporter.finish(load.progress()));
    save(&opts, &load)?;
    watched.and(finished.map_err(Into::into))
}

/// Shows progress and keeps the ledger file up to date until the load ends, its time is up,
/// or a signal arrives.
async fn watch(opts: &Opts, load: &mut Load, reporter: &mut Reporter) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let time_is_up = async || match opts.duration {
        Some(seconds) => sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    };
    let mut time_is_up = std::pin::pin!(time_is_up());
    let mut report = interval(REPORT_EVERY);
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ledger_due = Instant::now() + LEDGER_EVERY;
    loop {
        tokio::select! {
            ended = load.finished() => return ended.map_err(Into::into),
            () = &mut time_is_up => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = report.tick() => {}
        }
        reporter.show(load.progress());
        if Instant::now() >= ledger_due {
            save(opts, load)?;
            ledger_due = Instant::now() + LEDGER_EVERY;
        }
    }
}

fn save(opts: &Opts, load: &Load) -> anyhow::Result<()> {
    match &opts.ledger {
        Some(path) => Ok(load.ledger().write(path)?),
        None => Ok(()),
    }
}
