//! An event sent again is the same event: from the bytes that a dead letter would keep,
//! and written anew in either form.

use bytes::Bytes;
use prom_stream_gateway::decode::{DecodeOptions, dead_letter_payload, decode};
use prom_stream_gateway::model::{Batch, Body, Event, MetricType, RawEntry};
use serde_json::{Value, json};

use super::event::{describe, entry, is_too_large, item};
use super::label_text;

pub(super) fn check(batch: &Batch, sent: &RawEntry, options: &DecodeOptions) {
    for event in &batch.events {
        let expected = describe(batch, event);
        let members = members(batch, event);
        let payload = Value::Object(members.clone().into_iter().collect()).to_string();
        if !is_too_large(payload.len()) {
            assert_eq!(only(&item(payload.into_bytes()), options), expected, "as a payload");
        }
        let flat: Vec<_> = members.into_iter().map(flat_field).collect();
        if !is_too_large(flat.iter().map(|(name, text)| name.len() + text.len()).sum()) {
            assert_eq!(only(&entry(Body::Fields(flat)), options), expected, "as flat fields");
        }
        if !event.raw.is_empty() {
            let alone = item(dead_letter_payload(sent, event.raw));
            assert_eq!(only(&alone, options), expected, "its own bytes");
        }
    }
    for bad in &batch.bad {
        let letter = dead_letter_payload(sent, bad.raw);
        // An array within an array is refused as such; sent again, it is an array of events.
        if bad.raw.is_empty() || !letter.starts_with(b"{") {
            continue;
        }
        let again = decode(vec![item(letter)], options);
        assert_eq!(again.events.len(), 0, "refused, and then taken: {bad:?}");
        let reasons: Vec<_> = again.bad.iter().map(|bad| bad.reason).collect();
        assert_eq!(reasons, [bad.reason], "{bad:?}");
    }
}

/// The one event of an entry.
fn only(entry: &RawEntry, options: &DecodeOptions) -> String {
    let batch = decode(vec![entry.clone()], options);
    assert_eq!(batch.bad, [], "{entry:?}");
    let [event] = batch.events.as_slice() else { panic!("{entry:?} became {:?}", batch.events) };
    describe(&batch, event)
}

fn members(batch: &Batch, event: &Event) -> Vec<(String, Value)> {
    let labels = label_text::read(batch.text(event.labels));
    let labels: serde_json::Map<_, _> =
        labels.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let mut members = vec![
        ("type", json!(event.metric_type.as_str())),
        ("name", json!(batch.text(event.name))),
        // As text: it may be infinite.
        ("value", json!(format!("{:?}", event.value))),
        ("help", json!(batch.text(event.help))),
        ("labels", Value::Object(labels)),
    ];
    let numbers = batch.numbers(event.numbers);
    match event.metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {}
        // The last bound stands for itself: a list that holds no other is not empty.
        MetricType::Histogram => {
            let bounds = numbers.iter().map(|bound| json!(format!("{bound:?}")));
            members.push(("buckets", bounds.chain([json!("+Inf")]).collect()));
        }
        MetricType::Summary => {
            let texts = |numbers: &[f64]| numbers.iter().map(|n| json!(format!("{n:?}"))).collect();
            let (quantiles, epsilons) = numbers.split_at(numbers.len() / 2);
            members.push(("quantiles", texts(quantiles)));
            members.push(("epsilons", texts(epsilons)));
        }
    }
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Scalars stand for themselves, lists and maps are JSON.
fn flat_field((name, value): (String, Value)) -> (Bytes, Bytes) {
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    (name.into(), text.into())
}
