//! From Redis to a complete `/metrics`: one measurement of the executable.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::redis_server::{Dump, Redis, directory};

/// Acknowledgements follow the checkpoint that permits them, and are part of what an event costs.
const SETTLE: Duration = Duration::from_millis(1500);

const LIST: &[(&str, &str)] = &[("Stream__Mode", "off")];
const GROUP: &[(&str, &str)] = &[("Redis__MetricQueueEnabled", "false"), ("Stream__Mode", "group")];
const READER: &[(&str, &str)] =
    &[("Redis__MetricQueueEnabled", "false"), ("Stream__Mode", "reader")];

/// How the gateway reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    List,
    Group,
    Reader,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::List, Self::Reader, Self::Group];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Group => "group",
            Self::Reader => "reader",
        }
    }

    pub(crate) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::List => LIST,
            Self::Group => GROUP,
            Self::Reader => READER,
        }
    }
}

/// Everything that was in Redis is applied, and served; the processes still run.
pub(crate) struct Run {
    pub(crate) seconds: f64,
    pub(crate) gateway: Gateway,
    pub(crate) redis: Redis,
    redis_cpu_before: f64,
    _data: TempDir,
}

/// CPU of a run, its acknowledgements included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) gateway_seconds: f64,
    pub(crate) redis_seconds: f64,
}

/// From the start of the process to ready, with checkpoints every half second unless `more` says
/// otherwise. Panics unless exactly so many events are counted.
pub(crate) fn run(dump: &Dump, mode: Mode, more: &[(&str, &str)], events: usize) -> Run {
    run_through(dump, mode, more, events, |redis| redis.port)
}

/// The same, with something before Redis that listens on a port of its own.
pub(crate) fn run_through(
    dump: &Dump,
    mode: Mode,
    more: &[(&str, &str)],
    events: usize,
    port: impl FnOnce(&Redis) -> u16,
) -> Run {
    let (redis, data) = (Redis::start_from(dump), directory());
    let port = port(&redis);
    let settings = [mode.settings(), &[("Snapshot__Interval", "500ms")], more].concat();
    let redis_cpu_before = redis.cpu_seconds();
    let started = Instant::now();
    let gateway = Gateway::start(port, data.path(), &settings);
    gateway.wait_ready();
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(gateway.processed(), events as u64, "{}", mode.name());
    Run { seconds, gateway, redis, redis_cpu_before, _data: data }
}

impl Run {
    /// Waits for the acknowledgements.
    pub(crate) fn cpu(&self) -> Cpu {
        std::thread::sleep(SETTLE);
        Cpu {
            gateway_seconds: self.gateway.cpu_seconds(),
            redis_seconds: self.redis.cpu_seconds() - self.redis_cpu_before,
        }
    }
}
