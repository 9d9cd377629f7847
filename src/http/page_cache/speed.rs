//! What a scrape of a million series costs, and what is changed of it; run by hand:
//! `cargo test --release --lib http::page_cache::speed -- --ignored --nocapture`.

use std::ops::ControlFlow;

use prometheus::IntGauge;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::PageCache;
use crate::expose::{self, Escaping, Format, PageFormat};
use crate::model::{Advance, Batch, Position, PushPosition, SourceKey, SourceKind, Timestamp};
use crate::store::Store;
use crate::store::test_batch::BatchBuilder;

const SERIES: usize = 1_000_000;
const CHANGED: usize = SERIES / 100;
const NOW: Timestamp = Timestamp(1_700_000_100_000);
const ROUNDS: usize = 5;

struct Million {
    store: Store,
    source: SourceKey,
    step: u64,
}

impl Million {
    fn new() -> Self {
        let store = Store::new(2 * SERIES as u64);
        let source = SourceKey { kind: SourceKind::Push, key: "journal".into() };
        store.reposition(&source, |position| {
            *position = Some(Position::Push(PushPosition { next: 0 }));
            0
        });
        let mut million = Self { store, source, step: 0 };
        let all: Vec<usize> = (0..SERIES).collect();
        all.chunks(10_000).for_each(|series| million.count(series));
        million
    }

    /// Every series grows by another number.
    fn count(&mut self, series: &[usize]) {
        let batch = BatchBuilder::new(self.store.hasher());
        let batch = series.iter().fold(batch, |batch, n| {
            let labels = format!(
                r#"path="/api/v1/items/{n:08}",service="checkout",zone="eu-west-1",node="{:06}""#,
                n % 100
            );
            batch.counter("c", &labels, (n * 2_654_435_761 % 1000) as f64)
        });
        self.apply(&batch.build());
    }

    fn apply(&mut self, batch: &Batch) {
        let advance = Advance::Push { from: self.step, to: self.step + 1 };
        self.store.apply(&self.source, batch, &advance, NOW, NOW).expect("the next record");
        self.step += 1;
    }
}

/// The fastest of some rounds, by the clock and by the processor, and how many bytes there were.
fn measure(what: &str, mut prepare: impl FnMut(), mut page: impl FnMut() -> usize) {
    let (mut wall, mut processor) = (f64::INFINITY, f64::INFINITY);
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        prepare();
        let (started_at, before) = (Instant::now(), processor_seconds());
        bytes = page();
        wall = wall.min(started_at.elapsed().as_secs_f64());
        processor = processor.min(processor_seconds() - before);
    }
    let megabytes = bytes as f64 / 1e6;
    println!("{what}: {:.1} ms, {:.1} ms busy, {megabytes:.2} MB", wall * 1e3, processor * 1e3);
}

/// Another's use of the machine does not count in these.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[tokio::test]
#[ignore = "measures, and only a release build is worth it"]
async fn a_million_series() {
    let million = std::cell::RefCell::new(Million::new());
    let store = million.borrow().store.clone();
    let nothing = || ();
    measure("copying under the lock", nothing, || store.scrape(NOW).families.len());
    for format in [Format::Text, Format::OpenMetrics] {
        let form = PageFormat { format, escaping: Escaping::Underscores, created_samples: false };
        println!("{form:?}");
        measure("  identity", nothing, || {
            let mut bytes = 0;
            let _whole = expose::render(&store.scrape(NOW), &[], NOW, form, |chunk| {
                bytes += chunk.len();
                ControlFlow::Continue(())
            });
            bytes
        });
        let cache = PageCache::new(IntGauge::new("size", "Bytes.").expect("a name"));
        let page = |cache: &PageCache| {
            let mut bytes = 0;
            let _whole = cache.render(&store.scrape(NOW), &[], NOW, form, |chunk| {
                bytes += chunk.len();
                ControlFlow::Continue(())
            });
            bytes
        };
        measure("  gzip, nothing kept", nothing, || {
            page(&PageCache::new(IntGauge::new("size", "Bytes.").expect("a name")))
        });
        measure("  gzip, nothing changed", nothing, || page(&cache));
        let mut first = 0;
        let contiguous = || {
            first = (first + 3 * CHANGED) % (SERIES - CHANGED);
            million.borrow_mut().count(&(first..first + CHANGED).collect::<Vec<_>>());
        };
        measure("  gzip, 1 % changed side by side", contiguous, || page(&cache));
        let mut random = 1_usize;
        let anywhere = || {
            let series = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) % SERIES
            });
            million.borrow_mut().count(&series.take(CHANGED).collect::<Vec<_>>());
        };
        measure("  gzip, 1 % changed anywhere", anywhere, || page(&cache));
        println!("  kept: {:.1} bytes a series", cache.size.get() as f64 / SERIES as f64);
    }
}
