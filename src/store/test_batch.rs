//! Batches built by hand, for tests of everything behind decoding.

use std::sync::Arc;

use crate::model::{
    Batch, BatchPush, Body, Event, Locator, MetricType, Mode, Push, RawEntry, SeriesHasher, Span,
    StreamId, labels,
};

/// Collects events as decoding would deliver them.
pub(crate) struct BatchBuilder {
    batch: Batch,
    hasher: SeriesHasher,
}

impl BatchBuilder {
    pub(crate) fn new(hasher: SeriesHasher) -> Self {
        Self { batch: Batch::default(), hasher }
    }

    pub(crate) fn counter(self, name: &str, labels: &str, value: f64) -> Self {
        self.event(MetricType::Counter, name, labels, value, &[])
    }

    pub(crate) fn gauge(self, name: &str, labels: &str, value: f64) -> Self {
        self.event(MetricType::Gauge, name, labels, value, &[])
    }

    pub(crate) fn histogram(self, name: &str, labels: &str, value: f64, bounds: &[f64]) -> Self {
        self.event(MetricType::Histogram, name, labels, value, bounds)
    }

    /// `objectives`: each quantile, then each epsilon.
    pub(crate) fn summary(self, name: &str, labels: &str, value: f64, objectives: &[f64]) -> Self {
        self.event(MetricType::Summary, name, labels, value, objectives)
    }

    pub(crate) fn event(
        mut self,
        metric_type: MetricType,
        name: &str,
        labels: &str,
        value: f64,
        numbers: &[f64],
    ) -> Self {
        let hash = self.hasher.hash(name, &labels::canonical(labels));
        let entry = small(self.batch.entries.len());
        let locator = Locator::Entry(StreamId::new(1, u64::from(entry)));
        self.batch.entries.push(RawEntry { locator, body: Body::Payload(bytes::Bytes::new()) });
        let start = small(self.batch.numbers.len());
        self.batch.numbers.extend_from_slice(numbers);
        let event = Event {
            entry,
            raw: Span::default(),
            metric_type,
            name: self.text(name),
            labels: self.text(labels),
            help: Span::default(),
            numbers: Span { start, end: small(self.batch.numbers.len()) },
            value,
            mode: Mode::Natural,
            hash,
        };
        self.batch.events.push(event);
        self
    }

    /// Gives the last event a help text.
    pub(crate) fn help(mut self, help: &str) -> Self {
        let help = self.text(help);
        self.batch.events.last_mut().expect("an event to give a help text to").help = help;
        self
    }

    /// Gives the last event a mode.
    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.batch.events.last_mut().expect("an event to give a mode to").mode = mode;
        self
    }

    pub(crate) fn push(mut self, push: Push) -> Self {
        let entry = small(self.batch.entries.len());
        let push = Arc::new(push);
        let body = Body::Push(Arc::clone(&push));
        self.batch.entries.push(RawEntry { locator: Locator::Record(u64::from(entry)), body });
        let after_events = small(self.batch.events.len());
        self.batch.pushes.push(BatchPush { entry, after_events, push });
        self
    }

    pub(crate) fn build(self) -> Batch {
        self.batch
    }

    fn text(&mut self, text: &str) -> Span {
        let start = small(self.batch.text.len());
        self.batch.text.push_str(text);
        Span { start, end: small(self.batch.text.len()) }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("test batches are small")
}
