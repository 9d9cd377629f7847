//! One connection's side of the conversation: what a command means, and what is answered.
//!
//! Nothing is read, listed, deleted, configured or executed here: there is only adding. Clients ask
//! much beside that when they connect, and many give up without an answer they know; the table in
//! `Session::execute` is what they need, and everything else is unknown.

use std::sync::Arc;

use super::Shared;
use super::answers;
use super::keys::Kind;
use super::protocol::{Fault, Next, Parser, Words};
use super::reply::Replies;
use crate::decode::delivery::DeliveryWriter;
use crate::expose::own_metrics::Counter;
use crate::model::{StreamId, Timestamp};

mod client;
mod commands;
mod login;
mod push;
mod transaction;

use commands::{ARITIES, Arity, find};
use transaction::Transaction;

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    /// After what has been answered so far.
    Close,
}

/// What one read of the connection brings about.
pub(super) struct Turn {
    pub(super) replies: Replies,
    pub(super) delivery: DeliveryWriter,
    /// Ids that were asked for exactly, and what was last before: free again if nothing is kept.
    pub(super) exact_ids: Vec<(usize, StreamId, StreamId)>,
    /// Why pushes are not taken in this turn, in a client's words.
    pub(super) refusal: Option<String>,
    now: Timestamp,
    /// What is applied was asked for: once a turn is often enough.
    asked_applied: bool,
}

impl Turn {
    pub(super) fn new(
        shared: &Shared,
        session: &Session,
        now: Timestamp,
        refusal: Option<String>,
    ) -> Self {
        let replies = Replies::new(session.resp3);
        let delivery = DeliveryWriter::new(now, shared.keys.names());
        let exact_ids = Vec::new();
        Self { replies, delivery, exact_ids, refusal, now, asked_applied: false }
    }

    /// Entries of the key that are kept and not applied.
    fn waiting(&mut self, shared: &Shared, key: usize) -> u64 {
        if shared.keys.backlog.of(key) > 0 && !std::mem::replace(&mut self.asked_applied, true) {
            shared.ask_applied();
        }
        shared.keys.backlog.of(key)
    }
}

/// Which replies are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplyMode {
    On,
    Off,
    /// This one is not, and those after it are.
    Skip,
}

pub(super) struct Session {
    shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) address: String,
    pub(super) resp3: bool,
    pub(super) name: String,
    pub(super) library: [String; 2],
    /// `None`: not logged in; `Some(None)`: nobody needs to.
    user: Option<Option<usize>>,
    failed_logins: u32,
    transaction: Option<Transaction>,
    reply_mode: ReplyMode,
    channels: Vec<Vec<u8>>,
    /// The last command: of those in a row that are the same one, it is looked up once.
    last: Option<Looked>,
}

