//! The sources' scripts, modelled: known by their text, which the comparison with a real server
//! keeps honest.

use std::collections::BTreeMap;

use prom_stream_gateway::source::group::ledger::{ACKNOWLEDGE, COUNT_PENDING, GONE, SETTLE};

use prom_stream_gateway::source::reader::look::LOOK;

use super::{Arguments, Outcome, Redis, UNKNOWN, Value, WRONG_TYPE};
use crate::resp::Reply;

pub(crate) const CLAIM: &str = include_str!("../../../src/source/list/claim.lua");
pub(crate) const RENAME: &str = include_str!("../../../src/source/list/rename.lua");

type Hash = BTreeMap<Vec<u8>, Vec<u8>>;

impl Redis {
    /// `EVAL script keys key … argument …`
    pub(super) fn evaluate(&mut self, arguments: &Arguments<'_>) -> Outcome {
        match arguments.text(0) {
            CLAIM => self.claim_queue(&Arguments(&arguments.0[2..])),
            RENAME => self.rename_queue(&Arguments(&arguments.0[2..])),
            ACKNOWLEDGE => self.acknowledge_and_count(&Arguments(&arguments.0[2..])),
            COUNT_PENDING => self.count_pending(&Arguments(&arguments.0[2..])),
            LOOK => self.look_at_stream(&Arguments(&arguments.0[2..])),
            SETTLE => self.settle(&Arguments(&arguments.0[2..])),
            GONE => self.claim_gone(&Arguments(&arguments.0[2..])),
            script => Err(format!("{UNKNOWN} the script {script}")),
        }
    }

    pub(super) fn hash(&self, key: &[u8]) -> Result<Hash, String> {
        match self.keys.get(key) {
            None => Ok(Hash::new()),
            Some(Value::Hash(hash)) => Ok(hash.clone()),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    fn claim_queue(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (owner, queue, last_taker) =
            (arguments.bytes(0), arguments.bytes(1), arguments.bytes(2));
        let (epoch, nonce, connection) = (arguments.text(3), arguments.text(4), arguments.text(5));
        let (replace, taken) = (arguments.bytes(6), arguments.text(7));
        let found = self.hash(owner)?;
        let (token, segment) = (found.get(b"token".as_slice()), found.get(b"segment".as_slice()));
        let queued = match self.keys.get(queue) {
            Some(Value::List(list)) => list.len(),
            _ => 0,
        };
        let bulk =
            |text: Option<&Vec<u8>>| text.map_or(Reply::Nil, |text| Reply::Bulk(text.clone()));
        let foreign = found.get(b"foreign".as_slice());
        let (known_token, known_segment, known_foreign) =
            (bulk(token), bulk(segment), bulk(foreign));
        let last_taker = self.get(last_taker)?;
        let reply = |claimed| {
            let queued = Reply::count(queued);
            Ok(Reply::Array(vec![
                Reply::Int(claimed),
                known_token,
                known_segment,
                last_taker,
                queued,
                known_foreign,
            ]))
        };
        if let Some(token) = token.filter(|token| *token != replace)
            && is_newer(token, number(epoch), nonce, number(connection))
        {
            return reply(0);
        }
        let mut claimed = Hash::new();
        claimed.insert(b"token".to_vec(), format!("{epoch}:{nonce}:{connection}").into_bytes());
        if number(taken) > number_of(segment) {
            claimed.insert(b"segment".to_vec(), taken.as_bytes().to_vec());
        } else if let Some(segment) = segment {
            claimed.insert(b"segment".to_vec(), segment.clone());
        }
        if let Some(foreign) = foreign {
            claimed.insert(b"foreign".to_vec(), foreign.clone());
        }
        self.keys.insert(owner.to_vec(), Value::Hash(claimed));
        reply(1)
    }

    fn rename_queue(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let (queue, segment) = (arguments.bytes(0), arguments.bytes(1));
        let (owner, last_taker) = (arguments.bytes(2), arguments.bytes(3));
        let (token, taken, identity) = (arguments.bytes(4), arguments.text(5), arguments.text(6));
        let mut found = self.hash(owner)?;
        if found.get(b"token".as_slice()).is_none_or(|held| held != token) {
            return Err("FENCED the right to take this queue is not of this connection".into());
        }
        let counted = number_of(found.get(b"segment".as_slice()));
        if counted < number(taken) && self.keys.contains_key(segment) {
            let foreign = found.entry(b"foreign".to_vec()).or_default();
            let separator = if foreign.is_empty() { "" } else { " " };
            foreign.extend_from_slice(format!("{separator}{taken}").as_bytes());
            self.keys.insert(owner.to_vec(), Value::Hash(found));
            return Err("FOREIGN the segment exists, and no gateway made it".into());
        }
        match self.key_type(queue) {
            "none" => return Ok(Reply::Int(0)),
            "list" => {}
            kind => return Err(format!("WRONGTYPE the queue is a {kind}")),
        }
        let renamed = self.rename_if_free(queue, segment)?;
        if renamed == Reply::Int(1) {
            found.insert(b"segment".to_vec(), taken.as_bytes().to_vec());
            self.keys.insert(owner.to_vec(), Value::Hash(found));
            let taker = format!("{identity}:{taken}").into_bytes();
            self.keys.insert(last_taker.to_vec(), Value::Text(taker));
        }
        Ok(renamed)
    }
}

/// `<epoch>:<nonce>:<connection>`, as far as the claim's script can read it.
fn is_newer(token: &[u8], epoch: u64, nonce: &str, connection: u64) -> bool {
    let text = String::from_utf8_lossy(token);
    let parts = text.split_once(':').and_then(|(epoch, rest)| {
        let (nonce, connection) = rest.rsplit_once(':')?;
        Some((epoch.parse::<u64>().ok()?, nonce, connection.parse::<u64>().ok()?))
    });
    parts.is_some_and(|(its_epoch, its_nonce, its_connection)| {
        its_epoch > epoch || (its_nonce == nonce && its_connection > connection)
    })
}

fn number_of(field: Option<&Vec<u8>>) -> u64 {
    field.map_or(0, |text| number(std::str::from_utf8(text).unwrap_or("0")))
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
