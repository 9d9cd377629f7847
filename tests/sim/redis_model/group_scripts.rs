//! The scripts that count what a group has consumed, modelled; see `scripts`.

use std::collections::BTreeMap;

use super::{Arguments, Outcome, Redis, Value};
use crate::resp::Reply;

impl Redis {
    pub(super) fn acknowledge_and_count(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (stream, ledger) = (arguments.bytes(0).to_vec(), arguments.bytes(1));
        let acknowledge = [vec![stream], arguments.0[2..].to_vec()].concat();
        let acknowledged = match self.acknowledge(&Arguments(&acknowledge))? {
            Reply::Int(count) => count,
            other => panic!("XACK answered {other:?}"),
        };
        if acknowledged > 0 {
            let mut counts = self.hash(ledger)?;
            add(&mut counts, "acknowledged", acknowledged);
            self.keys.insert(ledger.to_vec(), Value::Hash(counts));
        }
        Ok(Reply::Int(acknowledged))
    }

    pub(super) fn count_pending(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (key, ledger) = (arguments.bytes(0), arguments.bytes(1));
        let (name, sign) = (arguments.text(2), text(arguments.bytes(3)));
        let stream = self.stream(key).ok().flatten();
        let group = stream.and_then(|stream| stream.groups.get(name));
        let Some(pending) = group.map(|group| group.pending.len() as i64) else {
            return Ok(Reply::Int(0));
        };
        let mut counts = self.hash(ledger)?;
        add(&mut counts, "acknowledged", sign * pending);
        self.keys.insert(ledger.to_vec(), Value::Hash(counts));
        Ok(Reply::Int(pending))
    }

    pub(super) fn settle(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (key, ledger) = (arguments.bytes(0), arguments.bytes(1));
        let (name, identity, applied) = (arguments.text(2), arguments.text(3), arguments.text(4));
        let mut counts = self.hash(ledger)?;
        counts.insert(format!("applied:{identity}").into_bytes(), applied.as_bytes().to_vec());
        self.keys.insert(ledger.to_vec(), Value::Hash(counts.clone()));
        let numbers = |numbers: [i64; 5]| Ok(Reply::Array(numbers.map(Reply::Int).to_vec()));
        let Some(stream) = self.stream(key)? else { return numbers([0, 0, 0, 0, -1]) };
        let Some(group) = stream.groups.get(name) else { return numbers([0, 0, 0, 0, -1]) };
        let (added, length) = (stream.entries_added as i64, stream.entries.len() as i64);
        let all_ahead = stream.entries.is_empty() || group.last_delivered < stream.first_id();
        let index = match group.last_delivered {
            last if last == stream.last_id => Some(added),
            _ if all_ahead => Some(added - length),
            _ => None,
        };
        let lost: i64 = counts
            .iter()
            .filter(|(field, _)| field.starts_with(b"lost:"))
            .map(|(_, count)| text(count))
            .sum();
        let counted = group.pending.len() as i64 + get(&counts, "acknowledged").unwrap_or(0) + lost;
        let mine_field = format!("lost:{identity}");
        let mine = get(&counts, &mine_field).unwrap_or(0);
        let (mut base, mut claimed) = (get(&counts, "base"), 0);
        match (index, base) {
            (Some(index), Some(found)) if found + counted < index => {
                claimed = index - found - counted;
                add(&mut counts, &mine_field, claimed);
            }
            (Some(index), found) if found.is_none_or(|found| found + counted > index) => {
                base = Some(index - counted);
                counts.insert(b"base".to_vec(), (index - counted).to_string().into_bytes());
            }
            _ => {}
        }
        self.keys.insert(ledger.to_vec(), Value::Hash(counts));
        let consumed = base.map_or(-1, |base| base + counted + claimed);
        numbers([1, mine + claimed, claimed, added, consumed])
    }

    pub(super) fn look_at_stream(&self, arguments: &Arguments<'_>) -> Outcome {
        let Some(stream) = self.stream(arguments.bytes(0))? else {
            return Ok(Reply::Array(vec![Reply::Int(0), Reply::Int(0)]));
        };
        let group = stream.groups.get(arguments.text(1));
        let has_group = group.is_some_and(|group| group.consumers.is_empty());
        let added = Reply::Int(stream.entries_added as i64);
        Ok(Reply::Array(vec![added, Reply::Int(i64::from(has_group))]))
    }

    pub(super) fn claim_gone(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (key, identity) = (arguments.bytes(0).to_vec(), arguments.text(3));
        let (mut from, to) = (text(arguments.bytes(1)), text(arguments.bytes(2)));
        if let Some(Value::Text(before)) = self.keys.get(&key) {
            let before = String::from_utf8_lossy(before);
            let (claimed_to, claimant) = before.split_once(':').expect("a claim");
            if claimant != identity {
                from = from.max(text(claimed_to.as_bytes()));
            }
        }
        if to <= from {
            return Ok(Reply::Int(0));
        }
        self.keys.insert(key, Value::Text(format!("{to}:{identity}").into_bytes()));
        Ok(Reply::Int(to - from))
    }

    /// `HDEL key field`
    pub(super) fn delete_field(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let mut hash = self.hash(arguments.bytes(0))?;
        let deleted = hash.remove(arguments.bytes(1)).is_some();
        if deleted && hash.is_empty() {
            self.keys.remove(arguments.bytes(0));
        } else if deleted {
            self.keys.insert(arguments.bytes(0).to_vec(), Value::Hash(hash));
        }
        Ok(Reply::Int(i64::from(deleted)))
    }

    /// `HGETALL key`
    pub(super) fn all_fields(&self, key: &[u8]) -> Outcome {
        let fields = self.hash(key)?.into_iter().flat_map(|(field, value)| [field, value]);
        Ok(Reply::Array(fields.map(Reply::Bulk).collect()))
    }
}

fn text(number: &[u8]) -> i64 {
    std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).expect("a number")
}

fn get(counts: &BTreeMap<Vec<u8>, Vec<u8>>, field: &str) -> Option<i64> {
    counts.get(field.as_bytes()).map(|count| text(count))
}

fn add(counts: &mut BTreeMap<Vec<u8>, Vec<u8>>, field: &str, count: i64) {
    let sum = get(counts, field).unwrap_or(0) + count;
    counts.insert(field.as_bytes().to_vec(), sum.to_string().into_bytes());
}
