//! Histograms and summaries of protobuf, which are whole where those of text come in lines.
//!
//! They become the same rows, so they are checked by the same rules. A histogram's counts are
//! integers, or floats; the floats are taken when they are whole.

use std::sync::Arc;

use super::super::number;
use super::super::problem::Problem;
use super::{Reader, messages, native};
use crate::model::Exemplar;

impl Reader {
    pub(super) fn histogram(
        &mut self,
        series: usize,
        histogram: &messages::Histogram,
        at: usize,
    ) -> Result<(), Problem> {
        let count = count(histogram.sample_count, histogram.sample_count_float, at)?;
        let native = native::decode(histogram, count)
            .map_err(|problem| Problem::new(at, format!("found {problem}")))?;
        if let Some(native) = native {
            self.builder.composites.native(series, native);
        }
        self.builder.composites.count(series, count, at)?;
        let sum = histogram.sample_sum.unwrap_or_default();
        self.builder.composites.sum(series, sum, at)?;
        let mut buckets = Vec::with_capacity(histogram.bucket.len());
        for bucket in &histogram.bucket {
            let bound = bucket.upper_bound.unwrap_or_default();
            if bound.is_nan() || bound == f64::NEG_INFINITY {
                let problem = format!("found the upper bound {bound}; expected a number or +Inf");
                return Err(Problem::new(at, problem));
            }
            let cumulative =
                self::count(bucket.cumulative_count, bucket.cumulative_count_float, at)?;
            let exemplar = match &bucket.exemplar {
                Some(exemplar) => Some(self.exemplar(exemplar, at)?),
                None => None,
            };
            buckets.push((bound, cumulative, exemplar));
        }
        self.exemplars_of_native(&histogram.exemplars, &mut buckets, count, at)?;
        for (bound, cumulative, exemplar) in buckets {
            self.builder.composites.bucket(series, bound, cumulative, exemplar, at);
        }
        Ok(())
    }

    /// Exemplars of native buckets go to the classic buckets that hold them and have none.
    fn exemplars_of_native(
        &mut self,
        exemplars: &[messages::Exemplar],
        buckets: &mut Vec<(f64, u64, Option<Arc<Exemplar>>)>,
        count: u64,
        at: usize,
    ) -> Result<(), Problem> {
        if exemplars.is_empty() {
            return Ok(());
        }
        if buckets.iter().all(|(bound, ..)| *bound < f64::INFINITY) {
            buckets.push((f64::INFINITY, count, None));
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        for exemplar in exemplars {
            let exemplar = self.exemplar(exemplar, at)?;
            let holding = buckets.partition_point(|(bound, ..)| *bound < exemplar.value);
            if let Some((_, _, none @ None)) = buckets.get_mut(holding) {
                *none = Some(exemplar);
            }
        }
        Ok(())
    }

    pub(super) fn summary(
        &mut self,
        series: usize,
        summary: &messages::Summary,
        at: usize,
    ) -> Result<(), Problem> {
        self.builder.composites.count(series, summary.sample_count.unwrap_or_default(), at)?;
        self.builder.composites.sum(series, summary.sample_sum.unwrap_or_default(), at)?;
        for quantile in &summary.quantile {
            let (quantile, value) =
                (quantile.quantile.unwrap_or_default(), quantile.value.unwrap_or_default());
            if quantile.is_nan() {
                let problem = format!("found the quantile {quantile}; expected a number");
                return Err(Problem::new(at, problem));
            }
            self.builder.composites.quantile(series, quantile, value, at);
        }
        Ok(())
    }
}

/// A count that is an integer, or a float above zero.
fn count(integer: Option<u64>, float: Option<f64>, at: usize) -> Result<u64, Problem> {
    match float {
        Some(float) if float != 0.0 => number::whole(float).ok_or_else(|| {
            let problem = format!("found a count of {float}; expected a whole number");
            Problem::new(at, problem)
        }),
        _ => Ok(integer.unwrap_or_default()),
    }
}
