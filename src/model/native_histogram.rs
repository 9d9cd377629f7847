//! Native histograms: exponential buckets of a resolution that each series chooses.
//!
//! Bucket `i` of schema `s` holds observations in `(b^(i-1), b^i]` with `b = 2^(2^-s)`
//! (schemas -4 to 8). A schema less by one merges buckets two by two, so histograms of different
//! resolution add up in the coarser one. Observations near zero share one bucket; of two histograms
//! the wider zero bucket swallows what the other one has there. Sum and count of all observations
//! are kept where those of classic histograms are.

/// More buckets than this make a sum coarser.
const MOST_BUCKETS: usize = 160;
/// The coarsest resolution: each bucket reaches 65,536 times as far as the one before.
const COARSEST_SCHEMA: i32 = -4;

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

impl NativeHistogram {
    /// The observations in all buckets; `None` when they cannot be counted in 64 bits.
    pub fn observations(&self) -> Option<u64> {
        let mut buckets = self.positive.iter().chain(&self.negative);
        buckets.try_fold(self.zero_count, |total, (_, count)| total.checked_add(*count))
    }

    /// Makes it at least as coarse as `schema`.
    pub fn reduce(&mut self, schema: i32) {
        let Ok(steps @ 1..) = u32::try_from(self.schema - schema) else { return };
        for buckets in [&mut self.positive, &mut self.negative] {
            for (index, _) in &mut *buckets {
                // Rounds up; in 64 bits, as the lowest index has nothing below it.
                *index = (((i64::from(*index) - 1) >> steps) + 1) as i32;
            }
            merge_equal(buckets);
        }
        self.schema = schema;
    }

    /// Whether its buckets hold all of so many observations. NaN is in none of them, and shows in
    /// the sum.
    pub fn holds(&self, observations: u64, sum: f64) -> bool {
        self.observations()
            .is_some_and(|held| held == observations || (held < observations && sum.is_nan()))
    }

    /// Adds the other's observations. Together they must be few enough to count in 64 bits.
    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        let schema = self.schema.min(other.schema);
        self.reduce(schema);
        other.reduce(schema);
        // A bucket that begins inside the zero bucket ends outside: then that one grows once more.
        while self.zero_threshold != other.zero_threshold {
            let threshold = self.zero_threshold.max(other.zero_threshold);
            self.widen_zero(threshold);
            other.widen_zero(threshold);
        }
        self.zero_count += other.zero_count;
        for (buckets, others) in
            [(&mut self.positive, other.positive), (&mut self.negative, other.negative)]
        {
            buckets.extend(others);
            buckets.sort_unstable_by_key(|(index, _)| *index);
            merge_equal(buckets);
        }
        while self.positive.len() + self.negative.len() > MOST_BUCKETS
            && self.schema > COARSEST_SCHEMA
        {
            self.reduce(self.schema - 1);
        }
    }

    /// Makes the zero bucket reach at least to `threshold`, and to the end of a bucket that it cuts.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold {
            return;
        }
        self.zero_threshold = threshold;
        let schema = self.schema;
        for buckets in [&mut self.positive, &mut self.negative] {
            buckets.retain(|(index, count)| {
                let swallowed = upper_bound(schema, i64::from(*index) - 1) < threshold;
                if swallowed {
                    self.zero_count += count;
                    self.zero_threshold =
                        self.zero_threshold.max(upper_bound(schema, (*index).into()));
                }
                !swallowed
            });
        }
    }
}

/// The largest magnitude that a bucket holds.
fn upper_bound(schema: i32, index: i64) -> f64 {
    (index as f64 * f64::from(-schema).exp2()).exp2().min(f64::MAX)
}

/// Adds up neighbours of the same index.
fn merge_equal(buckets: &mut Vec<(i32, u64)>) {
    buckets.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Puts each observation into its bucket, one by one.
    fn bucketed(schema: i32, zero_threshold: f64, observations: &[f64]) -> NativeHistogram {
        let mut zero_count = 0;
        let mut positive = BTreeMap::new();
        let mut negative = BTreeMap::new();
        for value in observations {
            if value.abs() <= zero_threshold {
                zero_count += 1;
                continue;
            }
            let near = (value.abs().log2() * f64::from(schema).exp2()).ceil() as i32;
            let index = (near - 2..=near + 2)
                .find(|index| value.abs() <= upper_bound(schema, (*index).into()))
                .expect("a bound near the logarithm");
            let side = if *value > 0.0 { &mut positive } else { &mut negative };
            *side.entry(index).or_insert(0) += 1;
        }
        NativeHistogram {
            schema,
            zero_threshold,
            zero_count,
            positive: positive.into_iter().collect(),
            negative: negative.into_iter().collect(),
        }
    }

    fn observations() -> impl Strategy<Value = Vec<f64>> {
        let magnitude = prop_oneof![(-12.0..12.0_f64).prop_map(f64::exp2), Just(0.0), Just(1.0)];
        let value = (magnitude, any::<bool>())
            .prop_map(|(magnitude, minus)| if minus { -magnitude } else { magnitude });
        prop::collection::vec(value, 0..60)
    }

    fn threshold() -> impl Strategy<Value = f64> {
        prop::sample::select(vec![0.0, 1e-100, 0.001, 0.3, 1.0, 40.0])
    }

    proptest! {
        #[test]
        fn a_coarser_histogram_is_that_of_its_observations(
            values in observations(),
            threshold in threshold(),
            fine in -4..=8_i32,
            coarse in -4..=8_i32,
        ) {
            let mut histogram = bucketed(fine, threshold, &values);
            histogram.reduce(coarse);
            prop_assert_eq!(histogram, bucketed(fine.min(coarse), threshold, &values));
        }

        #[test]
        fn a_sum_is_that_of_all_observations(
            left in (observations(), threshold(), -4..=8_i32),
            right in (observations(), threshold(), -4..=8_i32),
        ) {
            let mut sum = bucketed(left.2, left.1, &left.0);
            sum.add(&bucketed(right.2, right.1, &right.0));
            prop_assert!(sum.zero_threshold >= left.1.max(right.1));
            prop_assert_eq!(sum.schema, left.2.min(right.2));
            let all = [left.0, right.0].concat();
            prop_assert_eq!(sum.observations(), Some(all.len() as u64));
            prop_assert_eq!(&sum, &bucketed(sum.schema, sum.zero_threshold, &all));
        }
    }

    #[test]
    fn equal_zero_buckets_stay_as_they_are_and_a_cut_bucket_widens_the_zero_bucket() {
        let mut same = bucketed(0, 0.5, &[0.6, 0.1]);
        same.add(&bucketed(0, 0.5, &[3.0]));
        assert_eq!(same.zero_threshold, 0.5);
        let mut wider = bucketed(0, 0.0, &[0.6, 0.9, 5.0]);
        wider.add(&bucketed(0, 0.7, &[0.1]));
        assert_eq!((wider.zero_threshold, wider.zero_count), (1.0, 3));
        assert_eq!(wider.positive, [(3, 1)]);
    }

    #[test]
    fn a_sum_of_many_buckets_becomes_coarser() {
        let many = |from: i32| NativeHistogram {
            schema: 3,
            positive: (from..from + 150).map(|index| (index, 2)).collect(),
            ..NativeHistogram::default()
        };
        let mut sum = many(0);
        sum.add(&many(100));
        assert_eq!((sum.schema, sum.observations()), (2, Some(600)));
        assert!(sum.positive.len() <= MOST_BUCKETS);
        let huge = NativeHistogram { zero_count: u64::MAX, ..many(0) };
        assert_eq!(huge.observations(), None);
    }
}
