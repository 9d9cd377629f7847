//! Native histograms: spans of buckets and what is in them.
//!
//! Spans say which buckets there are, and deltas (or, in histograms of floats, counts) what each
//! holds. Nothing is believed: a span's length is only a claim until as many deltas were found.

use super::super::number;
use super::messages::{BucketSpan, Histogram};
use crate::model::NativeHistogram;

/// From coarse to fine.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// The native part of a histogram, if it has one; else what was found and expected.
pub(super) fn decode(histogram: &Histogram, count: u64) -> Result<Option<NativeHistogram>, String> {
    let zero_threshold = histogram.zero_threshold.unwrap_or_default();
    let zero_count_float = histogram.zero_count_float.unwrap_or_default();
    // An empty one shows itself by a threshold, or by a span of no buckets.
    let is_native = !histogram.positive_span.is_empty()
        || !histogram.negative_span.is_empty()
        || zero_threshold != 0.0
        || zero_count_float != 0.0
        || histogram.zero_count.unwrap_or_default() != 0;
    if !is_native {
        return Ok(None);
    }
    let schema = histogram.schema.unwrap_or_default();
    if !SCHEMAS.contains(&schema) {
        return Err(format!("a native histogram of schema {schema}; expected -4 to 8"));
    }
    if !(zero_threshold.is_finite() && zero_threshold >= 0.0) {
        return Err(format!("a zero threshold of {zero_threshold}; expected 0 or more"));
    }
    let zero_count = match zero_count_float {
        0.0 => histogram.zero_count.unwrap_or_default(),
        float => number::whole(float)
            .ok_or_else(|| format!("a zero count of {float}; expected a whole number"))?,
    };
    let (positive, negative) = (
        counts(&histogram.positive_delta, &histogram.positive_count)
            .and_then(|counts| buckets(&histogram.positive_span, &counts))?,
        counts(&histogram.negative_delta, &histogram.negative_count)
            .and_then(|counts| buckets(&histogram.negative_span, &counts))?,
    );
    let all = positive.iter().chain(&negative).map(|(_, count)| u128::from(*count));
    let in_buckets = all.sum::<u128>() + u128::from(zero_count);
    // NaN is observed, makes the sum NaN, and is in no bucket.
    let has_nan = histogram.sample_sum.is_some_and(f64::is_nan);
    if in_buckets > u128::from(count) || (in_buckets < u128::from(count) && !has_nan) {
        return Err(format!("{in_buckets} observations in native buckets; expected {count}"));
    }
    Ok(Some(NativeHistogram { schema, zero_threshold, zero_count, positive, negative }))
}

/// Each bucket's count, from deltas to the bucket before or from floats.
fn counts(deltas: &[i64], floats: &[f64]) -> Result<Vec<u64>, String> {
    if deltas.is_empty() {
        let whole = |float: &f64| {
            number::whole(*float)
                .ok_or_else(|| format!("a native bucket of {float}; expected a whole number"))
        };
        return floats.iter().map(whole).collect();
    }
    let mut count = 0_i64;
    let mut next = |delta: &i64| {
        let sum = count.checked_add(*delta).filter(|sum| *sum >= 0);
        let sum = sum.ok_or_else(|| {
            format!("a native bucket of {count} and {delta} more; expected a count of 0 or more")
        })?;
        count = sum;
        Ok(sum.unsigned_abs())
    };
    deltas.iter().map(&mut next).collect()
}

/// The buckets that hold anything, each with its index.
fn buckets(spans: &[BucketSpan], counts: &[u64]) -> Result<Vec<(i32, u64)>, String> {
    let claimed: u64 = spans.iter().map(|span| u64::from(span.length.unwrap_or_default())).sum();
    let found = counts.len();
    if claimed != found as u64 {
        return Err(format!("{found} native buckets; expected {claimed}, as their spans say"));
    }
    let mut buckets = Vec::with_capacity(found);
    let mut counts = counts.iter();
    let mut index = 0_i64;
    for (number, span) in spans.iter().enumerate() {
        let offset = span.offset.unwrap_or_default();
        if number > 0 && offset < 0 {
            return Err(format!("a span {offset} after the one before; expected 0 or more"));
        }
        index += i64::from(offset);
        for count in counts.by_ref().take(span.length.unwrap_or_default() as usize) {
            let index_32 = i32::try_from(index)
                .map_err(|_| format!("a native bucket of index {index}; expected 32 bits"))?;
            if *count > 0 {
                buckets.push((index_32, *count));
            }
            index += 1;
        }
    }
    Ok(buckets)
}
