//! One row as a message `Metric`.

use super::native;
use super::wire::Sink;
use crate::expose::View;
use crate::expose::label_names::LabelNames;
use crate::expose::layout::Entry;
use crate::model::{Exemplar, MetricType, Timestamp, labels};
use crate::store::{Family, RowView};

/// The rows of one family.
pub(super) struct Metrics<'a> {
    family: &'a Family,
    view: View,
    label_names: LabelNames,
}

impl<'a> Metrics<'a> {
    pub(super) fn new(entry: &Entry<'a>, view: View) -> Self {
        Self { family: entry.family, view, label_names: entry.label_names(view.escaping) }
    }

    /// The fields of `Metric`.
    pub(super) fn write<S: Sink>(&self, sink: &mut S, row: usize) {
        const LABEL: u32 = 1;
        const GAUGE: u32 = 2;
        const COUNTER: u32 = 3;
        const SUMMARY: u32 = 4;
        const UNTYPED: u32 = 5;
        const HISTOGRAM: u32 = 7;

        let row = self.family.row(row);
        label_pairs(sink, LABEL, &self.label_names.apply(row.labels()));
        match self.family.metric_type {
            MetricType::Counter => sink.message(COUNTER, |sink| self.counter(sink, row)),
            MetricType::Gauge => {
                sink.message(GAUGE, |sink| sink.double(1, row.scalar(self.view.now)));
            }
            MetricType::Untyped => {
                sink.message(UNTYPED, |sink| sink.double(1, row.scalar(self.view.now)));
            }
            MetricType::Histogram => sink.message(HISTOGRAM, |sink| self.histogram(sink, row)),
            MetricType::Summary => sink.message(SUMMARY, |sink| self.summary(sink, row)),
        }
    }

    fn counter<S: Sink>(&self, sink: &mut S, row: RowView<'_>) {
        const VALUE: u32 = 1;
        const EXEMPLAR: u32 = 2;
        const CREATED: u32 = 3;

        sink.double(VALUE, row.scalar(self.view.now));
        if let Some(exemplar) = row.exemplar(0) {
            sink.message(EXEMPLAR, |sink| self.exemplar(sink, exemplar));
        }
        created(sink, CREATED, row);
    }

    fn histogram<S: Sink>(&self, sink: &mut S, row: RowView<'_>) {
        const SAMPLE_COUNT: u32 = 1;
        const SAMPLE_SUM: u32 = 2;
        const BUCKET: u32 = 3;
        const CREATED: u32 = 15;
        const EXEMPLARS: u32 = 16;

        sink.uint(SAMPLE_COUNT, row.count());
        sink.double(SAMPLE_SUM, row.sum());
        let native = row.native();
        // Of a native histogram without classic buckets, +Inf would be one.
        if native.is_none() || row.own_counts().len() > 1 {
            for (bucket, (upper_bound, cumulative)) in row.buckets().enumerate() {
                let exemplar = row.exemplar(bucket);
                sink.message(BUCKET, |sink| self.bucket(sink, cumulative, upper_bound, exemplar));
            }
        }
        if let Some(native) = native {
            native::write(sink, native);
            // Here, those without a time mean nothing.
            let with_time = row.exemplars().filter(|(_, exemplar)| exemplar.timestamp.is_some());
            for (_, exemplar) in with_time {
                sink.message(EXEMPLARS, |sink| self.exemplar(sink, exemplar));
            }
        }
        created(sink, CREATED, row);
    }

    fn bucket<S: Sink>(
        &self,
        sink: &mut S,
        cumulative: u64,
        upper_bound: f64,
        exemplar: Option<&Exemplar>,
    ) {
        const CUMULATIVE_COUNT: u32 = 1;
        const UPPER_BOUND: u32 = 2;
        const EXEMPLAR: u32 = 3;

        sink.uint(CUMULATIVE_COUNT, cumulative);
        sink.double(UPPER_BOUND, upper_bound);
        if let Some(exemplar) = exemplar {
            sink.message(EXEMPLAR, |sink| self.exemplar(sink, exemplar));
        }
    }

    fn summary<S: Sink>(&self, sink: &mut S, row: RowView<'_>) {
        const SAMPLE_COUNT: u32 = 1;
        const SAMPLE_SUM: u32 = 2;
        const CREATED: u32 = 4;

        sink.uint(SAMPLE_COUNT, row.count());
        sink.double(SAMPLE_SUM, row.sum());
        // Estimates cost much, and their length is always the same.
        let quantiles = match S::MEASURES {
            true => vec![(0.0, 0.0); row.quantile_count()],
            false => row.quantiles(self.view.now),
        };
        for (quantile, value) in quantiles {
            self::quantile(sink, quantile, value);
        }
        created(sink, CREATED, row);
    }

    fn exemplar<S: Sink>(&self, sink: &mut S, exemplar: &Exemplar) {
        const LABEL: u32 = 1;
        const VALUE: u32 = 2;
        const TIMESTAMP: u32 = 3;

        let text: &str = &exemplar.labels;
        let names = LabelNames::of(std::iter::once(text), self.view.escaping);
        label_pairs(sink, LABEL, &names.apply(text));
        sink.double(VALUE, exemplar.value);
        if let Some(at) = exemplar.timestamp {
            sink.message(TIMESTAMP, |sink| timestamp(sink, at));
        }
    }
}

fn created<S: Sink>(sink: &mut S, field: u32, row: RowView<'_>) {
    if let Some(created) = row.created() {
        sink.message(field, |sink| timestamp(sink, created));
    }
}

fn label_pairs<S: Sink>(sink: &mut S, field: u32, text: &str) {
    const NAME: u32 = 1;
    const VALUE: u32 = 2;

    for (name, value) in labels::names_and_values(text) {
        sink.message(field, |sink| {
            sink.string(NAME, &labels::unquoted(name));
            sink.string(VALUE, &labels::unescaped(value));
        });
    }
}

fn quantile<S: Sink>(sink: &mut S, quantile: f64, value: f64) {
    const QUANTILE: u32 = 3;

    sink.message(QUANTILE, |sink| {
        sink.double(1, quantile);
        sink.double(2, value);
    });
}

fn timestamp<S: Sink>(sink: &mut S, at: Timestamp) {
    const SECONDS: u32 = 1;
    const NANOS: u32 = 2;

    sink.uint(SECONDS, at.0 / 1000);
    sink.uint(NANOS, at.0 % 1000 * 1_000_000);
}
