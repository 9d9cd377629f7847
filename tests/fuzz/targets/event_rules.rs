//! The rules for events, written a second time: what was decoded must obey them.

use prom_stream_gateway::decode::{self, RESERVED_PREFIX};
use prom_stream_gateway::model::{Batch, Body, Event, MetricType, RawEntry, Reason};

use super::label_text;

/// A refusal is read by people, in logs and dead letters.
const LONGEST_DETAIL_BYTES: usize = 4096;

pub(super) fn check(batch: &Batch, entry: &RawEntry) {
    if let Body::JournalRecord(_) | Body::Push(_) = &entry.body {
        return;
    }
    let payload = decode::payload(&entry.body).map(|payload| &payload[..]);
    if batch.events.is_empty() && batch.bad.is_empty() {
        let text: Vec<u8> = payload
            .expect("flat fields are one event")
            .iter()
            .copied()
            .filter(|byte| !b" \t\r\n\xef\xbb\xbf".contains(byte))
            .collect();
        assert_eq!(text, b"[]", "only an empty array holds nothing");
    }
    for event in &batch.events {
        event_obeys(batch, event);
    }
    let length = payload.map_or(0, <[u8]>::len);
    let raws = batch.events.iter().map(|event| event.raw);
    for raw in raws.chain(batch.bad.iter().map(|bad| bad.raw)) {
        assert!(raw.range().start <= raw.range().end && raw.range().end <= length, "{raw:?}");
    }
    for bad in &batch.bad {
        let decided_by_the_store =
            [Reason::TypeConflict, Reason::NameConflict, Reason::SeriesLimit];
        assert!(!decided_by_the_store.contains(&bad.reason), "{bad:?}");
        assert!(!bad.detail.is_empty(), "{bad:?}");
        assert!(!bad.detail.contains(['\n', '\r']), "a detail of two lines: {:?}", bad.detail);
        assert!(bad.detail.len() <= LONGEST_DETAIL_BYTES, "{} bytes", bad.detail.len());
    }
}

fn event_obeys(batch: &Batch, event: &Event) {
    let name = batch.text(event.name);
    let metric_type = event.metric_type;
    assert!(is_word(name, b"_:"), "{name:?}");
    for suffix in suffixes(metric_type) {
        let served = format!("{name}{suffix}");
        assert!(!served.starts_with(RESERVED_PREFIX), "{served}");
    }
    let labels = label_text::read(batch.text(event.labels));
    assert!(labels.is_sorted_by(|a, b| a.0 < b.0), "{labels:?}");
    for (label, value) in &labels {
        assert!(is_word(label, b"_") && !label.starts_with("__"), "{label:?}");
        assert!(!value.is_empty(), "{label} is empty, so absent");
        let own = match metric_type {
            MetricType::Histogram => "le",
            MetricType::Summary => "quantile",
            MetricType::Counter | MetricType::Gauge | MetricType::Untyped => "",
        };
        assert_ne!(label, own);
    }
    match metric_type {
        MetricType::Gauge => {}
        MetricType::Counter => assert!(event.value.is_finite() && event.value >= 0.0),
        _ => assert!(event.value.is_finite(), "{}", event.value),
    }
    let numbers = batch.numbers(event.numbers);
    match metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {
            assert!(numbers.is_empty())
        }
        MetricType::Histogram => {
            assert!(numbers.iter().all(|bound| bound.is_finite()), "{numbers:?}");
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        }
        MetricType::Summary => {
            let (quantiles, epsilons) = numbers.split_at(numbers.len() / 2);
            assert_eq!(quantiles.len(), epsilons.len());
            assert!(numbers.iter().all(|number| 0.0 < *number && *number < 1.0), "{numbers:?}");
            assert!(quantiles.is_sorted_by(|a, b| a < b), "{quantiles:?}");
        }
    }
}

/// What a family's samples are called beside, or instead of, its own name.
fn suffixes(metric_type: MetricType) -> &'static [&'static str] {
    match metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => &[""],
        MetricType::Histogram => &["", "_bucket", "_sum", "_count"],
        MetricType::Summary => &["", "_sum", "_count"],
    }
}

fn is_word(text: &str, also: &[u8]) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte));
    letters && !text.is_empty() && !text.starts_with(|first: char| first.is_ascii_digit())
}
