//! What pushes mean, dialect by dialect: a table for every rule.

use super::*;
use crate::decode::StreamPushes;
use crate::model::exposition::{
    ExposedBucket, ExposedFamily, ExposedLabel, ExposedMetric, ExposedQuantile, ExposedValue,
};
use crate::model::push::{Change, Matching, PushedSeries, Write};
use crate::model::{Combine, MetricType, SeriesHasher, Span, Timestamp, labels};

mod aggregate;
mod events;
mod properties;
mod replace;
mod requests;
mod speed;
mod sum;

const RECEIVED_AT_MILLISECONDS: u64 = 1_700_000_000_500;

fn options() -> DecodeOptions {
    DecodeOptions {
        utf8_names: false,
        sort_labels: true,
        stream_pushes: StreamPushes::default(),
        hasher: SeriesHasher::default(),
    }
}

fn request(dialect: Dialect, method: Method, path: &[(&str, &str)]) -> PushRequest {
    PushRequest {
        ticket: 7,
        received_at_milliseconds: RECEIVED_AT_MILLISECONDS,
        dialect,
        method,
        labels: path.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        format: BodyFormat::Text,
        idempotency_key: None,
        body: Vec::new(),
    }
}

/// A parsed body in the making.
#[derive(Default)]
struct Body(Exposition);

impl Body {
    /// Begins a family; what follows belongs to it.
    fn family(mut self, metric_type: MetricType, name: &str) -> Self {
        let at = self.0.metrics.len() as u32;
        let name = self.text(name);
        let help = self.text("help");
        let unit = Span::default();
        self.0.families.push(ExposedFamily { name, metric_type, help, unit, metrics: at..at });
        self
    }

    fn counter(self, name: &str, labels: &str, value: f64) -> Self {
        self.family(MetricType::Counter, name).scalar(labels, value)
    }

    fn gauge(self, name: &str, labels: &str, value: f64) -> Self {
        self.family(MetricType::Gauge, name).scalar(labels, value)
    }

    fn scalar(self, labels: &str, value: f64) -> Self {
        self.metric(labels, ExposedValue::Scalar { value, exemplar: None })
    }

    /// `buckets`: bounds and own counts; the last is +Inf's.
    fn histogram(mut self, labels: &str, buckets: &[(f64, u64)], sum: f64) -> Self {
        let start = self.0.buckets.len() as u32;
        self.0.buckets.extend(buckets.iter().map(|(upper_bound, count)| ExposedBucket {
            upper_bound: *upper_bound,
            count: *count,
            exemplar: None,
        }));
        let buckets = start..self.0.buckets.len() as u32;
        self.metric(labels, ExposedValue::Histogram { buckets, sum, native: None })
    }

    fn summary(mut self, labels: &str, quantiles: &[(f64, f64)], count: u64, sum: f64) -> Self {
        let start = self.0.quantiles.len() as u32;
        let quantile =
            |(quantile, value): &(f64, f64)| ExposedQuantile { quantile: *quantile, value: *value };
        self.0.quantiles.extend(quantiles.iter().map(quantile));
        let quantiles = start..self.0.quantiles.len() as u32;
        self.metric(labels, ExposedValue::Summary { quantiles, count, sum })
    }

    /// `labels`: `a=1,b=2`.
    fn metric(mut self, labels: &str, value: ExposedValue) -> Self {
        let start = self.0.pairs.len() as u32;
        for pair in labels.split(',').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').expect("name=value");
            let label = ExposedLabel { name: self.text(name), value: self.text(value) };
            self.0.pairs.push(label);
        }
        let labels = start..self.0.pairs.len() as u32;
        let metric = ExposedMetric { labels, value, has_timestamp: false, created: None };
        self.0.metrics.push(metric);
        self.0.families.last_mut().expect("a family").metrics.end += 1;
        self
    }

    fn timestamp(mut self) -> Self {
        self.0.metrics.last_mut().expect("a metric").has_timestamp = true;
        self
    }

    fn text(&mut self, text: &str) -> Span {
        let start = self.0.text.len();
        self.0.text.push_str(text);
        Span::new(start, self.0.text.len())
    }
}

