//! What a stream entry is, whatever else stands in it.
//!
//! Frameworks add fields of their own to an entry (`traceparent`, `_class`, a time), so neither the
//! number of its fields nor their order says what it is. An entry with a `name` is an event in flat
//! fields, unless that is JSON. Any other holds a payload: in its only field, or in the first that
//! holds an event.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::PUSH_FIELD;
use super::fields::{Fields, Input};
use super::payload::{skip_blanks, text_start};
use crate::model::{Body, Push};

/// What there is to decode in an entry.
#[derive(Debug)]
pub(super) enum Content<'e> {
    /// JSON: an event, an array, or lines.
    Payload(&'e Bytes),
    /// A push as it was received over HTTP, and kept in the journal.
    JournalRecord(&'e Bytes),
    /// The same, added to a stream by whoever may do that.
    StreamPush(&'e Bytes),
    Push(&'e Arc<Push>),
    /// The body's fields are an event.
    Flat,
}

/// The payload that an event's `raw` refers to, if the entry has one.
pub fn payload(body: &Body) -> Option<&Bytes> {
    match content(body) {
        Content::Payload(payload) => Some(payload),
        Content::JournalRecord(_) | Content::StreamPush(_) | Content::Push(_) | Content::Flat => {
            None
        }
    }
}

pub(super) fn content(body: &Body) -> Content<'_> {
    match body.without_key() {
        Body::Payload(payload) => Content::Payload(payload),
        Body::Field { name, value } if name == PUSH_FIELD => Content::StreamPush(value),
        Body::Field { name, value } if name != "name" || is_json(value) => Content::Payload(value),
        Body::Field { .. } => Content::Flat,
        Body::Fields(fields) => of_several(fields),
        Body::JournalRecord(record) => Content::JournalRecord(record),
        Body::Push(push) => Content::Push(push),
        // None has one any more.
        Body::Once(_) => Content::Flat,
    }
}

fn of_several(fields: &[(Bytes, Bytes)]) -> Content<'_> {
    let values = || fields.iter().map(|(_, value)| value);
    if let Some((_, record)) = fields.iter().find(|(name, _)| name == PUSH_FIELD) {
        return Content::StreamPush(record);
    }
    if fields.iter().any(|(name, value)| name == "name" && !is_json(value)) {
        return Content::Flat;
    }
    let payload = values().find(|value| holds_event(value));
    payload
        .or_else(|| values().find(|value| is_json(value)))
        .map_or(Content::Flat, Content::Payload)
}

/// The fields of a stream's entry.
pub(super) fn fields(body: &Body) -> impl Iterator<Item = (&Bytes, &Bytes)> + Clone {
    let (only, several): (_, &[(Bytes, Bytes)]) = match body.without_key() {
        Body::Field { name, value } => (Some((name, value)), &[]),
        Body::Fields(fields) => (None, fields),
        _ => (None, &[]),
    };
    only.into_iter().chain(several.iter().map(|(name, value)| (name, value)))
}

/// Where an object or an array begins, which no name and no number does.
fn json_start(value: &[u8]) -> Option<usize> {
    let start = skip_blanks(value, text_start(value));
    matches!(value.get(start), Some(b'{' | b'[')).then_some(start)
}

fn is_json(value: &[u8]) -> bool {
    json_start(value).is_some()
}

/// Whether the first object in it has a name.
fn holds_event(value: &[u8]) -> bool {
    let Some(start) = json_start(value) else { return false };
    let first = if value[start] == b'[' { skip_blanks(value, start + 1) } else { start };
    let Ok(json) = str::from_utf8(&value[first..]) else { return false };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let fields = Fields::deserialize(&mut deserializer);
    fields.is_ok_and(|fields| !matches!(fields.name, Input::Missing))
}
