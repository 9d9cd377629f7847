//! Which bucket an observation falls into.

/// The place of `value` among a row's own buckets; `bounds.len()` is +Inf.
/// An upper bound belongs to its bucket, as `le` says.
pub(super) fn bucket(bounds: &[f64], value: f64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upper_bound_belongs_to_its_bucket() {
        let bounds = [-1.0, 0.0, 2.5];
        let cases = [(-2.0, 0), (-1.0, 0), (-0.5, 1), (-0.0, 1), (2.5, 2), (2.6, 3), (1e300, 3)];
        for (value, expected) in cases {
            assert_eq!(bucket(&bounds, value), expected, "{value}");
        }
        assert_eq!(bucket(&[], 1.0), 0);
    }
}
