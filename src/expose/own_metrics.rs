//! What the gateway says of itself on `/metrics`.
//!
//! Nothing here is counted twice. Most families are read at the moment of the
//! scrape from where the number lives anyway: the [`Status`] that also answers
//! `/api/v1/status`, the store's tallies (part of the checkpoint, so they
//! survive a crash as exactly as the producers' counters), the dead letters.
//! Only durations are recorded here, as histograms.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use prometheus::IntCounter as Counter;
use prometheus::core::Collector;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry};

use crate::dead_letters::DeadLetters;
use crate::status::Status;
use crate::store::{Family, Store};

mod collector;
mod convert;
mod door;
mod family;
mod http;
mod push;

use collector::StateCollector;
pub use door::DoorMetrics;
pub use http::HttpMetrics;
pub use push::PushMetrics;

/// The store as those see it who run before it exists: it is set once the snapshot is restored.
pub type LateStore = Arc<OnceLock<Store>>;

/// The released version of this executable.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source revision this executable was built from.
pub const REVISION: &str = match option_env!("PSG_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The prefix of all our own families, which events may not use.
const NAMESPACE: &str = "prom_stream_gateway";

/// Handle to our own metrics; clones share them.
#[derive(Clone)]
pub struct OwnMetrics {
    registry: Registry,
    apply_duration: Histogram,
    scrape_duration: Histogram,
    unsettled_pages: IntCounter,
    page_cache_size: IntGauge,
    pushes: PushMetrics,
    http: HttpMetrics,
    door: DoorMetrics,
}

impl OwnMetrics {
    /// With `disable_meta_metrics` only `prom_stream_gateway_info` is served.
    pub fn new(
        status: Status,
        store: LateStore,
        dead_letters: DeadLetters,
        disable_meta_metrics: bool,
    ) -> Self {
        let metrics = Self {
            registry: Registry::new(),
            apply_duration: histogram(
                "apply_duration_seconds",
                "How long applying one batch of events to the state took.",
                &[
                    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25,
                    1.0,
                ],
            ),
            scrape_duration: histogram(
                "scrape_duration_seconds",
                "How long rendering and handing over one page of metrics took.",
                &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            ),
            unsettled_pages: counter(
                "unsettled_pages_total",
                "Pages served though no snapshot covered in time which series they show: a replay \
                 may decide it otherwise.",
            ),
            page_cache_size: gauge(
                "page_cache_size_bytes",
                "Memory that compressed parts of the last pages take, kept for the next ones.",
            ),
            pushes: PushMetrics::new(),
            http: HttpMetrics::default(),
            door: DoorMetrics::default(),
        };
        metrics.register(info());
        if !disable_meta_metrics {
            metrics.register(build_info());
            metrics.register(metrics.apply_duration.clone());
            metrics.register(metrics.scrape_duration.clone());
            metrics.register(metrics.unsettled_pages.clone());
            metrics.register(metrics.page_cache_size.clone());
            metrics.register(metrics.pushes.clone());
            metrics.register(metrics.http.clone());
            metrics.register(metrics.door.clone());
            metrics.register(StateCollector::new(status, store, dead_letters));
            #[cfg(target_os = "linux")]
            metrics.register(prometheus::process_collector::ProcessCollector::for_self());
        }
        metrics
    }

    /// Records how long applying a batch took.
    pub fn observe_apply(&self, took: Duration) {
        self.apply_duration.observe(took.as_secs_f64());
    }

    /// Records how long a scrape took.
    pub fn observe_scrape(&self, took: Duration) {
        self.scrape_duration.observe(took.as_secs_f64());
    }

    /// Counts a page that was served though a replay may decide otherwise which series there are.
    pub fn count_unsettled_page(&self) {
        self.unsettled_pages.inc();
    }

    /// Where the memory of compressed pages is shown.
    pub fn page_cache_size(&self) -> IntGauge {
        self.page_cache_size.clone()
    }

    /// Where pushes over HTTP are counted.
    pub fn pushes(&self) -> &PushMetrics {
        &self.pushes
    }

    /// Where the limits of the HTTP side are counted.
    pub fn http(&self) -> &HttpMetrics {
        &self.http
    }

    /// Where the Redis-protocol port is counted.
    pub fn door(&self) -> &DoorMetrics {
        &self.door
    }

    /// What there is to say now, to be rendered beside the producers' families or alone.
    pub fn families(&self) -> Vec<Family> {
        self.registry.gather().iter().map(convert::family).collect()
    }

    fn register(&self, collector: impl Collector + 'static) {
        self.registry
            .register(Box::new(collector))
            .expect("our own families have valid names, each registered once");
    }
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::new(name, help).namespace(NAMESPACE).buckets(buckets.to_vec());
    Histogram::with_opts(opts).expect("a constant name and ascending buckets")
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::with_opts(Opts::new(name, help).namespace(NAMESPACE)).expect("a constant name")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::with_opts(Opts::new(name, help).namespace(NAMESPACE)).expect("a constant name")
}

fn constant_one(name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
    let labels: HashMap<_, _> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let opts = Opts::new(name, help).namespace(NAMESPACE).const_labels(labels);
    let gauge = Gauge::with_opts(opts).expect("a constant name and labels");
    gauge.set(1.0);
    gauge
}

fn info() -> Gauge {
    constant_one(
        "info",
        "prom-stream-gateway aggregates metric events that short-lived producers put into Redis \
         lists and streams, and serves the result to Prometheus. Its state survives restarts; \
         every event counts exactly once.",
        &[],
    )
}

fn build_info() -> Gauge {
    constant_one(
        "build_info",
        "Version and source revision of the running gateway.",
        &[("version", VERSION), ("revision", REVISION)],
    )
}

#[cfg(test)]
mod tests;
