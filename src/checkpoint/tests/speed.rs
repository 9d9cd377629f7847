//! How fast a checkpoint is, and how large, when little has changed.

use tokio::time::Instant;

use super::chain::Files;
use crate::model::{
    Advance, Batch, ListPosition, MetricType, Position, SourceKey, SourceKind, Timestamp,
};
use crate::store::Store;
use crate::store::test_batch::BatchBuilder;

const ROWS: u64 = 1_000_000;
const NOW: Timestamp = Timestamp(1_700_000_000_000);

#[test]
#[ignore = "a measurement: cargo test --release --lib -- --ignored --nocapture a_hundredth"]
fn a_hundredth_of_a_million_series_changes() {
    let random = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    for (what, row) in [
        (
            "1 % of the rows at random",
            (|round, at| (round * 7919 + at) * 0x9e37_79b9 % ROWS) as Row,
        ),
        ("1 % of the rows in one piece", |round, at| (round * 20_000 + at) % ROWS),
    ] {
        for keep in [1, 2] {
            let mut run = Run::new();
            run.apply((0..ROWS).map(|row| (row, random(row) as f64)));
            let mut files = Files::new(keep);
            let (mut cut_ms, mut encode_ms, mut sizes) = (0.0_f64, Vec::new(), Vec::new());
            for round in 0..120_u64 {
                let cut = milliseconds(|| run.store.cut(NOW));
                if round >= keep as u64 {
                    cut_ms = cut_ms.max(cut.1);
                }
                let (entry, took) = milliseconds(|| files.write(&cut.0));
                encode_ms.push((took, entry.parents.is_empty()));
                sizes.push((entry.size_bytes, entry.parents.len()));
                run.apply((0..ROWS / 100).map(|at| (row(round, at), random(round + at) as f64)));
            }
            let of = |whole: bool| {
                let took = encode_ms.iter().filter(|(_, is_whole)| *is_whole == whole);
                took.map(|(took, _)| *took).fold(0.0, f64::max)
            };
            let whole = sizes[0].0 as f64;
            let changes: Vec<_> = sizes.iter().filter(|(_, parents)| *parents > 0).collect();
            let mean = changes.iter().map(|(size, _)| *size as f64).sum::<f64>();
            let all: u64 = sizes[keep..].iter().map(|(size, _)| size).sum();
            println!(
                "{what}, keep {keep}: whole {:.1} MB, changes {:.0} kB ({:.2} %), amortized over \
                 {} checkpoints {:.2} %, longest chain {}; at most: cut {cut_ms:.1} ms, encoding \
                 whole {:.0} ms, changes {:.0} ms",
                whole / 1e6,
                mean / changes.len() as f64 / 1e3,
                mean / changes.len() as f64 / whole * 100.0,
                sizes.len() - keep,
                all as f64 / (sizes.len() - keep) as f64 / whole * 100.0,
                sizes.iter().map(|(_, parents)| *parents).max().unwrap_or(0),
                of(true),
                of(false),
            );
            let longest = files.retained().max_by_key(|one| one.entry.parents.len()).expect("one");
            let (snapshot, read) = milliseconds(|| longest.read());
            let (_, indexed) = milliseconds(|| Store::restore(snapshot.cut, u64::MAX));
            println!(
                "    restore of a whole one and {} more: read {read:.0} ms, store {indexed:.0} ms",
                longest.entry.parents.len(),
            );
        }
    }
}

type Row = fn(u64, u64) -> u64;

struct Run {
    store: Store,
    remaining: u64,
}

impl Run {
    fn new() -> Self {
        let run = Self { store: Store::new(u64::MAX), remaining: u64::MAX };
        run.store.reposition(&queue(), |position| {
            let remaining = Some(u64::MAX);
            *position = Some(Position::List(ListPosition { segment: 0, remaining }));
            0
        });
        run
    }

    fn apply(&mut self, rows: impl Iterator<Item = (u64, f64)>) {
        let add = |batch: BatchBuilder, (row, value): (u64, f64)| {
            let labels = format!(
                "instance=\"host-{:04}.example.org\",method=\"POST\",path=\"/api/v1/orders/{row:07}\"",
                row % 1000,
            );
            batch.event(MetricType::Counter, "requests_total", &labels, value, &[])
        };
        let batch: Batch = rows.fold(BatchBuilder::new(self.store.hasher()), add).build();
        let to = self.remaining - 1;
        let advance = Advance::List { segment: 0, from: self.remaining, to };
        self.store.apply(&queue(), &batch, &advance, NOW, NOW).expect("it follows");
        self.remaining = to;
    }
}

fn queue() -> SourceKey {
    SourceKey { kind: SourceKind::List, key: "queue".into() }
}

fn milliseconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed().as_secs_f64() * 1e3)
}
