//! Streams without groups: adding, reading, deleting and trimming entries.

use std::ops::Bound;

use prom_stream_gateway::model::StreamId;

use super::stream::{Stream, entry_reply};
use super::{Arguments, Outcome, Redis, Value, WRONG_TYPE, parse_id};
use crate::resp::Reply;

impl Redis {
    pub(super) fn stream(&self, key: &[u8]) -> Result<Option<&Stream>, String> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    pub(super) fn stream_mut(&mut self, key: &[u8]) -> Result<Option<&mut Stream>, String> {
        match self.keys.get_mut(key) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    /// `XADD key [MAXLEN = n] *|id field value …`
    pub(super) fn add_entry(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let now_ms = self.now_ms;
        let key = arguments.bytes(0).to_vec();
        let max_length = (arguments.text(1) == "MAXLEN").then(|| arguments.number("=")).flatten();
        let at = if max_length.is_some() { 4 } else { 1 };
        let value = self.keys.entry(key).or_insert_with(|| Value::Stream(Stream::default()));
        let Value::Stream(stream) = value else { return Err(WRONG_TYPE.into()) };
        let id = match arguments.text(at) {
            "*" if now_ms > stream.last_id.milliseconds => StreamId::new(now_ms, 0),
            "*" => stream.last_id.next().expect("ids do not run out"),
            given => parse_id(given, 0),
        };
        if id <= stream.last_id {
            return Err("ERR The ID specified in XADD is equal or smaller than the target stream \
                        top item"
                .into());
        }
        stream.entries.insert(id, arguments.0[at + 1..].to_vec());
        stream.last_id = id;
        stream.entries_added += 1;
        while max_length.is_some_and(|max_length| stream.entries.len() > max_length) {
            stream.entries.pop_first();
        }
        Ok(Reply::text(id.to_string()))
    }

    pub(super) fn delete_entries(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let ids: Vec<StreamId> = (1..arguments.0.len()).map(|at| arguments.id(at)).collect();
        let Some(stream) = self.stream_mut(arguments.bytes(0))? else { return Ok(Reply::Int(0)) };
        let mut deleted = 0;
        for id in ids {
            if stream.entries.remove(&id).is_some() {
                stream.max_deleted = stream.max_deleted.max(id);
                deleted += 1;
            }
        }
        Ok(Reply::Int(deleted))
    }

    pub(super) fn stream_length(&self, key: &[u8]) -> Outcome {
        Ok(Reply::count(self.stream(key)?.map_or(0, |stream| stream.entries.len())))
    }

    /// `XRANGE key start end [COUNT n]`
    pub(super) fn range(&self, arguments: &Arguments<'_>) -> Outcome {
        let bounds = (lower_bound(arguments.text(1)), upper_bound(arguments.text(2)));
        let count = arguments.number("COUNT").unwrap_or(usize::MAX);
        let Some(stream) = self.stream(arguments.bytes(0))? else {
            return Ok(Reply::Array(Vec::new()));
        };
        let entries = stream.entries.range(bounds).take(count);
        Ok(Reply::Array(entries.map(|(id, fields)| entry_reply(*id, fields)).collect()))
    }

    /// `XREAD [COUNT n] [BLOCK ms] STREAMS key id`; nil when there is nothing, blocking is the
    /// connection's business.
    pub(super) fn read(&self, arguments: &Arguments<'_>) -> Outcome {
        let at = arguments.position("STREAMS").expect("STREAMS");
        let (key, after) = (arguments.bytes(at + 1), arguments.id(at + 2));
        let count = arguments.number("COUNT").unwrap_or(usize::MAX);
        let Some(stream) = self.stream(key)? else { return Ok(Reply::NilArray) };
        let entries = stream.entries.range((Bound::Excluded(after), Bound::Unbounded)).take(count);
        let entries: Vec<_> = entries.map(|(id, fields)| entry_reply(*id, fields)).collect();
        if entries.is_empty() {
            return Ok(Reply::NilArray);
        }
        let key = Reply::Bulk(key.to_vec());
        Ok(Reply::Array(vec![Reply::Array(vec![key, Reply::Array(entries)])]))
    }

    /// `XTRIM key MINID [~] id [LIMIT n]`
    pub(super) fn trim(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let node_entries = self.node_entries;
        let approximate = arguments.has("~");
        let lowest = arguments.id(2 + usize::from(approximate));
        let Some(stream) = self.stream_mut(arguments.bytes(0))? else { return Ok(Reply::Int(0)) };
        let below = stream.entries.range(..lowest).count();
        // Whole nodes only, as many as Redis would find full of entries below.
        let trimmed = if approximate { below / node_entries * node_entries } else { below };
        for _ in 0..trimmed {
            stream.entries.pop_first();
        }
        Ok(Reply::count(trimmed))
    }
}

pub(super) fn lower_bound(text: &str) -> Bound<StreamId> {
    match text.strip_prefix('(') {
        Some(exclusive) => Bound::Excluded(parse_id(exclusive, 0)),
        None if text == "-" => Bound::Unbounded,
        None => Bound::Included(parse_id(text, 0)),
    }
}

pub(super) fn upper_bound(text: &str) -> Bound<StreamId> {
    match text {
        "+" => Bound::Unbounded,
        given => Bound::Included(parse_id(given, u64::MAX)),
    }
}
