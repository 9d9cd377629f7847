//! `XREADGROUP`: new entries, which become pending, or a consumer's own pending ones again.

use std::ops::Bound;

use prom_stream_gateway::model::StreamId;

use super::groups::no_group;
use super::stream::{Pending, Stream, entry_reply};
use super::{Arguments, Outcome, Redis, parse_id};
use crate::resp::Reply;

impl Redis {
    /// `XREADGROUP GROUP g c [COUNT n] [BLOCK ms] STREAMS key id`; nil when there is nothing new,
    /// blocking is the connection's business.
    pub(super) fn read_group(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let now_ms = self.now_ms;
        let (group, consumer) = (arguments.text(1), arguments.text(2));
        let count = arguments.number("COUNT").unwrap_or(usize::MAX);
        let at = arguments.position("STREAMS").expect("STREAMS");
        let (key, from) = (arguments.bytes(at + 1), arguments.text(at + 2));
        let Some(stream) = self.stream_mut(key)? else { return Err(no_group(key, group)) };
        let Some(found) = stream.groups.get_mut(group) else { return Err(no_group(key, group)) };
        found.consumers.insert(consumer.to_owned());
        let entries = match from {
            ">" => new_entries(stream, group, consumer, count, now_ms),
            after => pending_again(stream, group, consumer, parse_id(after, 0), count, now_ms),
        };
        if from == ">" && entries.is_empty() {
            return Ok(Reply::NilArray);
        }
        let key = Reply::Bulk(key.to_vec());
        Ok(Reply::Array(vec![Reply::Array(vec![key, Reply::Array(entries)])]))
    }
}

fn new_entries(
    stream: &mut Stream,
    group: &str,
    consumer: &str,
    count: usize,
    now_ms: u64,
) -> Vec<Reply> {
    let after = stream.groups[group].last_delivered;
    let range = (Bound::Excluded(after), Bound::Unbounded);
    let ids: Vec<StreamId> = stream.entries.range(range).map(|(id, _)| *id).take(count).collect();
    for id in &ids {
        stream.delivered(group, *id);
        let consumer = consumer.to_owned();
        let pending = Pending { consumer, delivered_ms: now_ms, deliveries: 1 };
        let group = stream.groups.get_mut(group).expect("looked up by the caller");
        group.pending.insert(*id, pending);
    }
    ids.iter().map(|id| entry_reply(*id, &stream.entries[id])).collect()
}

fn pending_again(
    stream: &mut Stream,
    group: &str,
    consumer: &str,
    after: StreamId,
    count: usize,
    now_ms: u64,
) -> Vec<Reply> {
    let Stream { entries, groups, .. } = stream;
    let group = groups.get_mut(group).expect("looked up by the caller");
    let range = (Bound::Excluded(after), Bound::Unbounded);
    let own = group.pending.range_mut(range).filter(|(_, pending)| pending.consumer == consumer);
    let again = own.take(count).map(|(id, pending)| match entries.get(id) {
        Some(fields) => {
            pending.delivered_ms = now_ms;
            pending.deliveries += 1;
            entry_reply(*id, fields)
        }
        // Trimmed or deleted while pending.
        None => Reply::Array(vec![Reply::text(id.to_string()), Reply::NilArray]),
    });
    again.collect()
}
