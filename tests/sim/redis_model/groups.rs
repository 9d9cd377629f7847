//! Consumer groups: making them, moving them, acknowledging and claiming.

use prom_stream_gateway::model::StreamId;

use super::stream::{Group, Stream};
use super::{Arguments, Outcome, Redis, Value, WRONG_TYPE, parse_id};
use crate::resp::Reply;

pub(super) fn no_group(key: &[u8], group: &str) -> String {
    let key = String::from_utf8_lossy(key);
    format!("NOGROUP No such key '{key}' or consumer group '{group}'")
}

impl Redis {
    /// `XGROUP CREATE|SETID|DESTROY key group [id|$] [MKSTREAM] [ENTRIESREAD n]`
    pub(super) fn group_command(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let verb = arguments.text(0).to_uppercase();
        let (key, group) = (arguments.bytes(1), arguments.text(2).to_owned());
        if verb == "CREATE" && arguments.has("MKSTREAM") && !self.keys.contains_key(key) {
            self.keys.insert(key.to_vec(), Value::Stream(Stream::default()));
        }
        let Some(stream) = self.stream_mut(key)? else {
            return Err("ERR The XGROUP subcommand requires the key to exist. Note that for \
                        CREATE you may want to use the MKSTREAM option to create an empty \
                        stream automatically."
                .into());
        };
        if verb == "DESTROY" {
            return Ok(Reply::Int(i64::from(stream.groups.remove(&group).is_some())));
        }
        let last_delivered = match arguments.text(3) {
            "$" => stream.last_id,
            given => parse_id(given, 0),
        };
        let entries_read = arguments.number("ENTRIESREAD").map(|read| read as u64);
        match (verb.as_str(), stream.groups.get_mut(&group)) {
            ("CREATE", Some(_)) => {
                return Err("BUSYGROUP Consumer Group name already exists".into());
            }
            ("CREATE", None) => {
                let made = Group { last_delivered, entries_read, ..Group::default() };
                stream.groups.insert(group, made);
            }
            ("SETID", Some(group)) => {
                group.last_delivered = last_delivered;
                group.entries_read = entries_read;
            }
            ("SETID", None) => return Err(no_group(key, &group)),
            _ => panic!("the model does not know XGROUP {verb}"),
        }
        Ok(Reply::Simple("OK"))
    }

    pub(super) fn acknowledge(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let ids: Vec<StreamId> = (2..arguments.0.len()).map(|at| arguments.id(at)).collect();
        let Some(group) = self.group_mut(arguments.bytes(0), arguments.text(1))? else {
            return Ok(Reply::Int(0));
        };
        let removed = ids.iter().filter(|id| group.pending.remove(id).is_some()).count();
        Ok(Reply::count(removed))
    }

    /// `XCLAIM key group consumer min-idle id … JUSTID`
    pub(super) fn claim(&mut self, arguments: &Arguments<'_>) -> Outcome {
        assert!(arguments.has("JUSTID"), "the model claims ids only");
        let now_ms = self.now_ms;
        let (key, group) = (arguments.bytes(0), arguments.text(1));
        let consumer = arguments.text(2).to_owned();
        let idle: u64 = arguments.text(3).parse().expect("a number");
        let ids: Vec<StreamId> = (4..arguments.0.len() - 1).map(|at| arguments.id(at)).collect();
        let Some(stream) = self.stream_mut(key)? else { return Err(no_group(key, group)) };
        let existing: Vec<StreamId> =
            ids.iter().copied().filter(|id| stream.entries.contains_key(id)).collect();
        let Some(found) = stream.groups.get_mut(group) else { return Err(no_group(key, group)) };
        let mut claimed = Vec::new();
        for id in ids {
            // Since 7.0 an entry that is gone leaves the pending list here.
            if !existing.contains(&id) {
                found.pending.remove(&id);
                continue;
            }
            let Some(pending) = found.pending.get_mut(&id) else { continue };
            if now_ms.saturating_sub(pending.delivered_ms) >= idle {
                pending.consumer = consumer.clone();
                found.consumers.insert(consumer.clone());
                pending.delivered_ms = now_ms;
                claimed.push(Reply::text(id.to_string()));
            }
        }
        Ok(Reply::Array(claimed))
    }

    fn group_mut(&mut self, key: &[u8], group: &str) -> Result<Option<&mut Group>, String> {
        match self.keys.get_mut(key) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(stream.groups.get_mut(group)),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }
}
