//! What the lines of a histogram or a summary come to, once all are read.
//!
//! Cumulative counts become each bucket's own. Here is noticed what no single line shows: counts
//! that fall, a `_count` that differs from the +Inf bucket, the same line twice.

use super::super::builder::narrow;
use super::{
    BucketRow, Composites, Draft, ExposedBucket, ExposedQuantile, ExposedValue, Exposition,
    MetricType, Problem, QuantileRow, Series, Shown,
};

impl Composites {
    /// Gives every metric its value.
    pub(in super::super) fn settle(
        &mut self,
        families: &[Draft],
        out: &mut Exposition,
    ) -> Result<(), Problem> {
        // Stable and linear for lines that are in order.
        self.buckets.sort_by(|a, b| {
            (a.series.cmp(&b.series)).then_with(|| a.upper_bound.total_cmp(&b.upper_bound))
        });
        self.quantiles.sort_by(|a, b| {
            a.series.cmp(&b.series).then_with(|| a.quantile.total_cmp(&b.quantile))
        });
        out.buckets.reserve(self.buckets.len());
        out.quantiles.reserve(self.quantiles.len());
        let mut buckets = std::mem::take(&mut self.buckets).into_iter().peekable();
        let mut quantiles = std::mem::take(&mut self.quantiles).into_iter().peekable();
        for (index, series) in self.series.iter_mut().enumerate() {
            let family = &families[series.family];
            let value = if family.metric_type == Some(MetricType::Summary) {
                let rows = std::iter::from_fn(|| quantiles.next_if(|row| row.series == index));
                summary(series, rows, out)
            } else {
                let rows = std::iter::from_fn(|| buckets.next_if(|row| row.series == index));
                histogram(series, rows, out)
            };
            let value = value.map_err(|(at, problem)| {
                let name = Shown(out.text(family.name));
                let metric_type = family.metric_type.expect("a family with samples has a type");
                Problem::new(at, format!("the {metric_type} {name}: {problem}"))
            })?;
            out.metrics[series.metric].value = value;
        }
        Ok(())
    }
}

type Wrong = (usize, String);

fn histogram(
    series: &mut Series,
    rows: impl Iterator<Item = BucketRow>,
    out: &mut Exposition,
) -> Result<ExposedValue, Wrong> {
    let start = narrow(out.buckets.len());
    let (mut below, mut last_bound) = (0, f64::NEG_INFINITY);
    for row in rows {
        let BucketRow { upper_bound, cumulative, exemplar, at, .. } = row;
        // The first row cannot meet it: no bound is -Inf.
        if upper_bound == last_bound {
            let bound = Bound(upper_bound);
            return Err((at, format!("found the bucket le={bound} twice for the same labels")));
        }
        let Some(count) = cumulative.checked_sub(below) else {
            let (bound, last) = (Bound(upper_bound), Bound(last_bound));
            return Err((
                at,
                format!(
                    "found {cumulative} in the bucket le={bound}; \
                     expected at least the {below} of le={last}"
                ),
            ));
        };
        out.buckets.push(ExposedBucket { upper_bound, count, exemplar });
        (below, last_bound) = (cumulative, upper_bound);
        if upper_bound == f64::INFINITY && series.count.is_some_and(|count| count != cumulative) {
            let count = series.count.unwrap_or_default();
            return Err((
                at,
                format!("found {cumulative} in the bucket le=+Inf; expected its _count, {count}"),
            ));
        }
    }
    if last_bound < f64::INFINITY {
        let count = series.count.ok_or_else(|| {
            (series.at, "found neither a bucket le=+Inf nor a _count; expected one of them".into())
        })?;
        let own = count.checked_sub(below).ok_or_else(|| {
            let last = Bound(last_bound);
            let problem =
                format!("found a _count of {count}; expected at least the {below} of le={last}");
            (series.at, problem)
        })?;
        let exemplar = None;
        out.buckets.push(ExposedBucket { upper_bound: f64::INFINITY, count: own, exemplar });
    }
    let buckets = start..narrow(out.buckets.len());
    let sum = series.sum.unwrap_or_default();
    Ok(ExposedValue::Histogram { buckets, sum, native: series.native.take() })
}

fn summary(
    series: &Series,
    rows: impl Iterator<Item = QuantileRow>,
    out: &mut Exposition,
) -> Result<ExposedValue, Wrong> {
    let start = out.quantiles.len();
    for QuantileRow { quantile, value, at, .. } in rows {
        if out.quantiles[start..].last().is_some_and(|last| last.quantile == quantile) {
            return Err((at, format!("found the quantile {quantile} twice for the same labels")));
        }
        out.quantiles.push(ExposedQuantile { quantile, value });
    }
    let quantiles = narrow(start)..narrow(out.quantiles.len());
    let (count, sum) = (series.count.unwrap_or_default(), series.sum.unwrap_or_default());
    Ok(ExposedValue::Summary { quantiles, count, sum })
}

/// An upper bound as it stands in a label.
struct Bound(f64);

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            bound => write!(f, "{bound}"),
        }
    }
}
