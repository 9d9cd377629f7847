//! Redis replies to entries, moving bytes instead of copying them.

use redis::Value;

use super::SourceError;
use crate::model::StreamId;

/// A stream entry's fields, in the order they were added.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn unexpected(
    command: &'static str,
    key: &str,
    found: &Value,
    expected: &'static str,
) -> SourceError {
    let mut found = format!("{found:?}");
    found.truncate(found.floor_char_boundary(200));
    SourceError::Reply { command, key: key.to_owned(), found, expected }
}

/// The items of an `LRANGE`.
pub fn items(value: Value, key: &str) -> Result<Vec<Vec<u8>>, SourceError> {
    let Value::Array(values) = value else {
        return Err(unexpected("LRANGE", key, &value, "an array"));
    };
    values
        .into_iter()
        .map(|value| match value {
            Value::BulkString(item) => Ok(item),
            other => Err(unexpected("LRANGE", key, &other, "bulk strings")),
        })
        .collect()
}

/// An entry's id, and its fields unless it was deleted while pending.
pub type StreamEntry = (StreamId, Option<Fields>);

/// The entries that `XREAD` or `XREADGROUP` of one key returned; empty for nil.
pub fn stream_entries(
    command: &'static str,
    value: Value,
    key: &str,
) -> Result<Vec<StreamEntry>, SourceError> {
    let mut streams = match value {
        Value::Nil => return Ok(Vec::new()),
        Value::Array(streams) => streams,
        other => return Err(unexpected(command, key, &other, "an array of streams")),
    };
    let stream = match streams.pop() {
        None => return Ok(Vec::new()),
        Some(Value::Array(stream)) => stream,
        Some(other) => return Err(unexpected(command, key, &other, "[key, entries]")),
    };
    match stream.into_iter().nth(1) {
        Some(Value::Array(entries)) => {
            entries.into_iter().map(|value| entry(command, value, key)).collect()
        }
        other => Err(unexpected(command, key, &other.unwrap_or(Value::Nil), "[key, entries]")),
    }
}

/// How long the entries' fields are.
pub fn size_bytes(entries: &[StreamEntry]) -> u64 {
    let fields = entries.iter().filter_map(|(_, fields)| fields.as_ref()).flatten();
    fields.map(|(name, value)| (name.len() + value.len()) as u64).sum()
}

fn entry(command: &'static str, value: Value, key: &str) -> Result<StreamEntry, SourceError> {
    let Value::Array(parts) = value else {
        return Err(unexpected(command, key, &value, "[id, fields]"));
    };
    let mut parts = parts.into_iter();
    let id = match parts.next() {
        Some(Value::BulkString(id)) => stream_id(&id).ok_or_else(|| {
            unexpected(command, key, &Value::BulkString(id), "<milliseconds>-<sequence>")
        })?,
        other => return Err(unexpected(command, key, &other.unwrap_or(Value::Nil), "an id")),
    };
    let Some(Value::Array(values)) = parts.next() else { return Ok((id, None)) };
    let mut fields = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) =
        (values.next(), values.next())
    {
        fields.push((name, value));
    }
    Ok((id, Some(fields)))
}

/// `<milliseconds>-<sequence>` as Redis sends it.
pub fn stream_id(bytes: &[u8]) -> Option<StreamId> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
