//! A model of Redis: what its commands do to its keys, one command at a time.
//!
//! It knows the commands that the sources send, and what decides about loss is
//! as Redis has it: pending entries lists, `entries-added`, `entries-read` and
//! lag, deleted pending entries as `[id, nil]`, trimming by whole nodes. A
//! second test compares it with a real server, reply by reply.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use prom_stream_gateway::model::StreamId;

use crate::resp::Reply;

mod group_reads;
mod group_scripts;
mod groups;
mod lists;
pub(crate) mod scripts;
mod stream;
mod stream_info;
mod streams;

use stream::Stream;

/// What a key holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    List(VecDeque<Vec<u8>>),
    Stream(Stream),
    Set(BTreeSet<Vec<u8>>),
    Text(Vec<u8>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
}

/// The server.
pub(crate) struct Redis {
    keys: BTreeMap<Vec<u8>, Value>,
    /// Its clock, in milliseconds since the epoch.
    pub(crate) now_ms: u64,
    /// Entries of one macro node: `XTRIM … ~` drops whole nodes.
    node_entries: usize,
}

/// A command that the server refuses; it has changed nothing.
type Outcome = Result<Reply, String>;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

/// How an error begins that says that the model has to be taught.
pub(crate) const UNKNOWN: &str = "the model does not know";

impl Redis {
    pub(crate) fn new(node_entries: usize) -> Self {
        Self { keys: BTreeMap::new(), now_ms: 0, node_entries }
    }

    pub(crate) fn execute(&mut self, command: &[Vec<u8>]) -> Reply {
        let arguments = Arguments(&command[1..]);
        let name = String::from_utf8_lossy(&command[0]).to_uppercase();
        let outcome = match name.as_str() {
            "CLIENT" | "SELECT" => Ok(Reply::Simple("OK")),
            "PING" => Ok(Reply::Simple("PONG")),
            "TYPE" => Ok(Reply::Simple(self.key_type(arguments.bytes(0)))),
            "EXISTS" => Ok(Reply::count(self.count_existing(arguments.0))),
            "UNLINK" | "DEL" => Ok(Reply::count(self.unlink(arguments.0))),
            "RENAMENX" => self.rename_if_free(arguments.bytes(0), arguments.bytes(1)),
            "SCAN" => Ok(self.scan(&arguments)),
            "EVAL" => self.evaluate(&arguments),
            "GET" => self.get(arguments.bytes(0)),
            "SET" => Ok(self.set(arguments.bytes(0), arguments.bytes(1))),
            "SADD" => self.add_members(&arguments),
            "SMEMBERS" => self.members(arguments.bytes(0)),
            "LPUSH" => self.push(&arguments),
            "LLEN" => self.list_length(arguments.bytes(0)),
            "LRANGE" => self.list_range(&arguments),
            "LTRIM" => self.list_trim(&arguments),
            "XADD" => self.add_entry(&arguments),
            "XDEL" => self.delete_entries(&arguments),
            "XLEN" => self.stream_length(arguments.bytes(0)),
            "XRANGE" => self.range(&arguments),
            "XREAD" => self.read(&arguments),
            "XTRIM" => self.trim(&arguments),
            "XREADGROUP" => self.read_group(&arguments),
            "XGROUP" => self.group_command(&arguments),
            "HDEL" => self.delete_field(&arguments),
            "HGETALL" => self.all_fields(arguments.bytes(0)),
            "XACK" => self.acknowledge(&arguments),
            "XCLAIM" => self.claim(&arguments),
            "XPENDING" => self.pending(&arguments),
            "XINFO" => self.info(&arguments),
            _ => Err(format!("{UNKNOWN} {name}")),
        };
        outcome.unwrap_or_else(Reply::Error)
    }

