//! Scrapes while events come as fast as they are taken, and for how long those stand still.
//!
//! Two views of standing still. The gateway's own histogram says how long a batch took to be
//! applied, waiting for the state included, in buckets. And `processed` is looked at every
//! other millisecond: the longest time without a change during a scrape also shows what never comes to
//! be a batch, and on two cores also that Redis and the scraper want them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::Duration;

use tokio::time::Instant;

use crate::http_client::{Received, scrape};
use crate::progress::Progress;
use crate::report::{Figure, Target};
use crate::settings::Settings;
use crate::spread::Spread;

use super::large_state::{Change, LargeState};

/// Between scrapes: a scraper that never pauses would be a load of another kind.
const PAUSE: Duration = Duration::from_millis(200);

const ENCODINGS: [(&str, f64); 2] = [("identity", 100.0), ("gzip", 300.0)];

/// What one load saw.
struct Load {
    scrapes: Vec<Received>,
    /// Of each scrape, the longest time in which nothing was applied.
    standstills: Vec<Duration>,
    per_second: f64,
}

pub(super) fn measure(state: &LargeState, settings: &Settings, progress: &Progress) -> Vec<Figure> {
    let before = Applies::of(state);
    let mut figures = Vec::new();
    let mut standstills = Vec::new();
    let mut rates = Vec::new();
    for (encoding, most) in ENCODINGS {
        progress.step(&format!("scraping ({encoding}) under load"));
        let loads: Vec<_> = (0..settings.rounds).map(|_| load(state, encoding)).collect();
        let took = loads.iter().flat_map(|load| &load.scrapes);
        figures.push(Figure::new(
            format!("scrape, {encoding}, at full ingest"),
            Spread::of(took.map(|one| one.took.as_secs_f64() * 1e3)),
            "ms",
            Target::AtMost(most),
        ));
        standstills.extend(loads.iter().flat_map(|load| &load.standstills).copied());
        rates.extend(loads.iter().map(|load| load.per_second / 1e6));
    }
    let applies = Applies::of(state).since(&before);
    let milliseconds = standstills.iter().map(|one| one.as_secs_f64() * 1e3);
    figures.extend([
        Figure::new("ingest meanwhile", Spread::of(rates), "M events/s", Target::None),
        Figure::new(
            "ingest stall: applying a batch, p99, at most",
            Spread::of([applies.p99_at_most() * 1e3]),
            "ms",
            Target::AtMost(20.0),
        ),
        Figure::new(
            "ingest stall: longest of a scrape, seen from outside",
            Spread::of(milliseconds),
            "ms",
            Target::None,
        ),
    ]);
    figures
}

/// Scrapes one after the other until the load is applied.
fn load(state: &LargeState, encoding: &str) -> Load {
    let events = Change::Load.events(state.series) as f64;
    let is_over = AtomicBool::new(false);
    let until = state.begin(Change::Load);
    let started = Instant::now();
    scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut changes = Vec::new();
            let mut seen = 0;
            while seen < until {
                let processed = state.gateway.processed();
                if processed != seen {
                    changes.push(Instant::now());
                    seen = processed;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            is_over.store(true, Ordering::Relaxed);
            changes
        });
        let mut scrapes = Vec::new();
        let mut times = Vec::new();
        while !is_over.load(Ordering::Relaxed) || scrapes.is_empty() {
            let began = Instant::now();
            let received = scrape(state.gateway.port, encoding);
            // One that outlasts the load was not under load.
            if !is_over.load(Ordering::Relaxed) || scrapes.is_empty() {
                scrapes.push(received);
                times.push((began, began + received.took));
            }
            std::thread::sleep(PAUSE);
        }
        let changes = watcher.join().expect("the watcher ends with the load");
        let ended = changes.last().copied().unwrap_or(started);
        let longest = |(from, to): &(Instant, Instant)| {
            let during = changes.windows(2).filter(|pair| pair[0] < *to && pair[1] > *from);
            during.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
        };
        Load {
            standstills: times.iter().map(longest).collect(),
            scrapes,
            per_second: events / (ended - started).as_secs_f64(),
        }
    })
}

/// The gateway's own histogram of how long batches took to be applied: bounds, and how many took
/// at most that long.
struct Applies(Vec<(f64, f64)>);

impl Applies {
    fn of(state: &LargeState) -> Self {
        let page = state.gateway.get("/-/metrics").expect("the gateway's own metrics");
        let page = String::from_utf8(page).expect("UTF-8");
        let bucket = |line: &str| -> Option<(f64, f64)> {
            let rest =
                line.strip_prefix("prom_stream_gateway_apply_duration_seconds_bucket{le=\"")?;
            let (bound, count) = rest.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.parse().ok()?))
        };
        Self(page.lines().filter_map(bucket).collect())
    }

    fn since(self, Self(before): &Self) -> Self {
        let buckets = self.0.into_iter().zip(before);
        Self(buckets.map(|((bound, now), (_, then))| (bound, now - then)).collect())
    }

    /// Seconds: the least bound below which 99 of 100 lie.
    fn p99_at_most(&self) -> f64 {
        let all = self.0.last().map_or(0.0, |(_, count)| *count);
        let first = self.0.iter().find(|(_, count)| *count >= all * 0.99);
        first.map_or(f64::NAN, |(bound, _)| *bound)
    }
}
