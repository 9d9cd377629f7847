//! Pushes built by hand, for tests of everything behind their interpretation.

use std::sync::Arc;

use crate::model::push::{
    Change, Group, GroupWrite, IdempotencyKey, Operation, PushedFamily, PushedSeries, Write,
};
use crate::model::{
    Combine, Exemplar, MetricType, NativeHistogram, Push, SeriesHasher, Span, Timestamp,
    WindowedValue, labels,
};

/// Collects series as interpretation would deliver them; a series goes to the last family.
pub(crate) struct PushBuilder {
    write: Write,
    hasher: SeriesHasher,
    idempotency: Option<IdempotencyKey>,
}

impl PushBuilder {
    pub(crate) fn new(hasher: SeriesHasher) -> Self {
        Self { write: Write::default(), hasher, idempotency: None }
    }

    pub(crate) fn group(mut self, labels: &str, whole: bool) -> Self {
        let group = Group { labels: labels.into() };
        self.write.group = Some(GroupWrite { group, whole });
        self
    }

    pub(crate) fn key(mut self, key: u8, fingerprint: u64) -> Self {
        self.idempotency = Some(IdempotencyKey { key: [key; 16], fingerprint });
        self
    }

    pub(crate) fn family(mut self, metric_type: MetricType, name: &str) -> Self {
        let start = small(self.write.series.len());
        let family = PushedFamily {
            name: self.text(name),
            metric_type,
            help: Span::default(),
            unit: Span::default(),
            clears: false,
            prevails: false,
            series: start..start,
        };
        self.write.families.push(family);
        self
    }

    pub(crate) fn help(mut self, help: &str, unit: &str) -> Self {
        let (help, unit) = (self.text(help), self.text(unit));
        let family = self.last();
        (family.help, family.unit) = (help, unit);
        self
    }

    /// The family's series outside of any group go.
    pub(crate) fn prevails(mut self) -> Self {
        self.last().prevails = true;
        self
    }

    /// The family's series that are not pushed go.
    pub(crate) fn clears(mut self) -> Self {
        self.last().clears = true;
        self
    }

    pub(crate) fn scalar(self, combine: Combine, labels: &str, value: f64) -> Self {
        self.series(labels, Change::Scalar { combine, value, exemplar: None })
    }

    pub(crate) fn windowed(
        self,
        mean: bool,
        window_seconds: u32,
        labels: &str,
        value: f64,
    ) -> Self {
        let shows = if mean { WindowedValue::Mean } else { WindowedValue::Sum };
        self.series(labels, Change::Windowed { shows, window_seconds, value })
    }

    /// Each bucket's own count, +Inf last.
    pub(crate) fn histogram(
        mut self,
        combine: Combine,
        labels: &str,
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) -> Self {
        let bounds = self.numbers(bounds);
        let start = self.write.counts.len();
        self.write.counts.extend_from_slice(counts);
        let counts = Span::new(start, self.write.counts.len());
        let exemplars = Vec::new();
        self.series(
            labels,
            Change::Histogram { combine, bounds, counts, sum, native: None, exemplars },
        )
    }

    /// `quantiles`: each quantile, then each value.
    pub(crate) fn summary(
        mut self,
        combine: Combine,
        labels: &str,
        count: u64,
        sum: f64,
        quantiles: &[f64],
    ) -> Self {
        let quantiles = self.numbers(quantiles);
        self.series(labels, Change::Summary { combine, count, sum, quantiles })
    }

    pub(crate) fn series(mut self, labels: &str, change: Change) -> Self {
        let name = self.last().name;
        let hash = self.hasher.hash(self.write.text(name), &labels::canonical(labels));
        let labels = self.text(labels);
        self.write.series.push(PushedSeries { labels, hash, change, created: None });
        self.last().series.end += 1;
        self
    }

    /// Since when the last series counts, as its producer says.
    pub(crate) fn created(mut self, created: Timestamp) -> Self {
        self.write.series.last_mut().expect("a series").created = Some(created);
        self
    }

    /// Gives the last series' bucket (or counter: 0) an exemplar.
    pub(crate) fn exemplar(mut self, at: u32, value: f64) -> Self {
        let new = Arc::new(Exemplar { labels: "trace_id=\"1\"".into(), value, timestamp: None });
        match &mut self.write.series.last_mut().expect("a series").change {
            Change::Scalar { exemplar, .. } => *exemplar = Some(new),
            Change::Histogram { exemplars, .. } => exemplars.push((at, new)),
            other => panic!("{other:?} has no exemplars"),
        }
        self
    }

    /// Gives the last series, a histogram, native buckets.
    pub(crate) fn native(mut self, histogram: NativeHistogram) -> Self {
        match &mut self.write.series.last_mut().expect("a series").change {
            Change::Histogram { native, .. } => *native = Some(Arc::new(histogram)),
            other => panic!("{other:?} has no native buckets"),
        }
        self
    }

    pub(crate) fn build(self, at: Timestamp) -> Push {
        let Self { write, idempotency, .. } = self;
        Push { ticket: 0, at, idempotency, operation: Operation::Write(write) }
    }

    fn last(&mut self) -> &mut PushedFamily {
        self.write.families.last_mut().expect("a family")
    }

    fn text(&mut self, text: &str) -> Span {
        let start = self.write.text.len();
        self.write.text.push_str(text);
        Span::new(start, self.write.text.len())
    }

    fn numbers(&mut self, numbers: &[f64]) -> Span {
        let start = self.write.numbers.len();
        self.write.numbers.extend_from_slice(numbers);
        Span::new(start, self.write.numbers.len())
    }
}

/// A push of another kind.
pub(crate) fn push_of(operation: Operation, at: Timestamp) -> Push {
    Push { ticket: 0, at, idempotency: None, operation }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("test pushes are small")
}
