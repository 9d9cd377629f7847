//! Native histograms on the wire: runs of buckets, and each count's difference to the one before.

use super::wire::Sink;
use crate::model::NativeHistogram;

// Fields of `Histogram`.
const SCHEMA: u32 = 5;
const ZERO_THRESHOLD: u32 = 6;
const ZERO_COUNT: u32 = 7;
const NEGATIVE_SPAN: u32 = 9;
const NEGATIVE_DELTA: u32 = 10;
const POSITIVE_SPAN: u32 = 12;
const POSITIVE_DELTA: u32 = 13;

// Fields of `BucketSpan`.
const OFFSET: u32 = 1;
const LENGTH: u32 = 2;

/// A run of buckets next to each other.
#[derive(Debug, PartialEq)]
struct BucketSpan {
    /// From the end of the run before; of the first, the index of its first bucket.
    offset: i64,
    length: u64,
}

/// Writes the fields that a native histogram has besides those of a classic one.
pub(super) fn write<S: Sink>(sink: &mut S, native: &NativeHistogram) {
    sink.sint(SCHEMA, native.schema.into());
    sink.double(ZERO_THRESHOLD, native.zero_threshold);
    sink.uint(ZERO_COUNT, native.zero_count);
    side(sink, NEGATIVE_SPAN, NEGATIVE_DELTA, &native.negative);
    side(sink, POSITIVE_SPAN, POSITIVE_DELTA, &native.positive);
    if native.positive.is_empty() && native.negative.is_empty() {
        // Without any span, one that has seen nothing could not be told from a classic one.
        sink.message(POSITIVE_SPAN, |span| {
            span.sint(OFFSET, 0);
            span.uint(LENGTH, 0);
        });
    }
}

fn side<S: Sink>(sink: &mut S, span: u32, delta: u32, buckets: &[(i32, u64)]) {
    for BucketSpan { offset, length } in spans(buckets) {
        sink.message(span, |span| {
            span.sint(OFFSET, offset);
            span.uint(LENGTH, length);
        });
    }
    if buckets.is_empty() {
        return;
    }
    sink.message(delta, |deltas| {
        let mut before = 0_u64;
        for (_, count) in buckets {
            deltas.zigzag(count.wrapping_sub(before).cast_signed());
            before = *count;
        }
    });
}

fn spans(buckets: &[(i32, u64)]) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut end = 0;
    for (index, _) in buckets {
        let index = i64::from(*index);
        match spans.last_mut() {
            Some(span) if index == end => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - end, length: 1 }),
        }
        end = index + 1;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_side_by_side_are_one_span() {
        let of = |indexes: &[i32]| {
            let buckets: Vec<_> = indexes.iter().map(|index| (*index, 1)).collect();
            let spans = spans(&buckets).into_iter();
            spans.map(|span| (span.offset, span.length)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[0]), [(0, 1)]);
        assert_eq!(of(&[-3, -2, 4, 5, 6, 8]), [(-3, 2), (5, 3), (1, 1)]);
        assert_eq!(of(&[7, 8]), [(7, 2)]);
        assert_eq!(of(&[i32::MIN, i32::MAX]), [(-2_147_483_648, 1), (4_294_967_294, 1)]);
    }
}
