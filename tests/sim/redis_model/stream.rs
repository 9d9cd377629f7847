//! A stream, its groups, and the counters by which Redis tells how far a group is.

use std::collections::{BTreeMap, BTreeSet};

use prom_stream_gateway::model::StreamId;

use crate::resp::Reply;

/// Field, value, field, value, …
pub(crate) type Fields = Vec<Vec<u8>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) entries: BTreeMap<StreamId, Fields>,
    pub(crate) last_id: StreamId,
    pub(crate) max_deleted: StreamId,
    pub(crate) entries_added: u64,
    pub(crate) groups: BTreeMap<String, Group>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) last_delivered: StreamId,
    /// `None`: not known.
    pub(crate) entries_read: Option<u64>,
    pub(crate) pending: BTreeMap<StreamId, Pending>,
    pub(crate) consumers: BTreeSet<String>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) consumer: String,
    pub(crate) delivered_ms: u64,
    pub(crate) deliveries: u64,
}

impl Stream {
    /// `0-0` for an empty stream, as Redis has it.
    pub(crate) fn first_id(&self) -> StreamId {
        self.entries.keys().next().copied().unwrap_or_default()
    }

    /// Whether an `XDEL` may have left a hole at `from` or above it.
    fn has_tombstones_from(&self, from: StreamId) -> bool {
        !self.entries.is_empty()
            && self.max_deleted != StreamId::ZERO
            && from <= self.max_deleted
            && self.first_id() <= self.max_deleted
    }

    /// How many entries were ever added up to `id`, where that can be told.
    pub(crate) fn distance_to(&self, id: StreamId) -> Option<u64> {
        let length = self.entries.len() as u64;
        if self.entries_added == 0 {
            return Some(0);
        }
        if length == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id == self.last_id {
            return Some(self.entries_added);
        }
        if id > self.last_id {
            return None;
        }
        if self.max_deleted == StreamId::ZERO || self.max_deleted < self.first_id() {
            if id < self.first_id() {
                return Some(self.entries_added - length);
            }
            if id == self.first_id() {
                return Some(self.entries_added - length + 1);
            }
        }
        None
    }

    /// Below 0 when `XGROUP SETID` claimed more to be read than was added.
    pub(crate) fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstones_from(group.last_delivered) => Some(read),
            _ => self.distance_to(group.last_delivered),
        };
        read.map(|read| self.entries_added as i64 - read as i64)
    }

    /// Notes that the group was given the entry `id`.
    pub(crate) fn delivered(&mut self, group: &str, id: StreamId) {
        let read = self.groups[group].entries_read;
        let counted = match read {
            Some(read) if !self.has_tombstones_from(id) => Some(read + 1),
            _ => self.distance_to(id),
        };
        let group = self.groups.get_mut(group).expect("the group was just read");
        group.entries_read = counted;
        group.last_delivered = id;
    }
}

/// `[id, [field, value, …]]`.
pub(crate) fn entry_reply(id: StreamId, fields: &Fields) -> Reply {
    let fields = fields.iter().cloned().map(Reply::Bulk).collect();
    Reply::Array(vec![Reply::text(id.to_string()), Reply::Array(fields)])
}