    fn key_type(&self, key: &[u8]) -> &'static str {
        match self.keys.get(key) {
            None => "none",
            Some(Value::List(_)) => "list",
            Some(Value::Stream(_)) => "stream",
            Some(Value::Set(_)) => "set",
            Some(Value::Text(_)) => "string",
            Some(Value::Hash(_)) => "hash",
        }
    }

    fn count_existing(&self, keys: &[Vec<u8>]) -> usize {
        keys.iter().filter(|key| self.keys.contains_key(*key)).count()
    }

    /// As `FLUSHALL`.
    pub(crate) fn wipe(&mut self) {
        self.keys.clear();
    }

    fn unlink(&mut self, keys: &[Vec<u8>]) -> usize {
        keys.iter().filter(|key| self.keys.remove(*key).is_some()).count()
    }

    fn rename_if_free(&mut self, from: &[u8], to: &[u8]) -> Outcome {
        if !self.keys.contains_key(from) {
            return Err("ERR no such key".into());
        }
        if self.keys.contains_key(to) {
            return Ok(Reply::Int(0));
        }
        let value = self.keys.remove(from).expect("it was just there");
        self.keys.insert(to.to_vec(), value);
        Ok(Reply::Int(1))
    }

    /// Everything in one page. Of patterns it knows a prefix with a `*` at its end.
    fn scan(&self, arguments: &Arguments<'_>) -> Reply {
        let pattern = arguments.after("MATCH").expect("a SCAN with MATCH");
        let prefix = pattern.strip_suffix('*').expect("a pattern that ends with *");
        let prefix = prefix.replace('\\', "");
        let matching = self.keys.keys().filter(|key| key.starts_with(prefix.as_bytes()));
        let found = matching.map(|key| Reply::Bulk(key.clone())).collect();
        Reply::Array(vec![Reply::text("0"), Reply::Array(found)])
    }

    fn get(&self, key: &[u8]) -> Outcome {
        match self.keys.get(key) {
            None => Ok(Reply::Nil),
            Some(Value::Text(text)) => Ok(Reply::Bulk(text.clone())),
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Reply {
        self.keys.insert(key.to_vec(), Value::Text(value.to_vec()));
        Reply::Simple("OK")
    }

    fn add_members(&mut self, arguments: &Arguments<'_>) -> Outcome {
        let key = arguments.bytes(0).to_vec();
        match self.keys.entry(key).or_insert_with(|| Value::Set(BTreeSet::new())) {
            Value::Set(set) => {
                let added = arguments.0[1..].iter().filter(|member| set.insert(member.to_vec()));
                Ok(Reply::count(added.count()))
            }
            _ => Err(WRONG_TYPE.into()),
        }
    }

    fn members(&self, key: &[u8]) -> Outcome {
        match self.keys.get(key) {
            None => Ok(Reply::Array(Vec::new())),
            Some(Value::Set(set)) => {
                Ok(Reply::Array(set.iter().cloned().map(Reply::Bulk).collect()))
            }
            Some(_) => Err(WRONG_TYPE.into()),
        }
    }

    /// Entries delivered to any group and not acknowledged.
    pub(crate) fn pending_entries(&self, key: &str) -> usize {
        match self.keys.get(key.as_bytes()) {
            Some(Value::Stream(stream)) => {
                stream.groups.values().map(|group| group.pending.len()).sum()
            }
            _ => 0,
        }
    }

    /// Keys that exist, for the checks at the end of a schedule.
    pub(crate) fn keys_with_prefix(&self, prefix: &str) -> Vec<String> {
        let keys = self.keys.keys().map(|key| String::from_utf8_lossy(key).into_owned());
        keys.filter(|key| key.starts_with(prefix)).collect()
    }
}

/// A command's arguments, without its name.
struct Arguments<'a>(&'a [Vec<u8>]);

impl Arguments<'_> {
    fn bytes(&self, at: usize) -> &[u8] {
        &self.0[at]
    }

    fn text(&self, at: usize) -> &str {
        std::str::from_utf8(&self.0[at]).expect("this argument is text")
    }

    /// Where an option stands, whatever its case.
    fn position(&self, option: &str) -> Option<usize> {
        self.0.iter().position(|argument| argument.eq_ignore_ascii_case(option.as_bytes()))
    }

    fn has(&self, option: &str) -> bool {
        self.position(option).is_some()
    }

    fn after(&self, option: &str) -> Option<&str> {
        self.position(option).map(|at| self.text(at + 1))
    }

    fn number(&self, option: &str) -> Option<usize> {
        self.after(option).map(|text| text.parse().expect("a number"))
    }

    fn id(&self, at: usize) -> StreamId {
        parse_id(self.text(at), 0)
    }
}

/// An id, which may lack its sequence.
fn parse_id(text: &str, sequence: u64) -> StreamId {
    if text.contains('-') {
        return text.parse().expect("an id");
    }
    StreamId::new(text.parse().expect("an id without sequence"), sequence)
}
