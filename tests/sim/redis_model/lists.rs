//! Lists: `LPUSH` puts the newest at index 0; a list without items does not exist.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Arguments, Outcome, Redis, Value, WRONG_TYPE};
use crate::resp::Reply;

impl Redis {
    fn list(&self, key: &[u8]) -> Result<Option<&VecDeque<Vec<u8>>>, String> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    pub(super) fn push(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let key = arguments.bytes(0).to_vec();
        match self.keys.entry(key).or_insert_with(|| Value::List(VecDeque::new())) {
            Value::List(list) => {
                arguments.0[1..].iter().for_each(|item| list.push_front(item.clone()));
                Ok(Reply::count(list.len()))
            }
            _ => Err(WRONG_TYPE.into()),
        }
    }

    pub(super) fn list_length(&self, key: &[u8]) -> Outcome {
        Ok(Reply::count(self.list(key)?.map_or(0, VecDeque::len)))
    }

    pub(super) fn list_range(&self, arguments: &Arguments<'_>) -> Outcome {
        let Some(list) = self.list(arguments.bytes(0))? else {
            return Ok(Reply::Array(Vec::new()));
        };
        let range = range(arguments, list.len());
        Ok(Reply::Array(list.range(range).cloned().map(Reply::Bulk).collect()))
    }

    pub(super) fn list_trim(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let key = arguments.bytes(0);
        let Some(list) = self.list(key)? else { return Ok(Reply::Simple("OK")) };
        let kept: VecDeque<_> = list.range(range(arguments, list.len())).cloned().collect();
        if kept.is_empty() {
            self.keys.remove(key);
        } else {
            self.keys.insert(key.to_vec(), Value::List(kept));
        }
        Ok(Reply::Simple("OK"))
    }
}

/// `start stop`, both included, negative ones counted from the end.
fn range(arguments: &Arguments<'_>, length: usize) -> Range<usize> {
    let length = i64::try_from(length).expect("the model stays small");
    let index = |at: usize| {
        let given: i64 = arguments.text(at).parse().expect("an index");
        if given < 0 { given + length } else { given }
    };
    let start = index(1).clamp(0, length);
    let end = (index(2) + 1).clamp(start, length);
    let unsigned = |at: i64| usize::try_from(at).expect("clamped to the list");
    unsigned(start)..unsigned(end)
}
