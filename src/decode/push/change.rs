//! A parsed value becomes what it does to its series.

use crate::model::exposition::{ExposedBucket, ExposedValue, Exposition};
use crate::model::push::{Change, Write};
use crate::model::{Combine, Effect, Exemplar, Span};

use std::sync::Arc;

/// Appends the value's numbers and counts to the write. Windows take single numbers only.
pub(super) fn append(
    body: &Exposition,
    value: &ExposedValue,
    effect: Effect,
    write: &mut Write,
) -> Change {
    let combine = effect.combine();
    match value {
        ExposedValue::Scalar { value, exemplar } => match effect {
            Effect::Combine { .. } => {
                Change::Scalar { combine, value: *value, exemplar: exemplar.clone() }
            }
            Effect::Window { shows, window_seconds } => {
                Change::Windowed { shows, window_seconds, value: *value }
            }
        },
        ExposedValue::Histogram { buckets, sum, native } => {
            let buckets = body.buckets(buckets);
            let (bounds, counts) = append_buckets(buckets, write);
            let exemplars = exemplars(buckets);
            Change::Histogram {
                combine,
                bounds,
                counts,
                sum: *sum,
                native: native.clone(),
                exemplars,
            }
        }
        ExposedValue::Summary { quantiles, count, sum } => {
            let start = write.numbers.len();
            // Of values that are added up there is no quantile.
            if combine == Combine::Replace {
                let quantiles = body.quantiles(quantiles);
                write.numbers.extend(quantiles.iter().map(|quantile| quantile.quantile));
                write.numbers.extend(quantiles.iter().map(|quantile| quantile.value));
            }
            let quantiles = Span::new(start, write.numbers.len());
            Change::Summary { combine, count: *count, sum: *sum, quantiles }
        }
    }
}

/// Bounds without +Inf, and all counts; a histogram without buckets counts nothing.
fn append_buckets(buckets: &[ExposedBucket], write: &mut Write) -> (Span, Span) {
    let (numbers_at, counts_at) = (write.numbers.len(), write.counts.len());
    if let Some((_, finite)) = buckets.split_last() {
        write.numbers.extend(finite.iter().map(|bucket| bucket.upper_bound));
        write.counts.extend(buckets.iter().map(|bucket| bucket.count));
    } else {
        write.counts.push(0);
    }
    (Span::new(numbers_at, write.numbers.len()), Span::new(counts_at, write.counts.len()))
}

fn exemplars(buckets: &[ExposedBucket]) -> Vec<(u32, Arc<Exemplar>)> {
    let with_exemplar = (0..).zip(buckets).filter_map(|(index, bucket)| {
        bucket.exemplar.as_ref().map(|exemplar| (index, Arc::clone(exemplar)))
    });
    with_exemplar.collect()
}