/// What is known of a command.
struct Looked {
    name: Vec<u8>,
    /// `None`: there is no such command.
    arity: Option<Arity>,
    counter: Counter,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, id: u64, address: String) -> Self {
        let user = shared.users.is_empty().then_some(None);
        Self {
            shared,
            id,
            address,
            resp3: false,
            name: String::new(),
            library: [String::new(), String::new()],
            user,
            failed_logins: 0,
            transaction: None,
            reply_mode: ReplyMode::On,
            channels: Vec::new(),
            last: None,
        }
    }

    pub(super) fn is_logged_in(&self) -> bool {
        self.user.is_some()
    }

    /// Answers every command of the bytes that is whole; says how many they take.
    pub(super) fn run_all(
        &mut self,
        parser: &mut Parser,
        bytes: &[u8],
        turn: &mut Turn,
    ) -> (usize, Flow) {
        let (mut at, mut flow) = (0, Flow::GoOn);
        while flow == Flow::GoOn {
            match parser.next(&bytes[at..], self.is_logged_in()) {
                Ok(Next::Incomplete) => break,
                Ok(Next::Command(words, taken)) => {
                    at += taken;
                    flow = self.run(&words, turn);
                }
                Err(fault) => {
                    flow = Flow::Close;
                    match fault {
                        Fault::Protocol(error) => turn.replies.error(error.as_bytes()),
                        Fault::Http => self.shared.refused("http", &self.address, ""),
                        Fault::Tls => self.shared.refused("tls", &self.address, ""),
                    }
                }
            }
        }
        (at, flow)
    }

    /// Answers a command.
    pub(super) fn run(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let Some(first) = words.first() else { return Flow::GoOn };
        let start = turn.replies.bytes.len();
        let name = first.to_ascii_uppercase();
        let arity = self.look_up(&name);
        let flow = self.dispatch(&name, arity, words, turn);
        match self.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => turn.replies.take_back(start),
            ReplyMode::Skip if name == b"CLIENT" => {}
            ReplyMode::Skip => {
                turn.replies.take_back(start);
                self.reply_mode = ReplyMode::On;
            }
        }
        flow
    }

    /// Counts the command; says how many words it has.
    fn look_up(&mut self, name: &[u8]) -> Option<Arity> {
        let looked = match self.last.take() {
            Some(last) if last.name == name => last,
            _ => {
                let known = find(name);
                let counter = self.shared.metrics.command(known.map(|(known, _)| known));
                Looked { name: name.to_vec(), arity: known.map(|(_, arity)| arity), counter }
            }
        };
        looked.counter.inc();
        let arity = looked.arity;
        self.last = Some(looked);
        arity
    }

    fn dispatch(
        &mut self,
        name: &[u8],
        arity: Option<Arity>,
        words: &Words<'_>,
        turn: &mut Turn,
    ) -> Flow {
        let Some(arity) = arity else {
            self.spoil();
            turn.replies.error(&answers::unknown_command(words));
            return Flow::GoOn;
        };
        if words.len() < arity.least || words.len() > arity.most {
            return self.fail(turn, &answers::wrong_arity(name));
        }
        if !self.is_logged_in() && !matches!(name, b"AUTH" | b"HELLO" | b"QUIT" | b"RESET") {
            return self.fail(turn, "NOAUTH Authentication required.");
        }
        if self.transaction.is_some()
            && !matches!(name, b"EXEC" | b"DISCARD" | b"MULTI" | b"WATCH" | b"QUIT" | b"RESET")
        {
            return self.queue(name, words, turn);
        }
        let subscribed = !self.resp3 && !self.channels.is_empty();
        if subscribed
            && !name.ends_with(b"SUBSCRIBE")
            && !matches!(name, b"PING" | b"QUIT" | b"RESET")
        {
            return self.fail(turn, &answers::subscribed(name));
        }
        self.execute(name, words, turn)
    }

    fn execute(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) -> Flow {
        let replies = &mut turn.replies;
        match name {
            b"LPUSH" | b"RPUSH" | b"LPUSHX" | b"RPUSHX" => self.push_values(words, turn),
            b"XADD" => self.add_entry(words, turn),
            b"PING" => match words.get(1) {
                _ if !self.resp3 && !self.channels.is_empty() => {
                    replies.array(2);
                    replies.bulk(b"pong");
                    replies.bulk(words.get(1).map_or(b"", |text| text));
                }
                Some(text) => replies.bulk(text),
                None => replies.simple("PONG"),
            },
            b"ECHO" => replies.bulk(&words[1]),
            b"SELECT" => match str::from_utf8(&words[1]).ok().and_then(|text| text.parse().ok()) {
                // There is one key space: whoever has a number of his own must not fail.
                Some(0..16) => replies.ok(),
                Some::<i64>(_) => return self.fail(turn, "ERR DB index is out of range"),
                None => return self.fail(turn, "ERR value is not an integer or out of range"),
            },
            b"AUTH" => return self.auth(words, turn),
            b"HELLO" => return self.hello(words, turn),
            b"QUIT" => {
                replies.ok();
                return Flow::Close;
            }
            b"RESET" => {
                *self = Self {
                    failed_logins: self.failed_logins,
                    ..Self::new(self.shared.clone(), self.id, self.address.clone())
                };
                replies.resp3 = false;
                replies.simple("RESET");
            }
            b"CLIENT" => return self.client(words, turn),
            b"COMMAND" => match words.get(1).map(|word| word.to_ascii_uppercase()).as_deref() {
                Some(b"COUNT") => replies.integer(ARITIES.len() as i64),
                Some(b"LIST") => {
                    replies.array(ARITIES.len());
                    for (name, ..) in ARITIES {
                        replies.bulk(name.to_ascii_lowercase().as_bytes());
                    }
                }
                Some(b"DOCS") => replies.map(0),
                _ => replies.array(0),
            },
            b"CONFIG" => match words[1].to_ascii_uppercase().as_slice() {
                b"GET" if words.len() > 2 => answers::config(&self.shared, &words[2..], replies),
                b"GET" => return self.fail(turn, &answers::wrong_arity(b"config|get")),
                _ => {
                    return self
                        .fail_bytes(turn, &answers::unknown_subcommand("CONFIG", &words[1]));
                }
            },
            b"INFO" => replies.bulk(answers::info(&self.shared).as_bytes()),
            b"MULTI" if self.transaction.is_some() => {
                replies.error(b"ERR MULTI calls can not be nested");
            }
            b"MULTI" => {
                self.transaction = Some(Transaction::default());
                replies.ok();
            }
            b"EXEC" => return self.exec(turn),
            b"DISCARD" => match self.transaction.take() {
                Some(_) => replies.ok(),
                None => return self.fail(turn, "ERR DISCARD without MULTI"),
            },
            b"WATCH" if self.transaction.is_some() => {
                replies.error(b"ERR WATCH inside MULTI is not allowed");
            }
            b"WATCH" | b"UNWATCH" => replies.ok(),
            b"LLEN" | b"XLEN" => return self.length(name, &words[1], turn),
            b"EXISTS" => {
                let known = words[1..].iter().filter(|key| self.shared.keys.number(key).is_some());
                replies.integer(known.count() as i64);
            }
            b"TYPE" => replies.simple(match self.shared.keys.number(&words[1]) {
                Some(key) if self.shared.keys.kind(key) == Kind::List => "list",
                Some(_) => "stream",
                None => "none",
            }),
            b"GET" => replies.null(),
            b"SUBSCRIBE" | b"PSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" => {
                self.subscribe(name, words, turn);
            }
            b"ROLE" => {
                replies.array(3);
                replies.bulk(b"master");
                replies.integer(0);
                replies.array(0);
            }
            b"CLUSTER" | b"READONLY" | b"READWRITE" => {
                return self.fail(turn, "ERR This instance has cluster support disabled");
            }
            b"WAIT" => replies.integer(0),
            b"WAITAOF" => {
                replies.array(2);
                replies.integer(1);
                replies.integer(0);
            }
            b"TIME" => {
                let milliseconds = turn.now.0;
                replies.array(2);
                replies.bulk((milliseconds / 1000).to_string().as_bytes());
                replies.bulk((milliseconds % 1000 * 1000).to_string().as_bytes());
            }
            _ => replies.error(&answers::unknown_command(words)),
        }
        Flow::GoOn
    }

    /// Says what is wrong; a transaction in which that happens is not executed.
    fn fail(&mut self, turn: &mut Turn, error: &str) -> Flow {
        self.fail_bytes(turn, error.as_bytes())
    }

    fn fail_bytes(&mut self, turn: &mut Turn, error: &[u8]) -> Flow {
        self.spoil();
        turn.replies.error(error);
        Flow::GoOn
    }

    fn spoil(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.is_spoilt = true;
        }
    }
}
