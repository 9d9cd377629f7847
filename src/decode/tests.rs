//! What producers send, and what becomes of it: a table for every rule.

use super::*;
use crate::model::{Locator, Mode, StreamId};

mod bad;
mod forms;
mod good;
mod properties;
mod speed;

fn entry(body: Body) -> RawEntry {
    RawEntry { locator: Locator::Entry(StreamId::default()), body }
}

fn payload(json: impl AsRef<[u8]>) -> RawEntry {
    entry(Body::Payload(json.as_ref().to_vec().into()))
}

fn flat(fields: &[(&str, &str)]) -> RawEntry {
    let fields = fields.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.into(), value.into())).collect();
    entry(match fields.pop() {
        Some((name, value)) if fields.is_empty() => Body::Field { name, value },
        last => Body::Fields(fields.into_iter().chain(last).collect()),
    })
}

fn decode_one(entry: RawEntry) -> Batch {
    let options = DecodeOptions {
        utf8_names: false,
        sort_labels: true,
        stream_pushes: StreamPushes::default(),
        hasher: SeriesHasher::default(),
    };
    let batch = decode(vec![entry], &options);
    for event in &batch.events {
        let labels = crate::model::labels::canonical(batch.text(event.labels));
        assert_eq!(event.hash, options.hasher.hash(batch.text(event.name), &labels));
    }
    batch
}

/// `counter x{a="1"} 2 # help Mode [numbers]`
fn render(batch: &Batch, event: &Event) -> String {
    let mut line = format!("{} {}", event.metric_type, batch.text(event.name));
    if !event.labels.is_empty() {
        line += &format!("{{{}}}", batch.text(event.labels));
    }
    line += &format!(" {}", event.value);
    if !event.help.is_empty() {
        line += &format!(" # {}", batch.text(event.help));
    }
    if event.mode != Mode::Natural {
        line += &format!(" {:?}", event.mode);
    }
    if !event.numbers.is_empty() {
        line += &format!(" {:?}", batch.numbers(event.numbers));
    }
    line
}

/// The events, and after them the reasons and byte ranges of the bad ones.
fn outcome(entry: RawEntry) -> Vec<String> {
    let batch = decode_one(entry);
    let good = batch.events.iter().map(|event| render(&batch, event));
    let bad = batch.bad.iter().map(|bad| format!("{} {:?}", bad.reason, bad.raw.range()));
    good.chain(bad).collect()
}

#[track_caller]
fn assert_good(entry: RawEntry, expected: &str) {
    let batch = decode_one(entry);
    assert_eq!(batch.bad, [], "{:?}", batch.entries);
    let events: Vec<_> = batch.events.iter().map(|event| render(&batch, event)).collect();
    assert_eq!(events, [expected], "{:?}", batch.entries);
}

#[track_caller]
fn assert_bad(entry: RawEntry, reason: Reason, detail: &str) {
    let batch = decode_one(entry);
    assert_eq!(batch.events, [], "{:?}", batch.entries);
    let [bad] = batch.bad.as_slice() else { panic!("{:?} of {:?}", batch.bad, batch.entries) };
    assert_eq!(bad.reason, reason, "{}", bad.detail);
    assert!(bad.detail.contains(detail), "{:?} does not contain {detail:?}", bad.detail);
    assert!(bad.detail.len() < 700, "{}", bad.detail);
    assert_eq!((batch.text.as_str(), batch.numbers.as_slice()), ("", [].as_slice()));
}
