//! `demo`: shows the gateway at work, from producer to scrape.
//!
//! A gateway and two producers, all on this machine and gone when the demo ends; with `--redis`
//! also a redis-server between them. Now and then the gateway is killed outright (SIGKILL): what it
//! serves afterwards is again everything that was sent. Without a Redis that takes producers which
//! send again, under its id, what was not answered: who else could know what became of it?

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use self::children::{Directory, GatewayChild, RedisChild};
use super::load::mix::Mix;
use super::load::producer::{Load, Plan, Target};
use crate::config::{Endpoint, RedisTarget, Sources};

mod children;

const LIST: &str = "prom-stream-gateway:metric-queue";
const STREAM: &str = "prom-stream-gateway:metric-stream";

/// How long the last events may take to be served.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

#[derive(clap::Args, Debug)]
pub struct Opts {
    /// Port of the gateway on 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = 9091)]
    port: u16,

    /// Put a redis-server between the producers and the gateway; it must be on the PATH
    #[arg(long)]
    redis: bool,

    /// Stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u32>,

    /// Events per second, half of them to the list and half to the stream
    #[arg(long, value_name = "EVENTS", default_value_t = 1000)]
    rate: u32,

    /// Kill the gateway (SIGKILL) and start it again every so many seconds; 0: never
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    kill_every: u32,
}

/// What the line of totals shows.
#[derive(Debug, Default)]
struct Totals {
    list: u64,
    stream: u64,
    served: u64,
    kills: u32,
}

/// The demo has settings of its own; the user's are not looked at.
pub async fn run(opts: Opts, _sources: Sources) -> anyhow::Result<()> {
    let stop = on_signal()?;
    // Declared before the children, and so removed after they are gone.
    let directory = Directory::create()?;
    let redis = match opts.redis {
        true => Some(RedisChild::start(&directory).await?),
        false => None,
    };
    let redis_port = redis.as_ref().map(|redis| redis.port);
    let mut gateway = GatewayChild::new(&directory, opts.port, redis_port)?;
    let mut demo = Demo { totals: Totals::default(), list: None, stream: None };
    let mut shown = demo.show(&opts, &mut gateway, &stop).await;
    stop.cancel();
    if shown.is_ok() {
        shown = demo.finish(&gateway).await;
    }
    gateway.stop().await;
    shown.with_context(|| format!("the gateway's last words:\n{}", gateway.log_tail()))
}

/// A token that is cancelled at SIGTERM or SIGINT. However many signals come, the children
/// are stopped in order.
fn on_signal() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    Ok(stop)
}

struct Demo {
    totals: Totals,
    list: Option<Load>,
    stream: Option<Load>,
}

impl Demo {
    /// Shows totals until the time is up or a signal came.
    async fn show(
        &mut self,
        opts: &Opts,
        gateway: &mut GatewayChild,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        gateway.start()?;
        tokio::select! {
            ready = gateway.wait_ready() => ready?,
            () = stop.cancelled() => return Ok(()),
        }
        introduce(opts, gateway.events_port);
        let plan = |target| plan(target, gateway.events_port, opts);
        self.list = Some(Load::start(&plan(Target::List(LIST.into())), stop));
        self.stream = Some(Load::start(&plan(Target::Stream(STREAM.into())), stop));

        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let started = Instant::now();
        let end = opts.seconds.map(|seconds| started + Duration::from_secs(seconds.into()));
        let kill_every = Duration::from_secs(opts.kill_every.into());
        let mut kill_due = started + kill_every;
        loop {
            tokio::select! {
                _ = second.tick() => {}
                () = stop.cancelled() => return Ok(()),
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
            if opts.kill_every > 0 && Instant::now() >= kill_due {
                gateway.kill().await?;
                gateway.start()?;
                self.totals.kills += 1;
                kill_due += kill_every;
            }
            self.count(gateway).await;
            self.totals.print(false);
        }
    }

    async fn count(&mut self, gateway: &GatewayChild) {
        let sent =
            |load: &Option<Load>| load.as_ref().map_or(0, |load| load.progress().acknowledged);
        self.totals.list = sent(&self.list);
        self.totals.stream = sent(&self.stream);
        // Just killed, it serves nothing for a moment; what it served last stays on screen.
        if let Some(served) = gateway.served().await {
            self.totals.served = served;
        }
    }

    /// Waits for the producers, and until everything that they sent is served.
    async fn finish(&mut self, gateway: &GatewayChild) -> anyhow::Result<()> {
        for load in [&mut self.list, &mut self.stream].into_iter().flatten() {
            load.finished().await?;
        }
        let deadline = Instant::now() + DRAIN_DEADLINE;
        loop {
            self.count(gateway).await;
            let Totals { list, stream, served, .. } = self.totals;
            if served >= list + stream {
                self.totals.print(true);
                return Ok(());
            }
            if Instant::now() >= deadline {
                self.totals.print(true);
                anyhow::bail!("served {served} events, expected {}", list + stream);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Totals {
    /// One line that is overwritten on a terminal, lines elsewhere.
    fn print(&self, last: bool) {
        let Self { list, stream, served, kills } = self;
        let line = format!(
            "sent to the list {list}, to the stream {stream}; served {served}; killed {kills} times"
        );
        let mut out = std::io::stdout().lock();
        let written = match (out.is_terminal(), last) {
            (true, false) => write!(out, "\r\x1b[K{line}"),
            (true, true) => writeln!(out, "\r\x1b[K{line}"),
            (false, _) => writeln!(out, "{line}"),
        };
        // A reader that went away is no reason to leave Redis and the gateway running.
        written.and_then(|()| out.flush()).ok();
    }
}

fn introduce(opts: &Opts, events_port: u16) {
    let port = opts.port;
    let who = if opts.redis { "Redis" } else { "for events, as a Redis does," };
    let event = r#"{"name":"my_total","value":1}"#;
    println!(
        "The gateway listens on port {port}, {who} on port {events_port}.\n\
         \n  See what is served:\n    curl http://127.0.0.1:{port}/metrics\n\
         \n  Send an event by hand:\n    redis-cli -p {events_port} LPUSH {LIST} '{event}'\n    \
         redis-cli -p {events_port} XADD {STREAM} '*' data '{event}'\n\
         \n  End the demo: Ctrl-C\n"
    );
}

fn plan(target: Target, events_port: u16, opts: &Opts) -> Plan {
    Plan {
        redis: RedisTarget {
            endpoints: vec![Endpoint::Tcp { host: "127.0.0.1".into(), port: events_port }],
            ..RedisTarget::default()
        },
        targets: vec![target],
        mix: Mix::default(),
        series: 10,
        batch: 1,
        pipeline: 100,
        rate: f64::from(opts.rate.max(2)) / 2.0,
        total: None,
        seed: 1,
        until_answered: !opts.redis,
    }
}
