//! Served totals against the producers' ledger, series by series.

use std::collections::{BTreeMap, BTreeSet};

use prom_stream_gateway::commands::load::ledger::{Ledger, SeriesLedger};

use super::page::key;
use super::{LAST_TAKER, OWNER, Page, RedisServer, STREAM};

/// Every way in which the page differs from the ledger; empty when it is exact.
pub(crate) fn differences(ledger: &Ledger, page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for series in ledger.series.iter().filter(|series| series.attempted.count > 0) {
        for (sample, low, high) in bounds(series) {
            let served = page.samples.get(&sample).copied();
            // What is only attempted need not exist.
            if !(low..=high).contains(&served.unwrap_or(0.0)) {
                found.push(format!("{sample}: served {served:?}, ledger {low}..={high}"));
            }
            known.insert(sample);
        }
        if series.metric_type == "gauge" {
            let sample = key(&series.name, &labels(&series.labels));
            let served = page.samples.get(&sample);
            let written = served.is_some_and(|value| series.attempted.last.contains(value));
            if !written && series.acknowledged.count > 0 {
                found.push(format!(
                    "{sample}: served {served:?}, written {:?}",
                    series.attempted.last
                ));
            }
            known.insert(sample);
        }
    }
    // What no producer ever wrote: quantiles apart, which follow from what they wrote.
    let names: BTreeSet<_> = ledger.series.iter().map(|series| series.name.as_str()).collect();
    for sample in page.samples.keys().filter(|sample| !sample.contains("quantile=")) {
        let name = sample.split('{').next().unwrap_or_default();
        let of_ledger = names.iter().any(|known| name.starts_with(known));
        if of_ledger && !known.contains(sample) {
            found.push(format!("{sample}: served, and nobody wrote it"));
        }
    }
    found
}

/// Adds a page to what other gateways serve: of counters and histograms that is what all of them
/// serve together.
pub(crate) fn add(sum: &mut Page, page: &Page) {
    sum.types.extend(page.types.clone());
    for (sample, value) in &page.samples {
        *sum.samples.entry(sample.clone()).or_insert(0.0) += value;
    }
}

/// Panics with what differs.
#[track_caller]
pub(crate) fn assert_exact(ledger: &Ledger, page: &Page, context: &str) {
    let found = differences(ledger, page);
    let shown = found.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{context}: {} samples differ\n{shown}", found.len());
}

/// What Redis still holds in the group's pending list and in the list and its segments.
pub(crate) fn unacknowledged(redis: &RedisServer) -> u64 {
    let pending: (u64, redis::Value, redis::Value, redis::Value) =
        redis.run(&["XPENDING", STREAM, "prom-stream-gateway"]);
    let is_list =
        |key: &String| key.contains("metric-queue") && ![OWNER, LAST_TAKER].contains(&&**key);
    let lists = redis.keys().into_iter().filter(is_list);
    pending.0 + lists.map(|key| redis.run::<u64>(&["LLEN", &key])).sum::<u64>()
}

/// Each sample of a counter, histogram or summary with the least and the most it may be.
fn bounds(series: &SeriesLedger) -> Vec<(String, f64, f64)> {
    let SeriesLedger { name, acknowledged, attempted, .. } = series;
    let pairs = labels(&series.labels);
    let sum = (acknowledged.sum, attempted.sum);
    let count = (acknowledged.count as f64, attempted.count as f64);
    let sample = |suffix: &str, (low, high): (f64, f64)| {
        (key(&format!("{name}{suffix}"), &pairs), low, high)
    };
    match series.metric_type.as_str() {
        "counter" => vec![sample("", sum)],
        "summary" => vec![sample("_sum", sum), sample("_count", count)],
        "histogram" => {
            let mut samples = vec![sample("_sum", sum), sample("_count", count)];
            let (mut low, mut high) = (0, 0);
            for (at, (acknowledged, attempted)) in
                acknowledged.buckets.iter().zip(&attempted.buckets).enumerate()
            {
                low += acknowledged;
                high += attempted;
                let bound = series.bounds.get(at).map_or("+Inf".into(), ToString::to_string);
                let pairs: Vec<_> = pairs.iter().copied().chain([("le", &*bound)]).collect();
                samples.push((key(&format!("{name}_bucket"), &pairs), low as f64, high as f64));
            }
            samples
        }
        _ => Vec::new(),
    }
}

fn labels(labels: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use prom_stream_gateway::commands::load::ledger::Outcome;
    use prom_stream_gateway::commands::load::mix::{Catalogue, Sample};

    use super::*;

    #[test]
    fn one_event_too_few_or_too_many_is_found() {
        let catalogue = Catalogue::new(1, &["list".into()]);
        let mut ledger = Ledger::new(&catalogue);
        let counter = Sample { series: 0, value: 1.5 };
        let gauge = Sample { series: 3, value: 4.0 };
        ledger.record(&[counter, gauge], Outcome::Acknowledged);
        let page = |counter: f64, gauge: f64| {
            let text = format!(
                "# TYPE load_level gauge\nload_level{{series=\"0\",target=\"list\"}} {gauge}\n\
                 # TYPE load_requests_total counter\nload_requests_total{{series=\"0\"}} {counter}\n"
            );
            Page::parse(&text).unwrap()
        };
        assert_eq!(differences(&ledger, &page(1.5, 4.0)), Vec::<String>::new());
        assert_eq!(differences(&ledger, &page(1.25, 4.0)).len(), 1);
        assert_eq!(differences(&ledger, &page(3.0, 4.0)).len(), 1);
        assert_eq!(differences(&ledger, &page(1.5, 3.0)).len(), 1);
        assert_eq!(differences(&ledger, &Page::default()).len(), 2);
        assert_eq!(differences(&Ledger::new(&catalogue), &page(1.5, 4.0)).len(), 2);
        ledger.record(&[counter], Outcome::Unknown);
        assert_eq!(differences(&ledger, &page(1.5, 4.0)), Vec::<String>::new());
        assert_eq!(differences(&ledger, &page(3.0, 4.0)), Vec::<String>::new());
    }
}
