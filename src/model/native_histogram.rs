//! Native histograms: exponential buckets of a resolution that each series chooses.
//!
//! Bucket `i` of schema `s` holds observations in `(b^(i-1), b^i]` with `b = 2^(2^-s)`
//! (schemas -4 to 8). A schema less by one merges buckets two by two, so histograms of different
//! resolution add up in the coarser one. Sum and count of all observations are kept where those of
//! classic histograms are.

/// The sparse buckets of one native histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// From -4 (coarse) to 8 (fine).
    pub schema: i32,
    /// Observations of at most this magnitude are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: u64,
    /// Bucket index and count, ascending, counts above 0.
    pub positive: Vec<(i32, u64)>,
    pub negative: Vec<(i32, u64)>,
}
