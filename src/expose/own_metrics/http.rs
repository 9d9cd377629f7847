//! What is counted of the HTTP side's limits: who is connected, and who had to make room.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntGauge};

use super::{counter, gauge};

/// Handle to the collectors; clones share them.
#[derive(Clone)]
pub struct HttpMetrics {
    pub connections: IntGauge,
    pub idle_connections_closed: IntCounter,
    pub requests_turned_away: IntCounter,
    pub pages_broken_off: IntCounter,
    pub accept_failures: IntCounter,
    pub password_checks_waiting: IntGauge,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            connections: gauge("http_connections", "HTTP connections that are open."),
            idle_connections_closed: counter(
                "http_idle_connections_closed_total",
                "Idle HTTP connections closed to make room for new ones.",
            ),
            requests_turned_away: counter(
                "http_requests_turned_away_total",
                "Requests answered with 503 because too many were served or waited.",
            ),
            pages_broken_off: counter(
                "http_pages_broken_off_total",
                "Pages whose clients did not read on, broken off to make room for other scrapes.",
            ),
            accept_failures: counter(
                "http_accept_failures_total",
                "Times that a connection could not be accepted, mostly for lack of file \
                 descriptors.",
            ),
            password_checks_waiting: gauge(
                "http_password_checks_waiting",
                "Requests that wait for their password to be compared with a bcrypt hash.",
            ),
        }
    }
}

impl HttpMetrics {
    fn all(&self) -> [&dyn Collector; 6] {
        let Self { connections, idle_connections_closed, requests_turned_away, .. } = self;
        let Self { pages_broken_off, accept_failures, password_checks_waiting, .. } = self;
        [
            connections,
            idle_connections_closed,
            requests_turned_away,
            pages_broken_off,
            accept_failures,
            password_checks_waiting,
        ]
    }
}

impl Collector for HttpMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}
