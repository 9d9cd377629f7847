//! A gateway that holds many series, and Redis beside it with changes to them that are ready to
//! be taken: a copy of a whole list becomes the queue in one step, so nobody has to produce while
//! the gateway consumes.

use redis::Connection;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::events;
use crate::gateway::Gateway;
use crate::redis_server::{QUEUE, Redis, directory, push_all};
use crate::report::{Figure, Target};
use crate::settings::Settings;
use crate::spread::Spread;
use crate::usage;

/// Events of an entry of what is to be applied quickly.
const BATCH: usize = 1000;

/// One in so many series changes.
const SHARE: usize = 100;

const SETTINGS: &[(&str, &str)] =
    &[("Metrics__MaxSeries", "20000000"), ("Snapshot__Interval", "3s"), ("Stream__Mode", "off")];

/// Changes that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Everything,
    Neighbours,
    Spread,
    /// One event an entry, to every series four times, in no order: what takes the longest.
    Load,
}

pub(super) struct LargeState {
    pub(super) gateway: Gateway,
    pub(super) series: usize,
    redis: Redis,
    data: TempDir,
}

impl Change {
    pub(super) const ALL: [Self; 4] =
        [Self::Everything, Self::Neighbours, Self::Spread, Self::Load];

    fn key(self) -> String {
        format!("bench:{self:?}")
    }

    pub(super) fn events(self, series: usize) -> usize {
        match self {
            Self::Everything => series,
            Self::Neighbours | Self::Spread => series / SHARE,
            Self::Load => series * 4,
        }
    }

    fn fill(self, connection: &mut Connection, series: usize) {
        let order = match self {
            Self::Everything => (0..series).collect(),
            Self::Neighbours => (series / 2..series / 2 + series / SHARE).collect(),
            Self::Spread | Self::Load => events::shuffled(series),
        };
        if self == Self::Load {
            let numbers = order.iter().cycle().take(self.events(series));
            return push_all(connection, &self.key(), numbers.map(|number| events::wide(*number)));
        }
        let elements = events::batches(&order[..self.events(series)], BATCH, events::wide);
        push_all(connection, &self.key(), elements.into_iter());
    }
}

impl LargeState {
    pub(super) fn load(settings: &Settings) -> Self {
        let (redis, data, series) = (Redis::start(), directory(), settings.series);
        let mut connection = redis.connect();
        push_all(&mut connection, QUEUE, (0..series).map(events::wide));
        let gateway = Gateway::start(redis.port, data.path(), SETTINGS);
        gateway.wait_ready();
        assert_eq!(gateway.status()["series"], series, "every series is there");
        for change in Change::ALL {
            change.fill(&mut connection, series);
        }
        Self { gateway, series, redis, data }
    }

    /// The gateway will find the change in its queue; returns what it will have processed then.
    pub(super) fn begin(&self, change: Change) -> u64 {
        let until = self.gateway.processed() + change.events(self.series) as u64;
        let copied: bool = redis::cmd("COPY")
            .arg(&[&change.key(), QUEUE])
            .query(&mut self.redis.connect())
            .expect("COPY, of Redis 6.2");
        assert!(copied, "the queue was empty");
        until
    }

    /// Returns when the change is part of the state.
    pub(super) fn change(&self, change: Change) {
        self.gateway.wait_processed(self.begin(change));
    }

    pub(super) fn resident_bytes(&self) -> f64 {
        usage::resident_bytes(self.gateway.pid())
    }

    pub(super) fn peak_bytes(&self) -> f64 {
        usage::peak_bytes(self.gateway.pid())
    }

    pub(super) fn memory(&self, name: &str, bytes: f64) -> Figure {
        let a_series = Spread::of([bytes / self.series as f64]);
        Figure::new(name, a_series, "bytes a series", Target::AtMost(220.0))
    }

    /// Seconds from start to ready, each time with everything restored.
    pub(super) fn restore(self, rounds: usize) -> Vec<f64> {
        let Self { mut gateway, series, redis, data } = self;
        let mut seconds = Vec::new();
        for _ in 0..rounds {
            gateway.stop();
            let started = Instant::now();
            gateway = Gateway::start(redis.port, data.path(), SETTINGS);
            gateway.wait_ready();
            seconds.push(started.elapsed().as_secs_f64());
            assert_eq!(gateway.status()["series"], series, "every series is back");
        }
        seconds
    }
}
