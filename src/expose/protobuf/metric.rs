//! One row as a message `Metric`.

use super::native;
use super::wire::Sink;
use crate::expose::View;
use crate::expose::label_names::LabelNames;
use crate::expose::layout::Entry;
use crate::expose::row::{count, created, estimates, exemplar, own_counts};
use crate::model::{Exemplar, MetricType, Timestamp, labels};
use crate::store::{Family, Values};

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

        label_pairs(sink, LABEL, &self.label_names.apply(self.family.labels.get(row)));
        match (&self.family.values, self.family.metric_type) {
            (Values::Scalars(_), metric_type) => {
                let value = self.family.scalar(row, self.view.now);
                match metric_type {
                    MetricType::Counter => {
                        sink.message(COUNTER, |counter| self.counter(counter, row, value));
                    }
                    MetricType::Gauge => sink.message(GAUGE, |gauge| gauge.double(1, value)),
                    _ => sink.message(UNTYPED, |untyped| untyped.double(1, value)),
                }
            }
            (Values::Histograms { bounds, sums, .. }, _) => {
                sink.message(HISTOGRAM, |histogram| {
                    self.histogram(histogram, row, bounds, sums[row]);
                });
            }
            (Values::Summaries { sums, .. }, _) => {
                sink.message(SUMMARY, |summary| self.summary(summary, row, sums[row]));
            }
        }
    }

    fn counter<S: Sink>(&self, sink: &mut S, row: usize, value: f64) {
        const VALUE: u32 = 1;
        const EXEMPLAR: u32 = 2;
        const CREATED: u32 = 3;

        sink.double(VALUE, value);
        if let Some(exemplar) = exemplar(self.family, row, 0) {
            sink.message(EXEMPLAR, |sink| self.exemplar(sink, exemplar));
        }
        self.created(sink, CREATED, row);
    }

    fn histogram<S: Sink>(&self, sink: &mut S, row: usize, bounds: &[f64], sum: f64) {
        const SAMPLE_COUNT: u32 = 1;
        const SAMPLE_SUM: u32 = 2;
        const BUCKET: u32 = 3;
        const CREATED: u32 = 15;
        const EXEMPLARS: u32 = 16;

        sink.uint(SAMPLE_COUNT, count(&self.family.values, row));
        sink.double(SAMPLE_SUM, sum);
        let native = self.family.natives.get(row);
        // Of a native histogram without classic buckets, +Inf would be one.
        if native.is_none() || !bounds.is_empty() {
            let bounds = bounds.iter().copied().chain([f64::INFINITY]);
            let mut cumulative = 0;
            let own_counts = own_counts(&self.family.values, row);
            for (bucket, (bound, own)) in bounds.zip(own_counts).enumerate() {
                cumulative += own;
                let exemplar = exemplar(self.family, row, bucket);
                sink.message(BUCKET, |sink| self.bucket(sink, cumulative, bound, exemplar));
            }
        }
        if let Some(native) = native {
            native::write(sink, native);
            // Here, those without a time mean nothing.
            let exemplars = self.family.exemplars.get(row);
            let exemplars = exemplars.iter().flat_map(|exemplars| exemplars.iter());
            for (_, exemplar) in exemplars.filter(|(_, exemplar)| exemplar.timestamp.is_some()) {
                sink.message(EXEMPLARS, |sink| self.exemplar(sink, exemplar));
            }
        }
        self.created(sink, CREATED, row);
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

    fn summary<S: Sink>(&self, sink: &mut S, row: usize, sum: f64) {
        const SAMPLE_COUNT: u32 = 1;
        const SAMPLE_SUM: u32 = 2;
        const CREATED: u32 = 4;

        sink.uint(SAMPLE_COUNT, count(&self.family.values, row));
        sink.double(SAMPLE_SUM, sum);
        if let Some(pushed) = self.family.quantiles.get(row) {
            for (quantile, value) in pushed.iter() {
                self::quantile(sink, *quantile, *value);
            }
        } else if let Values::Summaries { objectives, windows, .. } = &self.family.values
            && windows.get(row).is_some()
        {
            // Estimates cost much, and their length is always the same.
            let estimates = match S::MEASURES {
                true => vec![0.0; objectives.len()],
                false => estimates(&self.family.values, row, self.view.now),
            };
            for (objective, estimate) in objectives.iter().zip(estimates) {
                self::quantile(sink, objective.quantile, estimate);
            }
        }
        self.created(sink, CREATED, row);
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

    fn created<S: Sink>(&self, sink: &mut S, field: u32, row: usize) {
        if let Some(created) = created(self.family, row) {
            sink.message(field, |sink| timestamp(sink, created));
        }
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
