//! One round: servers, gateway, producers and a scraper of its own, and what befalls them.

use std::thread::sleep;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::commands::load::producer::Plan;

use super::oracle::Expected;
use super::report::Tally;
use super::schedule::{Act, Bout, Schedule, Setting, What};
use crate::harness::campaign::burst;
use crate::harness::snapshot_store::SnapshotStore;
use crate::harness::{
    Gateway, LIST, Producers, Proxy, Pushers, RedisServer, STREAM, Scraper, WallClock,
};
use crate::harness::{producer, wait_for};

/// So that a gateway without optimisations, on a busy machine, catches up after every kill.
const PAYLOADS_PER_SECOND: f64 = 1500.0;
const MOST_EVENTS_PER_SECOND: f64 = 12_000.0;

/// Without optimisations, more of them at once keep the processor from renewing a lease of 1 s.
const MOST_EVENTS_OF_A_PAGE: u64 = 5_000;
const DEADLINE: Duration = Duration::from_secs(60);

/// Just above what the load needs, and below what one giant histogram does.
pub(super) const MAX_SERIES: u64 = 290;

/// Pushing over HTTP at the same time.
const PUSHERS: usize = 4;
/// Pushes that every bout must see answered.
const LEAST_PUSHES: u64 = 20;

/// The group that is used at first.
const GROUP: &str = "prom-stream-gateway";

/// Sent last, to each source: once it is served, so is all that was sent before.
const MARKER: &str = "torture_marker_total";

/// What a bad event is in conflict with.
pub(super) const PRIMER: &str =
    r#"{"type":"histogram","name":"torture_primer","value":1,"buckets":[1]}"#;
const PRIMED: &str = "torture_primer_count";

pub(super) struct Round {
    pub(super) setting: Setting,
    pub(super) gateway: Gateway,
    /// Another of the same identity and snapshots; not running.
    pub(super) other: Gateway,
    pub(super) store: SnapshotStore,
    pub(super) proxy: Proxy,
    pub(super) redis: RedisServer,
    /// By which every gateway goes.
    pub(super) clock: WallClock,
    pub(super) expected: Expected,
    pub(super) tally: Tally,
    /// The consumer group that is in use.
    pub(super) group: String,
    seed: u64,
}

impl Round {
    /// Panics when anything is not as it must be.
    pub(super) fn run(schedule: &Schedule) -> Tally {
        let mut round = Self::set_up(schedule);
        let scraper = Scraper::across(&[round.gateway.port(), round.other.port()]);
        for bout in &schedule.bouts {
            round.bout(bout);
        }
        // What Redis would deliver again must not be applied again.
        round.kill();
        round.launch();
        round.settle("after one kill more, at rest");
        round.tally.lost = round.gateway.total("lost");
        round.gateway.stop();
        round.tally.pages = scraper.finish().pages;
        round.tally.rounds = 1;
        round.tally.events = *round.expected.processed().start();
        round.tally.refused = round.expected.refused_total();
        round.tally.pushes = round.expected.pushes();
        round.tally
    }

    fn set_up(schedule: &Schedule) -> Self {
        let Schedule { seed, setting, .. } = *schedule;
        let persistence: &[&str] = match setting.persistent {
            true => &["--appendonly", "yes", "--appendfsync", "always"],
            false => &[],
        };
        let redis = RedisServer::start(persistence);
        let proxy = Proxy::to(redis.port());
        let store = SnapshotStore::new(setting.bucket);
        let clock = WallClock::new();
        let gateway = || configured(store.gateway(&redis), &setting, &proxy, &clock);
        let mut round = Self {
            gateway: gateway().start(),
            other: gateway(),
            store,
            proxy,
            redis,
            clock,
            setting,
            expected: Expected::default(),
            tally: Tally::default(),
            group: GROUP.to_owned(),
            seed,
        };
        round.send(&[PRIMER.as_bytes()]);
        round.expected.counted(PRIMED, round.targets().len() as u64);
        round
    }

    /// One of another identity, which shares what is read; not running.
    pub(super) fn gateway_beside(&self, identity: &str) -> Gateway {
        configured(Gateway::of(&self.redis), &self.setting, &self.proxy, &self.clock)
            .set("Gateway__Identity", identity)
            .set("Stream__Group", &self.group)
    }

    fn bout(&mut self, bout: &Bout) {
        let producers = self.start_producers();
        let pushers = self.start_pushers();
        producers.wait_acknowledged(500, DEADLINE);
        for act in &bout.acts {
            self.act(act);
        }
        if let Some(pushers) = pushers {
            self.gateway.wait_ready();
            pushers.wait_answered(LEAST_PUSHES);
            self.expected.pushed.extend(pushers.stop());
        }
        self.expected.ledger.merge(&producers.stop());
        self.settle(&format!("after {:?}", bout.acts));
        if let Some(act) = &bout.quiet {
            self.act(act);
            self.settle(&format!("after {:?} and, quiet, {:?}", bout.acts, act.what));
        }
    }

    fn act(&mut self, act: &Act) {
        let mut random = Random::new(act.seed);
        burst(&mut self.gateway, act.kills, &mut random);
        self.tally.kills += u64::from(act.kills);
        match act.what {
            What::Fault(fault) => {
                (fault.strike)(self, &mut random);
                self.tally.count(fault.name);
            }
            What::KillAt(point) => {
                if super::faults::kill_at(self, point, &mut random) {
                    self.tally.count(&act.what.to_string());
                }
            }
        }
    }

