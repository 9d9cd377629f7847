//! What is counted of pushes over HTTP.
//!
//! A request counts from its first header until it is answered or its client gave up.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Opts};
use tokio::time::Instant;

use super::{NAMESPACE, histogram};

/// Handle to the collectors; clones share them.
#[derive(Clone)]
pub struct PushMetrics {
    requests: IntCounterVec,
    body_bytes: IntCounter,
    in_flight: IntGauge,
    buffered_bytes: IntGauge,
    duration: Histogram,
}

impl PushMetrics {
    pub(super) fn new() -> Self {
        let opts = |name, help| Opts::new(name, help).namespace(NAMESPACE);
        Self {
            requests: IntCounterVec::new(
                opts("push_requests_total", "Pushes over HTTP, by the status they were answered."),
                &["dialect", "method", "code"],
            )
            .expect("a constant name and labels"),
            body_bytes: IntCounter::with_opts(opts(
                "push_body_bytes_total",
                "Bytes of the bodies of pushes, decompressed.",
            ))
            .expect("a constant name"),
            in_flight: IntGauge::with_opts(opts(
                "push_requests_in_flight",
                "Pushes that are being received or applied.",
            ))
            .expect("a constant name"),
            buffered_bytes: IntGauge::with_opts(opts(
                "push_buffered_bytes",
                "Memory that the bodies of pushes take; pushes beyond the limit are put off.",
            ))
            .expect("a constant name"),
            duration: histogram(
                "push_duration_seconds",
                "How long a push took from its headers to its answer.",
                &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            ),
        }
    }

    /// A request has come.
    pub fn begin(&self) -> PushInFlight<'_> {
        self.in_flight.inc();
        PushInFlight { metrics: self, since: Instant::now() }
    }

    /// Where the memory of bodies is shown.
    pub fn buffered_bytes(&self) -> IntGauge {
        self.buffered_bytes.clone()
    }

    /// A body of so many bytes is whole.
    pub fn received(&self, body_bytes: usize) {
        self.body_bytes.inc_by(body_bytes as u64);
    }
}

impl Collector for PushMetrics {
    fn desc(&self) -> Vec<&Desc> {
        let Self { requests, body_bytes, in_flight, buffered_bytes, duration } = self;
        let numbers = [body_bytes.desc(), in_flight.desc(), buffered_bytes.desc()].concat();
        [requests.desc(), numbers, duration.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Self { requests, body_bytes, in_flight, buffered_bytes, duration } = self;
        let numbers = [body_bytes.collect(), in_flight.collect(), buffered_bytes.collect()];
        [requests.collect(), numbers.concat(), duration.collect()].concat()
    }
}

/// A push that is not answered yet; dropped when it is, or when its client gave up.
pub struct PushInFlight<'a> {
    metrics: &'a PushMetrics,
    since: Instant,
}

impl PushInFlight<'_> {
    /// It was answered.
    pub fn end(self, dialect: &str, method: &str, code: u16) {
        self.metrics.requests.with_label_values(&[dialect, method, &code.to_string()]).inc();
        self.metrics.duration.observe(self.since.elapsed().as_secs_f64());
    }
}

impl Drop for PushInFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}
