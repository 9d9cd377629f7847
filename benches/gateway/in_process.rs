//! Decoding and applying without Redis, HTTP and a second thread: what one core could do at most.

use prom_stream_gateway::decode::{DecodeOptions, StreamPushes, decode};
use prom_stream_gateway::model::position::{Advance, Position, ReaderPosition};
use prom_stream_gateway::model::{
    Batch, Body, Locator, RawEntry, SourceKey, SourceKind, StreamId, Timestamp,
};
use prom_stream_gateway::store::Store;
use tokio::time::Instant;

/// Entries of one read, as the gateway's own.
pub(crate) const PAGE: usize = 1000;

pub(crate) struct InProcess {
    pub(crate) store: Store,
    options: DecodeOptions,
    source: SourceKey,
    /// Entries applied so far.
    applied: u64,
    seconds: f64,
}

impl InProcess {
    pub(crate) fn new() -> Self {
        let store = Store::new(u64::MAX);
        let source = SourceKey { kind: SourceKind::Reader, key: "bench".into() };
        store.reposition(&source, |position| {
            *position = Some(Position::Reader(ReaderPosition::default()));
            0
        });
        let hasher = store.hasher();
        let options = DecodeOptions {
            sort_labels: false,
            utf8_names: true,
            stream_pushes: StreamPushes::default(),
            hasher,
        };
        Self { store, options, source, applied: 0, seconds: 0.0 }
    }

    /// Decodes and applies payloads, so many in a batch; entries are made off the clock, as they
    /// come from a socket otherwise.
    pub(crate) fn take(&mut self, payloads: impl Iterator<Item = String>, page: usize) {
        let mut payloads = payloads.peekable();
        while payloads.peek().is_some() {
            let entries = entries(payloads.by_ref().take(page));
            let started = Instant::now();
            let batch = self.decode(entries);
            self.apply(&batch);
            drop(batch);
            self.seconds += started.elapsed().as_secs_f64();
        }
    }

    pub(crate) fn decode(&self, entries: Vec<RawEntry>) -> Batch {
        let batch = decode(entries, &self.options);
        assert!(batch.bad.is_empty(), "{:?}", batch.bad);
        batch
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
        let (after, entries) = (self.applied, batch.entries.len() as u64);
        self.applied += entries;
        let id = |number| StreamId::new(0, number);
        let advance = Advance::Reader { after: id(after), last: id(self.applied), entries };
        let now = Timestamp::now();
        let applied = self.store.apply(&self.source, batch, &advance, now, now);
        assert_eq!(applied.expect("the step fits").refused, []);
    }

    /// Seconds on the clock since the last time.
    pub(crate) fn lap(&mut self) -> f64 {
        std::mem::take(&mut self.seconds)
    }
}

fn entries(payloads: impl Iterator<Item = String>) -> Vec<RawEntry> {
    let entry = |payload: String| RawEntry {
        locator: Locator::Item { segment: 0, index: 0 },
        body: Body::Payload(payload.into()),
    };
    payloads.map(entry).collect()
}
