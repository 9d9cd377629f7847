//! What adds something: lists, streams, and what waits in them.

use super::{Flow, Session, Turn};
use crate::decode::delivery::{Blob, DeliveredEntry, StreamEntry};
use crate::decode::once::key_of;
use crate::door::add::{self, Once};
use crate::door::answers;
use crate::door::keys::{AskedId, Kind, NoId};
use crate::door::protocol::Words;

impl Session {
    /// The key by its number, if this user may push to it.
    pub(super) fn key(&self, name: &[u8]) -> Result<usize, String> {
        let keys = &self.shared.keys;
        let Some(key) = keys.number(name) else {
            self.shared.refused("key", &self.address, &name.escape_ascii().to_string());
            return Err(answers::no_such_key(keys, name));
        };
        if let Some(Some(user)) = self.user
            && !self.shared.users.may_push(user, &keys.names()[key])
        {
            self.shared.refused("permission", &self.address, &keys.names()[key]);
            return Err(
                "NOPERM this user has no permissions to access one of the keys used as arguments"
                    .into(),
            );
        }
        Ok(key)
    }

    /// Whether a command that pushes can be taken now; looked at before it is queued, too.
    pub(super) fn check_push(&self, words: &Words<'_>, turn: &Turn) -> Result<usize, String> {
        let key = self.key(&words[1])?;
        match &turn.refusal {
            Some(refusal) => {
                self.shared.metrics.count_refused("not_taken");
                Err(refusal.clone())
            }
            None => Ok(key),
        }
    }

    pub(super) fn push_values(&mut self, words: &Words<'_>, turn: &mut Turn) {
        let start = turn.replies.bytes.len();
        match self.check_push(words, turn) {
            Err(refusal) => turn.replies.error(refusal.as_bytes()),
            Ok(key) if self.shared.keys.kind(key) == Kind::Stream => {
                turn.replies.error(answers::WRONG_TYPE.as_bytes());
            }
            Ok(key) => {
                for value in &words[2..] {
                    turn.delivery.add(&DeliveredEntry::Item(key as u16, Blob(value)));
                }
                // At least one, for many take 0 for a failure; it grows when the gateway lags.
                let waiting =
                    turn.waiting(&self.shared, key) + u64::from(turn.delivery.entries_of(key));
                turn.replies.integer(waiting as i64);
                turn.replies.promise(start);
            }
        }
    }

    pub(super) fn add_entry(&mut self, words: &Words<'_>, turn: &mut Turn) {
        let start = turn.replies.bytes.len();
        let key = match self.check_push(words, turn) {
            Ok(key) => key,
            Err(refusal) => return turn.replies.error(refusal.as_bytes()),
        };
        if self.shared.keys.kind(key) == Kind::List {
            return turn.replies.error(answers::WRONG_TYPE.as_bytes());
        }
        let add = match add::read(words) {
            Ok(add) => add,
            Err(error) => return turn.replies.error(error.as_bytes()),
        };
        let fields = &words[add.fields_at..];
        let pairs = fields.chunks_exact(2).map(|pair| (Blob(&pair[0]), Blob(&pair[1])));
        let once = add.once.map(|once| {
            let stream = &words[1];
            match once {
                Once::Given { producer, id } => key_of(b"IDMP", &[stream, &producer, &id]),
                Once::Content { producer } => {
                    let head = [stream.as_ref(), &producer];
                    let all: Vec<_> =
                        head.into_iter().chain(fields.iter().map(AsRef::as_ref)).collect();
                    key_of(b"IDMPAUTO", &all)
                }
            }
        });
        let given = once.and_then(|once| self.shared.once.given(&once, turn.now));
        let last = self.shared.keys.last(key);
        let id = match given {
            // It is kept once more, and counts once: whether the first one was kept is not known here.
            Some(id) => id,
            None => match self.shared.keys.give(key, add.id, turn.now.0) {
                Ok(id) => id,
                Err(no) => return turn.replies.error(no_id(no).as_bytes()),
            },
        };
        match once {
            Some(_) if given.is_some() => self.shared.metrics.count_repeated(),
            Some(once) => self.shared.once.give(once, id, turn.now),
            None => {}
        }
        if let AskedId::Exactly(id) = add.id {
            turn.exact_ids.push((key, id, last));
        }
        turn.delivery.add(&DeliveredEntry::Entry(StreamEntry {
            key: key as u16,
            milliseconds: id.milliseconds,
            sequence: id.sequence,
            once: once.map(|once| once.key),
            fields: pairs.collect(),
        }));
        turn.replies.bulk(id.to_string().as_bytes());
        turn.replies.promise(start);
    }

    pub(super) fn length(&mut self, name: &[u8], key: &[u8], turn: &mut Turn) -> Flow {
        let expected = if name == b"LLEN" { Kind::List } else { Kind::Stream };
        match self.key(key) {
            Err(refusal) => return self.fail(turn, &refusal),
            Ok(key) if self.shared.keys.kind(key) != expected => {
                return self.fail(turn, answers::WRONG_TYPE);
            }
            Ok(key) => {
                let waiting = turn.waiting(&self.shared, key);
                turn.replies.integer(waiting as i64);
            }
        }
        Flow::GoOn
    }
}

/// Whether it is a command that adds something.
pub(super) fn pushes(name: &[u8]) -> bool {
    matches!(name, b"LPUSH" | b"RPUSH" | b"LPUSHX" | b"RPUSHX" | b"XADD")
}

fn no_id(no: NoId) -> &'static str {
    match no {
        NoId::Zero => "ERR The ID specified in XADD must be greater than 0-0",
        NoId::NotAbove => {
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        }
        NoId::UsedUp => {
            "ERR The stream has exhausted the last possible ID, unable to add more items"
        }
    }
}