    /// Waits until the gateway serves everything that was sent, and only that.
    pub(super) fn settle(&mut self, context: &str) {
        self.gateway.wait_ready();
        self.send_counted(MARKER, 1);
        wait_for(context, DEADLINE, || {
            let complaints = self.expected.complaints(&self.gateway);
            match complaints.len() {
                0 => Ok(()),
                count => Err(format!(
                    "{count} complaints\n{}\n{}",
                    complaints.into_iter().take(20).collect::<Vec<_>>().join("\n"),
                    self.gateway.status()
                )),
            }
        });
    }

    pub(super) fn start_producers(&mut self) -> Producers {
        self.seed = self.seed.wrapping_add(0x1_0000_0000);
        let setting = &self.setting;
        let plan = match (setting.sources.list(), setting.sources.stream()) {
            (true, true) => producer::to_both(&self.redis),
            (true, false) => producer::to_list(&self.redis),
            _ => producer::to_stream(&self.redis),
        };
        let batch = setting.batch;
        let rate = (PAYLOADS_PER_SECOND * batch as f64).min(MOST_EVENTS_PER_SECOND);
        Producers::start(&Plan { rate, batch, seed: self.seed, ..plan })
    }

    /// On disk only: in a bucket the gateways of an identity are on machines of their own, and each
    /// has a journal of its own.
    fn start_pushers(&self) -> Option<Pushers> {
        let ports = [self.gateway.port(), self.other.port()];
        let prefix = format!("{:x}", self.seed);
        (!self.setting.bucket).then(|| Pushers::start(&ports, PUSHERS, &prefix, self.seed))
    }

    /// SIGKILL, counted.
    pub(super) fn kill(&mut self) {
        self.gateway.kill();
        self.tally.kills += 1;
    }

    pub(super) fn launch(&mut self) {
        self.gateway.launch();
    }

    /// Lets some time pass, in which the gateway may be killed, up to twice.
    pub(super) fn pass(&mut self, random: &mut Random, longest: Duration) {
        for _ in 0..random.below(3) {
            self.sleep(random, longest / 3);
            self.kill();
            self.launch();
        }
        self.sleep(random, longest / 3);
    }

    pub(super) fn sleep(&self, random: &mut Random, longest: Duration) {
        sleep(Duration::from_micros(random.below(longest.as_micros() as u64)));
    }

    /// The other one is the gateway from now on.
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.gateway, &mut self.other);
    }

    /// The keys that the gateway reads.
    pub(super) fn targets(&self) -> Vec<&'static str> {
        let sources = self.setting.sources;
        let list = sources.list().then_some(LIST);
        list.into_iter().chain(sources.stream().then_some(STREAM)).collect()
    }

    /// Each payload to each key, in this order.
    pub(super) fn send(&self, payloads: &[&[u8]]) {
        let mut pipe = redis::pipe();
        for target in self.targets() {
            for payload in payloads {
                match target {
                    LIST => pipe.cmd("LPUSH").arg(LIST).arg(payload),
                    _ => pipe.cmd("XADD").arg(STREAM).arg("*").arg("data").arg(payload),
                };
            }
        }
        let sent: redis::RedisResult<Vec<redis::Value>> = pipe.query(&mut self.redis.connection());
        sent.unwrap_or_else(|error| panic!("cannot send {} payloads: {error}", payloads.len()));
    }

    /// So many events to each key, that must be served.
    pub(super) fn send_counted(&mut self, counter: &'static str, events: u64) {
        let event = event(counter);
        self.send(&vec![event.as_bytes(); events as usize]);
        self.expected.counted(counter, events * self.targets().len() as u64);
    }
}

/// A gateway with the settings of the round.
fn configured(gateway: Gateway, setting: &Setting, proxy: &Proxy, clock: &WallClock) -> Gateway {
    let page = setting.page.min(MOST_EVENTS_OF_A_PAGE / setting.batch as u64).to_string();
    let gateway = clock
        .shown_to(gateway)
        .set("Redis__ConnectionString", &format!("{},name=torture", proxy.address()))
        .set("Redis__MetricQueuePopCount", &page)
        .set("Stream__BatchSize", &page)
        .set("Stream__ClaimIdle", "1s")
        .set("Snapshot__Interval", &interval(setting))
        .set("Snapshot__Keep", &setting.keep.to_string())
        .set("Metrics__MaxSeries", &MAX_SERIES.to_string());
    let sources = setting.sources;
    match (sources.list(), sources.group(), sources.reader()) {
        (list, true, _) => {
            gateway.set("Stream__Mode", "group").set("Redis__MetricQueueEnabled", flag(list))
        }
        (list, _, true) => {
            gateway.set("Stream__Mode", "reader").set("Redis__MetricQueueEnabled", flag(list))
        }
        _ => gateway.list_only(),
    }
}

pub(super) fn interval(setting: &Setting) -> String {
    format!("{}ms", setting.interval_ms)
}

pub(super) fn event(counter: &str) -> String {
    format!(r#"{{"name":"{counter}","value":1}}"#)
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}
