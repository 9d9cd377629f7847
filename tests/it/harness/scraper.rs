//! A scraper that never tires: counters that fall, series that vanish and pages
//! that cannot be parsed fail the test. No page at all (503, connection refused) is
//! fine: Prometheus bridges a gap, and reads a decrease as a reset.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use super::{Page, http};

const SCRAPE_EVERY: Duration = Duration::from_millis(30);

/// Our own counters that are part of the checkpoint; the others start anew with the process.
const DURABLE: [&str; 2] =
    ["prom_stream_gateway_processed_metrics_total", "prom_stream_gateway_dropped_metrics_total"];

pub(crate) struct Scraper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

/// What a scraper saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) pages: u64,
    pub(crate) unavailable: u64,
    complaints: Vec<String>,
    last: BTreeMap<String, f64>,
}

impl Scraper {
    pub(crate) fn start(port: u16) -> Self {
        Self::across(&[port])
    }

    /// Scrapes gateways of one identity in turn: whichever answers, no counter may fall.
    pub(crate) fn across(ports: &[u16]) -> Self {
        let ports = ports.to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                for port in &ports {
                    match http::get(*port, "/metrics") {
                        Ok(answer) if answer.status == 200 => seen.page(&answer.body),
                        Ok(answer) if answer.status == 503 => seen.unavailable += 1,
                        Ok(answer) => seen.complaints.push(format!("status {}", answer.status)),
                        Err(_) => seen.unavailable += 1,
                    }
                }
                sleep(SCRAPE_EVERY);
            }
            seen
        });
        Self { stop, thread: Some(thread) }
    }

    /// Stops, and panics with what was wrong.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("a scraper is finished once");
        let seen = thread.join().expect("the scraper does not panic");
        let shown = seen.complaints.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(seen.complaints.is_empty(), "{} complaints\n{shown}", seen.complaints.len());
        assert!(seen.pages > 0, "the scraper never got a page: {seen:?}");
        seen
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Seen {
    fn page(&mut self, text: &str) {
        self.pages += 1;
        let page = match Page::parse(text) {
            Ok(page) => page,
            Err(error) => return self.complaints.push(format!("unparsable page: {error}")),
        };
        let now: BTreeMap<_, _> = page
            .samples
            .iter()
            .filter(|(sample, _)| never_falls(&page, sample))
            .map(|(sample, value)| (sample.clone(), *value))
            .collect();
        for (sample, before) in &self.last {
            match now.get(sample) {
                Some(value) if value >= before => {}
                Some(value) => {
                    self.complaints.push(format!("{sample} fell from {before} to {value}"));
                }
                None => self.complaints.push(format!("{sample} vanished, was {before}")),
            }
        }
        self.last = now;
    }
}

fn never_falls(page: &Page, sample: &str) -> bool {
    let name = sample.split('{').next().unwrap_or_default();
    if name.starts_with("process_") || name.starts_with("prom_stream_gateway_") {
        return DURABLE.contains(&name);
    }
    let of = |suffix: &str, wanted: &str| {
        let family = name.strip_suffix(suffix).and_then(|family| page.types.get(family));
        family.is_some_and(|metric_type| metric_type == wanted)
    };
    // The sums too: producers observe nothing below zero.
    of("", "counter")
        || ["_count", "_sum"].into_iter().any(|part| of(part, "histogram") || of(part, "summary"))
        || of("_bucket", "histogram")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(counter: u32, count: u32, gauge: u32) -> String {
        format!(
            "# TYPE c counter\nc {counter}\n# TYPE g gauge\ng {gauge}\n# TYPE s summary\n\
             s_sum 1\ns_count {count}\n"
        )
    }

    #[test]
    fn falling_counters_and_vanished_series_are_complained_of() {
        let mut seen = Seen::default();
        seen.page(&page(5, 5, 5));
        seen.page(&page(5, 6, 1));
        assert_eq!(seen.complaints, Vec::<String>::new());
        seen.page(&page(4, 5, 1));
        assert_eq!(seen.complaints, ["c{} fell from 5 to 4", "s_count{} fell from 6 to 5"]);
        seen.page("");
        assert_eq!(seen.complaints.len(), 5, "c, s_sum and s_count vanished");
        seen.page("c 1\n");
        assert_eq!(seen.complaints.len(), 6, "unparsable");
    }
}
