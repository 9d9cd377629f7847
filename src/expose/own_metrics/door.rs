//! What is counted of the Redis-protocol port: who is connected, what they say, what is refused.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

use super::{NAMESPACE, counter, gauge};

/// Handle to the collectors; clones share them.
#[derive(Clone)]
pub struct DoorMetrics {
    pub connections: IntGauge,
    pub bytes: IntCounter,
    commands: IntCounterVec,
    refused: IntCounterVec,
    repeated: IntCounter,
}

impl Default for DoorMetrics {
    fn default() -> Self {
        let labelled = |name: &str, help: &str, label: &str| {
            let opts = Opts::new(name, help).namespace(NAMESPACE);
            IntCounterVec::new(opts, &[label]).expect("a constant name and label")
        };
        Self {
            connections: gauge(
                "redis_listener_connections",
                "Producers connected to the Redis-protocol port.",
            ),
            bytes: counter(
                "redis_listener_received_bytes_total",
                "Bytes of commands received at the Redis-protocol port.",
            ),
            commands: labelled(
                "redis_listener_commands_total",
                "Commands received at the Redis-protocol port; unknown ones are `other`.",
                "command",
            ),
            refused: labelled(
                "redis_listener_refused_total",
                "What was refused at the Redis-protocol port: pushes to a key that is none of ours \
                 (key) or not the user's (permission), that could not be taken (not_taken) or kept \
                 (not_kept), wrong passwords, connections beyond the limit, other protocols.",
                "reason",
            ),
            repeated: counter(
                "redis_listener_repeated_entries_total",
                "Entries that came again with IDMP or IDMPAUTO, and were answered with the first \
                 one's id.",
            ),
        }
    }
}

impl DoorMetrics {
    /// What counts a command; `None`: one that is unknown.
    pub fn command(&self, name: Option<&str>) -> IntCounter {
        self.commands.with_label_values(&[&name.unwrap_or("other").to_lowercase()])
    }

    pub fn count_refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    pub fn count_repeated(&self) {
        self.repeated.inc();
    }

    fn all(&self) -> [&dyn Collector; 5] {
        [&self.connections, &self.bytes, &self.commands, &self.refused, &self.repeated]
    }
}

impl Collector for DoorMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}
