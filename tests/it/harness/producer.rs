//! The load command's producers, in a thread of the test, with their ledger.

use std::time::Duration;

use prom_stream_gateway::commands::load::ledger::Ledger;
use prom_stream_gateway::commands::load::mix::Mix;
use prom_stream_gateway::commands::load::producer::{Load, Plan, Progress, Target};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::{LIST, RedisServer, STREAM, wait_for};

pub(crate) struct Producers {
    runtime: Runtime,
    load: Load,
    stop: CancellationToken,
}

/// A plan for the gateway's default list.
pub(crate) fn to_list(redis: &RedisServer) -> Plan {
    plan(redis, vec![Target::List(LIST.into())])
}

/// A plan for the gateway's default stream.
pub(crate) fn to_stream(redis: &RedisServer) -> Plan {
    plan(redis, vec![Target::Stream(STREAM.into())])
}

/// A plan for both.
pub(crate) fn to_both(redis: &RedisServer) -> Plan {
    plan(redis, vec![Target::List(LIST.into()), Target::Stream(STREAM.into())])
}

fn plan(redis: &RedisServer, targets: Vec<Target>) -> Plan {
    Plan {
        redis: redis.address().parse().expect("an address is a connection string"),
        targets,
        mix: Mix::default(),
        series: 10,
        batch: 1,
        pipeline: 100,
        rate: 4000.0,
        total: None,
        seed: 1,
        until_answered: false,
    }
}

impl Producers {
    pub(crate) fn start(plan: &Plan) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let stop = CancellationToken::new();
        let load = runtime.block_on(async { Load::start(plan, &stop) });
        Self { runtime, load, stop }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.load.progress()
    }

    /// Waits until Redis has acknowledged that many events.
    #[track_caller]
    pub(crate) fn wait_acknowledged(&self, events: u64, deadline: Duration) {
        wait_for("acknowledged events", deadline, || {
            let progress = self.progress();
            if progress.acknowledged >= events { Ok(()) } else { Err(format!("{progress:?}")) }
        });
    }

    /// Stops after the pipelines in flight.
    pub(crate) fn stop(self) -> Ledger {
        self.stop.cancel();
        self.wait()
    }

    /// Waits for the plan's total.
    pub(crate) fn wait(mut self) -> Ledger {
        let finished = self.runtime.block_on(self.load.finished());
        finished.expect("the producers' connection string is right");
        self.load.ledger()
    }
}
