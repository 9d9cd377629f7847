//! Delimited protobuf read back into the samples that the text format would show.

use std::collections::BTreeMap;

use prost::Message;

use super::messages::{Metric, MetricFamily};
use crate::harness::page::key;

/// Values by `name{labels}`, as pages have them.
pub(super) type Samples = BTreeMap<String, f64>;

pub(super) fn samples(mut page: &[u8]) -> Samples {
    let mut samples = Samples::new();
    while !page.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut page).expect("a whole family");
        let name = family.name.as_deref().expect("a name");
        for metric in &family.metric {
            for (suffix, extra, value) in values(metric) {
                let extra = extra.as_ref().map(|(name, value)| (*name, value.as_str()));
                let labels = metric.label.iter().map(|pair| {
                    (pair.name.as_deref().expect("a name"), pair.value.as_deref().expect("a value"))
                });
                let labels: Vec<_> = labels.chain(extra).collect();
                let key = key(&format!("{name}{suffix}"), &labels);
                assert_eq!(samples.insert(key.clone(), value), None, "{key} twice");
            }
        }
    }
    samples
}

type Value = (&'static str, Option<(&'static str, String)>, f64);

/// Suffix, further label and value of each sample.
fn values(metric: &Metric) -> Vec<Value> {
    let mut values = Vec::new();
    let scalars = [
        metric.counter.as_ref().and_then(|counter| counter.value),
        metric.gauge.as_ref().and_then(|gauge| gauge.value),
        metric.untyped.as_ref().and_then(|untyped| untyped.value),
    ];
    values.extend(scalars.into_iter().flatten().map(|value| ("", None, value)));
    if let Some(histogram) = &metric.histogram {
        for bucket in &histogram.bucket {
            let le = number(bucket.upper_bound.expect("a bound"));
            let count = bucket.cumulative_count.expect("a count") as f64;
            values.push(("_bucket", Some(("le", le)), count));
        }
        values.push(("_sum", None, histogram.sample_sum.expect("a sum")));
        values.push(("_count", None, histogram.sample_count.expect("a count") as f64));
    }
    if let Some(summary) = &metric.summary {
        for quantile in &summary.quantile {
            let label = Some(("quantile", number(quantile.quantile.expect("a quantile"))));
            values.push(("", label, quantile.value.expect("a value")));
        }
        values.push(("_sum", None, summary.sample_sum.expect("a sum")));
        values.push(("_count", None, summary.sample_count.expect("a count") as f64));
    }
    values
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".into() } else { value.to_string() }
}
