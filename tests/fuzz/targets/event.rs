//! What producers send: a list's payload, and a stream entry in both of its forms.
//!
//! Nothing a producer sends may fail: every entry becomes events that obey the rules,
//! or refusals with a reason, and its position moves once either way.

use bytes::Bytes;
use prom_stream_gateway::decode::{DecodeOptions, MAX_ENTRY_BYTES, StreamPushes, decode};
use prom_stream_gateway::model::{Batch, Body, Locator, RawEntry, StreamId};
use prom_stream_gateway::store::Store;

use super::{event_rules, sent_again, through_the_store};

/// The bytes are a list's item.
pub(super) fn payload(bytes: &[u8]) {
    check(item(bytes.to_vec()));
}

/// The bytes are a stream entry's fields, names and values in turn, with a zero byte between two:
/// a payload in one of them, or flat fields.
pub(super) fn stream_entry(bytes: &[u8]) {
    let parts: Vec<Bytes> =
        bytes.split(|byte| *byte == 0).map(|part| part.to_vec().into()).collect();
    let fields: Vec<_> = parts
        .chunks(2)
        .map(|pair| {
            let value = pair.get(1).cloned().unwrap_or_default();
            (pair[0].clone(), value)
        })
        .collect();
    check(entry(match <[_; 1]>::try_from(fields) {
        Ok([(name, value)]) => Body::Field { name, value },
        Err(fields) => Body::Fields(fields),
    }));
}

pub(super) fn item(payload: Vec<u8>) -> RawEntry {
    RawEntry {
        locator: Locator::Item { segment: 1, index: 0 },
        body: Body::Payload(payload.into()),
    }
}

pub(super) fn entry(body: Body) -> RawEntry {
    RawEntry { locator: Locator::Entry(StreamId::new(1, 1)), body }
}

fn check(entry: RawEntry) {
    let store = Store::new(1_000_000);
    let sorted = DecodeOptions {
        sort_labels: true,
        utf8_names: false,
        stream_pushes: StreamPushes::default(),
        hasher: store.hasher(),
    };
    let batch = decode(vec![entry.clone()], &sorted);
    event_rules::check(&batch, &entry);
    nothing_is_left_behind_for_the_next(&entry, &batch, &sorted);
    the_order_of_labels_is_no_identity(&entry, &batch, &sorted);
    sent_again::check(&batch, &entry, &sorted);
    through_the_store::check(&store, &batch);
}

/// Decoding reuses scratch space from event to event; what is decoded must not show it.
fn nothing_is_left_behind_for_the_next(entry: &RawEntry, once: &Batch, options: &DecodeOptions) {
    let twice = decode(vec![entry.clone(), entry.clone()], options);
    let expected: Vec<_> = once.events.iter().map(|event| describe(once, event)).collect();
    let found: Vec<_> = twice.events.iter().map(|event| describe(&twice, event)).collect();
    assert_eq!(found, [expected.as_slice(), &expected].concat());
    let refusal =
        |bad: &prom_stream_gateway::model::BadEvent| (bad.raw, bad.reason, bad.detail.clone());
    let expected: Vec<_> = once.bad.iter().map(refusal).collect();
    let found: Vec<_> = twice.bad.iter().map(refusal).collect();
    assert_eq!(found, [expected.as_slice(), &expected].concat());
}

fn the_order_of_labels_is_no_identity(entry: &RawEntry, batch: &Batch, options: &DecodeOptions) {
    let unsorted = DecodeOptions { sort_labels: false, ..options.clone() };
    let as_sent = decode(vec![entry.clone()], &unsorted);
    assert_eq!((as_sent.events.len(), &as_sent.bad), (batch.events.len(), &batch.bad));
    for (event, other) in batch.events.iter().zip(&as_sent.events) {
        assert_eq!(event.hash, other.hash);
        let (labels, others) = (batch.text(event.labels), as_sent.text(other.labels));
        assert!(prom_stream_gateway::model::labels::same(labels, others), "{labels} {others}");
    }
}

/// Everything that an event says, whatever batch it stands in.
pub(super) fn describe(batch: &Batch, event: &prom_stream_gateway::model::Event) -> String {
    format!(
        "{} {}{{{}}} {:?} # {:?} {:?} {:016x}",
        event.metric_type,
        batch.text(event.name),
        batch.text(event.labels),
        event.value,
        batch.text(event.help),
        batch.numbers(event.numbers),
        event.hash,
    )
}

/// Whether an entry of that size is refused unread.
pub(super) fn is_too_large(size: usize) -> bool {
    size > MAX_ENTRY_BYTES
}
