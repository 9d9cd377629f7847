//! One connection's side of the conversation: what a command means, and what is answered.
//!
//! Nothing is read, listed, deleted, configured or executed here: there is only adding. Clients ask
//! much beside that when they connect, and many give up without an answer they know; the table in
//! [`Session::run`] is what they need, and everything else is unknown.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use super::Shared;
use super::add::{self, Once};
use super::answers;
use super::keys::{AskedId, Kind, NoId};
use super::protocol::{Fault, Next, Parser, Words};
use super::reply::Replies;
use crate::decode::delivery::{Blob, DeliveredEntry, DeliveryWriter, StreamEntry};
use crate::decode::once::key_of;
use crate::expose::own_metrics::Counter;
use crate::model::{StreamId, Timestamp};

/// What a transaction may hold.
const MOST_QUEUED_BYTES: usize = 8 << 20;

/// Wrong passwords after which a connection is closed.
const MOST_FAILED_LOGINS: u32 = 3;

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
}

impl Turn {
    pub(super) fn new(
        shared: &Shared,
        session: &Session,
        now: Timestamp,
        refusal: Option<String>,
    ) -> Self {
        let replies = Replies::new(session.resp3);
        let delivery = DeliveryWriter::new(now, shared.keys.names().to_vec());
        Self { replies, delivery, exact_ids: Vec::new(), refusal, now }
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

/// Commands that wait for `EXEC`.
#[derive(Default)]
struct Transaction {
    queued: Vec<Vec<Vec<u8>>>,
    size_bytes: usize,
    is_spoilt: bool,
}

pub(super) struct Session {
    shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) address: String,
    peer: Option<IpAddr>,
    pub(super) resp3: bool,
    pub(super) name: String,
    pub(super) library: [String; 2],
    /// `None`: not logged in; `Some(None)`: nobody needs to.
    user: Option<Option<usize>>,
    failed_logins: u32,
    transaction: Option<Transaction>,
    reply_mode: ReplyMode,
    channels: Vec<Vec<u8>>,
    /// The last command and what counts it.
    last: Option<(Vec<u8>, Counter)>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, id: u64, address: String, peer: Option<IpAddr>) -> Self {
        let user = shared.users.is_empty().then_some(None);
        Self {
            shared,
            id,
            address,
            peer,
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
        self.count(&name);
        let flow = self.dispatch(&name, words, turn);
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

    /// Of the commands in a row that are the same one, the counter is looked up once.
    fn count(&mut self, name: &[u8]) {
        match &self.last {
            Some((last, counter)) if last == name => counter.inc(),
            _ => {
                let known = ARITIES.iter().find(|(known, ..)| known.as_bytes() == name);
                let counter = self.shared.metrics.command(known.map(|(known, ..)| *known));
                counter.inc();
                self.last = Some((name.to_vec(), counter));
            }
        }
    }

    fn dispatch(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) -> Flow {
        let Some(arity) = arity(name) else {
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
                    ..Self::new(self.shared.clone(), self.id, self.address.clone(), self.peer)
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

    /// The key by its number, if this user may push to it.
    fn key(&self, name: &[u8]) -> Result<usize, String> {
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
    fn check_push(&self, words: &Words<'_>, turn: &Turn) -> Result<usize, String> {
        let key = self.key(&words[1])?;
        match &turn.refusal {
            Some(refusal) => {
                self.shared.metrics.count_refused("not_taken");
                Err(refusal.clone())
            }
            None => Ok(key),
        }
    }

    fn push_values(&mut self, words: &Words<'_>, turn: &mut Turn) {
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
                let waiting = self.shared.waiting(key) + u64::from(turn.delivery.entries_of(key));
                turn.replies.integer(waiting as i64);
                turn.replies.promise(start);
            }
        }
    }

    fn add_entry(&mut self, words: &Words<'_>, turn: &mut Turn) {
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

    fn length(&mut self, name: &[u8], key: &[u8], turn: &mut Turn) -> Flow {
        let expected = if name == b"LLEN" { Kind::List } else { Kind::Stream };
        match self.key(key) {
            Err(refusal) => return self.fail(turn, &refusal),
            Ok(key) if self.shared.keys.kind(key) != expected => {
                return self.fail(turn, answers::WRONG_TYPE);
            }
            Ok(key) => turn.replies.integer(self.shared.waiting(key) as i64),
        }
        Flow::GoOn
    }

    /// Within `MULTI`.
    fn queue(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) -> Flow {
        if pushes(name)
            && let Err(refusal) = self.check_push(words, turn)
        {
            return self.fail(turn, &refusal);
        }
        // In the middle of an array the protocol would change.
        if matches!(name, b"HELLO" | b"AUTH") || name.ends_with(b"SUBSCRIBE") {
            return self.fail(turn, "ERR Command not allowed inside a transaction");
        }
        let Some(transaction) = &mut self.transaction else { return Flow::GoOn };
        transaction.size_bytes += words.iter().map(|word| word.len() + 32).sum::<usize>();
        if transaction.size_bytes > MOST_QUEUED_BYTES {
            transaction.queued = Vec::new();
            let error =
                format!("OOM command not allowed: a transaction of over {MOST_QUEUED_BYTES} bytes");
            return self.fail(turn, &error);
        }
        transaction.queued.push(words.iter().map(|word| word.to_vec()).collect());
        turn.replies.simple("QUEUED");
        Flow::GoOn
    }

    fn exec(&mut self, turn: &mut Turn) -> Flow {
        let Some(transaction) = self.transaction.take() else {
            turn.replies.error(b"ERR EXEC without MULTI");
            return Flow::GoOn;
        };
        let mut queued = transaction.queued.iter();
        let refused_since =
            turn.refusal.is_some() && queued.any(|words| pushes(&words[0].to_ascii_uppercase()));
        if transaction.is_spoilt || refused_since {
            turn.replies.error(b"EXECABORT Transaction discarded because of previous errors.");
            return Flow::GoOn;
        }
        let start = turn.replies.bytes.len();
        let promised = turn.replies.promised();
        turn.replies.array(transaction.queued.len());
        let mut flow = Flow::GoOn;
        for words in &transaction.queued {
            let words: Words<'_> =
                words.iter().map(|word| Cow::Borrowed(word.as_slice())).collect();
            let name = words[0].to_ascii_uppercase();
            if self.execute(&name, &words, turn) == Flow::Close {
                flow = Flow::Close;
            }
        }
        // All of it or nothing: one answer.
        turn.replies.promise_all_since(start, promised);
        flow
    }

    fn auth(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        match words.as_slice() {
            [_, password] => self.login(b"default", password, true, turn),
            [_, user, password] => self.login(user, password, false, turn),
            _ => self.fail(turn, "ERR syntax error"),
        }
    }

    fn login(&mut self, user: &[u8], password: &[u8], alone: bool, turn: &mut Turn) -> Flow {
        if self.shared.users.is_empty() {
            if user == b"default" && !alone {
                turn.replies.ok();
                return Flow::GoOn;
            }
            if alone {
                return self.fail(
                    turn,
                    "ERR AUTH <password> called without any password configured for the default \
                     user. Are you sure your configuration is correct?",
                );
            }
        }
        if self.authenticate(user, password) {
            turn.replies.ok();
            return Flow::GoOn;
        }
        turn.replies.error(answers::WRONG_PASSWORD.as_bytes());
        if self.failed_logins >= MOST_FAILED_LOGINS { Flow::Close } else { Flow::GoOn }
    }

    fn authenticate(&mut self, user: &[u8], password: &[u8]) -> bool {
        if self.shared.users.is_empty() {
            return user == b"default";
        }
        match self.shared.users.find(user, password) {
            Some(user) => {
                self.user = Some(Some(user));
                true
            }
            None => {
                self.failed_logins += 1;
                let user = user.escape_ascii().to_string();
                self.shared.refused("password", &self.address, &user);
                false
            }
        }
    }

    fn hello(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let resp3 = match words.get(1).map(|word| str::from_utf8(word).map(str::parse::<i64>)) {
            None => self.resp3,
            Some(Ok(Ok(2))) => false,
            Some(Ok(Ok(3))) => true,
            Some(Ok(Ok(_))) => return self.fail(turn, "NOPROTO unsupported protocol version"),
            Some(_) => {
                return self.fail(turn, "ERR Protocol version is not an integer or out of range");
            }
        };
        let (mut login, mut name) = (None, None);
        let mut at = 2;
        while let Some(option) = words.get(at) {
            match option.to_ascii_uppercase().as_slice() {
                b"AUTH" if at + 2 < words.len() => {
                    login = Some((&words[at + 1], &words[at + 2]));
                    at += 3;
                }
                b"SETNAME" if at + 1 < words.len() => {
                    name = Some(&words[at + 1]);
                    at += 2;
                }
                _ => {
                    let option = option.escape_ascii();
                    return self
                        .fail(turn, &format!("ERR Syntax error in HELLO option '{option}'"));
                }
            }
        }
        if let Some((user, password)) = login
            && !self.authenticate(user, password)
        {
            turn.replies.error(answers::WRONG_PASSWORD.as_bytes());
            return if self.failed_logins >= MOST_FAILED_LOGINS { Flow::Close } else { Flow::GoOn };
        }
        if !self.is_logged_in() {
            return self.fail(turn, answers::HELLO_WITHOUT_LOGIN);
        }
        if let Some(name) = name {
            match answers::client_name(name) {
                Some(name) => self.name = name,
                None => return self.fail(turn, answers::BAD_NAME),
            }
        }
        self.resp3 = resp3;
        turn.replies.resp3 = resp3;
        answers::hello(self.id, &mut turn.replies);
        Flow::GoOn
    }

    fn client(&mut self, words: &Words<'_>, turn: &mut Turn) -> Flow {
        let subcommand = words[1].to_ascii_uppercase();
        let argument = words.get(2);
        match (subcommand.as_slice(), argument) {
            (b"SETNAME", Some(name)) => match answers::client_name(name) {
                Some(name) => {
                    self.name = name;
                    turn.replies.ok();
                }
                None => return self.fail(turn, answers::BAD_NAME),
            },
            (b"SETINFO", Some(attribute)) if words.len() == 4 => {
                let at = match attribute.to_ascii_uppercase().as_slice() {
                    b"LIB-NAME" => 0,
                    b"LIB-VER" => 1,
                    _ => {
                        let attribute = attribute.escape_ascii();
                        return self.fail(turn, &format!("ERR Unrecognized option '{attribute}'"));
                    }
                };
                match answers::client_name(&words[3]) {
                    Some(text) => {
                        self.library[at] = text;
                        turn.replies.ok();
                    }
                    None => {
                        return self.fail(
                            turn,
                            "ERR lib-name and lib-ver cannot contain spaces, newlines or special \
                             characters.",
                        );
                    }
                }
            }
            (b"NO-EVICT" | b"NO-TOUCH" | b"TRACKING" | b"CACHING", Some(_)) => turn.replies.ok(),
            (b"GETNAME", None) if self.name.is_empty() => turn.replies.null(),
            (b"GETNAME", None) => turn.replies.bulk(self.name.as_bytes()),
            (b"ID", None) => turn.replies.integer(self.id as i64),
            (b"INFO", None) | (b"LIST", _) => {
                let user = match self.user {
                    Some(Some(user)) => self.shared.users.name(user),
                    _ => "default",
                };
                turn.replies.bulk(answers::client_info(self, user).as_bytes());
            }
            (b"REPLY", Some(mode)) => {
                self.reply_mode = match mode.to_ascii_uppercase().as_slice() {
                    b"ON" => ReplyMode::On,
                    b"OFF" => ReplyMode::Off,
                    b"SKIP" if self.reply_mode == ReplyMode::Off => ReplyMode::Off,
                    b"SKIP" => ReplyMode::Skip,
                    _ => return self.fail(turn, "ERR syntax error"),
                };
                if self.reply_mode == ReplyMode::On {
                    turn.replies.ok();
                }
            }
            (
                b"SETNAME" | b"SETINFO" | b"GETNAME" | b"ID" | b"INFO" | b"REPLY" | b"TRACKING",
                _,
            ) => {
                let name = [b"client|".as_slice(), &subcommand].concat();
                return self.fail(turn, &answers::wrong_arity(&name));
            }
            _ => return self.fail_bytes(turn, &answers::unknown_subcommand("CLIENT", &words[1])),
        }
        Flow::GoOn
    }

    fn subscribe(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) {
        let subscribes = matches!(name, b"SUBSCRIBE" | b"PSUBSCRIBE");
        let kind = name.to_ascii_lowercase();
        let named: Vec<Vec<u8>> = words[1..].iter().map(|channel| channel.to_vec()).collect();
        let channels = match named.is_empty() {
            true => self.channels.clone(),
            false => named,
        };
        if channels.is_empty() {
            turn.replies.push(3);
            turn.replies.bulk(&kind);
            turn.replies.null();
            turn.replies.integer(0);
        }
        for channel in channels {
            self.channels.retain(|one| *one != channel);
            turn.replies.push(3);
            turn.replies.bulk(&kind);
            turn.replies.bulk(&channel);
            if subscribes {
                self.channels.push(channel);
            }
            turn.replies.integer(self.channels.len() as i64);
        }
    }
}

/// Whether it is a command that adds something.
fn pushes(name: &[u8]) -> bool {
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

/// How many words a command has, itself included.
#[derive(Clone, Copy)]
struct Arity {
    least: usize,
    most: usize,
}

const ANY: usize = usize::MAX;

/// Every command there is.
const ARITIES: [(&str, usize, usize); 37] = [
    ("AUTH", 2, ANY),
    ("CLIENT", 2, ANY),
    ("CLUSTER", 2, ANY),
    ("COMMAND", 1, ANY),
    ("CONFIG", 2, ANY),
    ("DISCARD", 1, 1),
    ("ECHO", 2, 2),
    ("EXEC", 1, 1),
    ("EXISTS", 2, ANY),
    ("GET", 2, 2),
    ("HELLO", 1, ANY),
    ("INFO", 1, ANY),
    ("LLEN", 2, 2),
    ("LPUSH", 3, ANY),
    ("LPUSHX", 3, ANY),
    ("MULTI", 1, 1),
    ("PING", 1, 2),
    ("PSUBSCRIBE", 2, ANY),
    ("PUNSUBSCRIBE", 1, ANY),
    ("QUIT", 1, ANY),
    ("READONLY", 1, 1),
    ("READWRITE", 1, 1),
    ("RESET", 1, 1),
    ("ROLE", 1, 1),
    ("RPUSH", 3, ANY),
    ("RPUSHX", 3, ANY),
    ("SELECT", 2, 2),
    ("SUBSCRIBE", 2, ANY),
    ("TIME", 1, 1),
    ("TYPE", 2, 2),
    ("UNSUBSCRIBE", 1, ANY),
    ("UNWATCH", 1, 1),
    ("WAIT", 3, 3),
    ("WAITAOF", 4, 4),
    ("WATCH", 2, ANY),
    ("XADD", 5, ANY),
    ("XLEN", 2, 2),
];

fn arity(name: &[u8]) -> Option<Arity> {
    let (_, least, most) = ARITIES.iter().find(|(known, ..)| known.as_bytes() == name)?;
    Some(Arity { least: *least, most: *most })
}
