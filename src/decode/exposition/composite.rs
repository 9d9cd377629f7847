//! Histograms and summaries, put together from their lines.
//!
//! A line names its series by all labels but `le` or `quantile`. Lines of one series most often
//! follow each other; those that don't find it in a table. What they say is kept in rows until the
//! body has ended, then sorted by series and bound, so the lines may stand in any order.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::builder::Draft;
use super::label_sets;
use super::problem::{Problem, Shown};
use crate::model::exposition::{
    ExposedBucket, ExposedLabel, ExposedQuantile, ExposedValue, Exposition,
};
use crate::model::{Exemplar, MetricType, NativeHistogram};

mod settle;

/// A histogram or summary in the making.
struct Series {
    family: usize,
    /// Index of its metric.
    metric: usize,
    /// Of family and labels.
    hash: u64,
    /// Where it is first mentioned.
    at: usize,
    sum: Option<f64>,
    count: Option<u64>,
    native: Option<Arc<NativeHistogram>>,
}

/// A line of a bucket.
struct BucketRow {
    series: usize,
    upper_bound: f64,
    cumulative: u64,
    exemplar: Option<Arc<Exemplar>>,
    at: usize,
}

/// A line of a quantile.
struct QuantileRow {
    series: usize,
    quantile: f64,
    value: f64,
    at: usize,
}

#[derive(Default)]
pub(super) struct Composites {
    series: Vec<Series>,
    buckets: Vec<BucketRow>,
    quantiles: Vec<QuantileRow>,
    table: HashTable<usize>,
    hasher: RandomState,
    last: usize,
}

impl Composites {
    /// The series of the family that has these labels, if there is one; its metric too.
    pub(super) fn find(
        &mut self,
        out: &Exposition,
        family: usize,
        labels: &[ExposedLabel],
    ) -> Option<(usize, usize)> {
        let is_it = |series: &Series| {
            series.family == family
                && label_sets::same(&out.text, out.labels(&out.metrics[series.metric]), labels)
        };
        let found = match self.series.get(self.last) {
            Some(last) if is_it(last) => self.last,
            _ => {
                let hash = self.hash(&out.text, family, labels);
                *self.table.find(hash, |index| is_it(&self.series[*index]))?
            }
        };
        self.last = found;
        Some((found, self.series[found].metric))
    }

    /// A new series that later lines may find.
    pub(super) fn insert(
        &mut self,
        out: &Exposition,
        family: usize,
        metric: usize,
        at: usize,
    ) -> usize {
        let hash = self.hash(&out.text, family, out.labels(&out.metrics[metric]));
        let index = self.push(family, metric, at);
        self.series[index].hash = hash;
        self.table.insert_unique(hash, index, |index| self.series[*index].hash);
        self.last = index;
        index
    }

    /// A new series that is complete in itself.
    pub(super) fn push(&mut self, family: usize, metric: usize, at: usize) -> usize {
        let index = self.series.len();
        let (hash, sum, count, native) = (0, None, None, None);
        self.series.push(Series { family, metric, hash, at, sum, count, native });
        index
    }

    fn hash(&self, text: &str, family: usize, labels: &[ExposedLabel]) -> u64 {
        // Spread, so that the families' numbers do not only touch the lowest bits.
        let family = (family as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        label_sets::hash(text, labels, &self.hasher) ^ family
    }

    pub(super) fn bucket(
        &mut self,
        series: usize,
        upper_bound: f64,
        cumulative: u64,
        exemplar: Option<Arc<Exemplar>>,
        at: usize,
    ) {
        self.buckets.push(BucketRow { series, upper_bound, cumulative, exemplar, at });
    }

    pub(super) fn quantile(&mut self, series: usize, quantile: f64, value: f64, at: usize) {
        self.quantiles.push(QuantileRow { series, quantile, value, at });
    }

    pub(super) fn sum(&mut self, series: usize, sum: f64, at: usize) -> Result<(), Problem> {
        match self.series[series].sum.replace(sum) {
            None => Ok(()),
            Some(_) => Err(Problem::new(at, "found _sum a second time for the same labels")),
        }
    }

    pub(super) fn count(&mut self, series: usize, count: u64, at: usize) -> Result<(), Problem> {
        match self.series[series].count.replace(count) {
            None => Ok(()),
            Some(_) => Err(Problem::new(at, "found _count a second time for the same labels")),
        }
    }

    pub(super) fn native(&mut self, series: usize, native: NativeHistogram) {
        self.series[series].native = Some(Arc::new(native));
    }
}

/// What a metric holds until all lines are read.
pub(super) fn unsettled(metric_type: MetricType) -> ExposedValue {
    match metric_type {
        MetricType::Summary => ExposedValue::Summary { quantiles: 0..0, count: 0, sum: 0.0 },
        _ => ExposedValue::Histogram { buckets: 0..0, sum: 0.0, native: None },
    }
}