fn write_with(
    request: &PushRequest,
    body: &Body,
    options: &DecodeOptions,
) -> Result<Write, PushRefusal> {
    let path = PathLabels::read(request, options)?;
    match write_of(&body.0, &path, request, options)? {
        Operation::Write(write) => Ok(write),
        other => panic!("no write: {other:?}"),
    }
}

/// What a body's series do: `counter x{a="1"} + 2`.
#[track_caller]
fn meaning(dialect: Dialect, path: &[(&str, &str)], body: &Body) -> Vec<String> {
    let options = options();
    let write = write_with(&request(dialect, Method::Post, path), body, &options).expect("taken");
    assert_sound(&write, &options);
    render(&write)
}

#[track_caller]
fn assert_refused(
    dialect: Dialect,
    path: &[(&str, &str)],
    body: &Body,
    reason: Reason,
    detail: &str,
) {
    let request = request(dialect, Method::Post, path);
    let refusal = write_with(&request, body, &options()).expect_err(detail);
    assert_eq!(refusal.reason, reason, "{}", refusal.detail);
    assert!(refusal.detail.contains(detail), "{:?} does not contain {detail:?}", refusal.detail);
}

fn render(write: &Write) -> Vec<String> {
    let mut lines = Vec::new();
    for family in &write.families {
        for series in write.series(family) {
            let clears = if family.clears { " clears" } else { "" };
            lines.push(format!(
                "{} {}{{{}}} {}{clears}",
                family.metric_type,
                write.text(family.name),
                write.text(series.labels),
                render_change(write, series)
            ));
        }
    }
    lines
}

fn render_change(write: &Write, series: &PushedSeries) -> String {
    let sign = |combine: &Combine| if *combine == Combine::Add { "+" } else { "=" };
    match &series.change {
        Change::Scalar { combine, value, .. } => format!("{} {value}", sign(combine)),
        Change::Windowed { shows, window_seconds, value } => {
            format!("{} of {window_seconds}s {value}", shows.as_str())
        }
        Change::Histogram { combine, bounds, counts, sum, .. } => format!(
            "{} {:?} {:?} sum {sum}",
            sign(combine),
            write.numbers(*bounds),
            write.counts(*counts)
        ),
        Change::Summary { combine, count, sum, quantiles } => {
            format!("{} {count} sum {sum} {:?}", sign(combine), write.numbers(*quantiles))
        }
    }
}

/// Checks what holds of every write: names once, series where they belong, hashes of canonical
/// labels, as many counts as bounds and one.
#[track_caller]
fn assert_sound(write: &Write, options: &DecodeOptions) {
    let mut next = 0;
    for (index, family) in write.families.iter().enumerate() {
        let name = write.text(family.name);
        let earlier = &write.families[..index];
        assert!(earlier.iter().all(|other| write.text(other.name) != name), "{name} twice");
        assert_eq!(family.series.start, next, "{name}");
        next = family.series.end;
        write.text(family.help);
        write.text(family.unit);
        for series in write.series(family) {
            let text = write.text(series.labels);
            let canonical = labels::canonical(text);
            assert_eq!(series.hash, options.hasher.hash(name, &canonical), "{name}{{{text}}}");
            assert!(!options.sort_labels || canonical == text, "{name}{{{text}}}");
            match &series.change {
                Change::Histogram { bounds, counts, .. } => {
                    assert_eq!(write.counts(*counts).len(), write.numbers(*bounds).len() + 1);
                }
                Change::Summary { quantiles, .. } => {
                    assert_eq!(write.numbers(*quantiles).len() % 2, 0);
                }
                Change::Scalar { .. } | Change::Windowed { .. } => {}
            }
        }
    }
    assert_eq!(next as usize, write.series.len());
}
