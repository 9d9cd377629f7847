//! What is said beside pushes: errors in Redis' words, and who we are.
//!
//! Clients search errors for known words, and what a server says of itself for a version that has
//! what they need.

use std::borrow::Cow;

use super::Shared;
use super::keys::{Keys, Kind};
use super::reply::Replies;
use super::session::Session;

/// A version whose clients' features are all there, and none that is not.
const REDIS_VERSION: &str = "7.4.0";

/// How much of an unknown command is repeated.
const MOST_REPEATED_BYTES: usize = 128;

/// A client's name or library.
const MOST_NAME_BYTES: usize = 64;

pub(super) const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
pub(super) const WRONG_PASSWORD: &str =
    "WRONGPASS invalid username-password pair or user is disabled.";
pub(super) const BAD_NAME: &str =
    "ERR Client names cannot contain spaces, newlines or special characters.";
pub(super) const HELLO_WITHOUT_LOGIN: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
     protocol version at the same time";

pub(super) fn unknown_command(words: &[Cow<'_, [u8]>]) -> Vec<u8> {
    let mut error = b"ERR unknown command '".to_vec();
    error.extend(words[0].iter().take(MOST_REPEATED_BYTES));
    error.extend_from_slice(b"', with args beginning with: ");
    let mut left = MOST_REPEATED_BYTES;
    for word in &words[1..] {
        if left == 0 {
            break;
        }
        let shown = word.len().min(left);
        left -= shown;
        error.push(b'\'');
        error.extend_from_slice(&word[..shown]);
        error.extend_from_slice(b"' ");
    }
    error
}

pub(super) fn unknown_subcommand(command: &str, name: &[u8]) -> Vec<u8> {
    let name = &name[..name.len().min(MOST_REPEATED_BYTES)];
    let name = String::from_utf8_lossy(name);
    format!("ERR unknown subcommand '{name}'. Try {command} HELP.").into_bytes()
}

pub(super) fn wrong_arity(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).to_lowercase();
    format!("ERR wrong number of arguments for '{name}' command")
}

pub(super) fn subscribed(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).to_lowercase();
    format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context"
    )
}

/// Not `ERR`, which some clients of PHP do not show.
pub(super) fn no_such_key(keys: &Keys, name: &[u8]) -> String {
    let known = keys.names().iter().enumerate().map(|(key, name)| {
        let command = if keys.kind(key) == Kind::List { "LPUSH" } else { "XADD" };
        format!("'{name}' ({command})")
    });
    let known: Vec<_> = known.collect();
    format!(
        "NOPERM this gateway takes events at {}, not at '{}'",
        known.join(" and "),
        name[..name.len().min(MOST_REPEATED_BYTES)].escape_ascii()
    )
}

/// Printable, without blanks; empty for none.
pub(super) fn client_name(name: &[u8]) -> Option<String> {
    let fits = name.len() <= MOST_NAME_BYTES && name.iter().all(u8::is_ascii_graphic);
    fits.then(|| String::from_utf8_lossy(name).into_owned())
}

pub(super) fn hello(id: u64, replies: &mut Replies) {
    replies.map(7);
    let protocol = if replies.resp3 { 3 } else { 2 };
    for (field, text) in [("server", "redis"), ("version", REDIS_VERSION)] {
        replies.bulk(field.as_bytes());
        replies.bulk(text.as_bytes());
    }
    for (field, number) in [("proto", protocol), ("id", id as i64)] {
        replies.bulk(field.as_bytes());
        replies.integer(number);
    }
    for (field, text) in [("mode", "standalone"), ("role", "master")] {
        replies.bulk(field.as_bytes());
        replies.bulk(text.as_bytes());
    }
    replies.bulk(b"modules");
    replies.array(0);
}

pub(super) fn client_info(session: &Session, user: &str) -> String {
    let [library, version] = &session.library;
    format!(
        "id={} addr={} name={} db=0 resp={} user={user} lib-name={library} lib-ver={version}\n",
        session.id,
        session.address,
        session.name,
        if session.resp3 { 3 } else { 2 },
    )
}

pub(super) fn info(shared: &Shared) -> String {
    let loading = u8::from(shared.front.why_closed().is_some());
    let mut info = format!(
        "# Server\r\nredis_version:{REDIS_VERSION}\r\nserver_name:prom-stream-gateway\r\n\
         redis_mode:standalone\r\nrun_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\n\r\n\
         # Clients\r\nconnected_clients:{}\r\nmaxclients:{}\r\n\r\n\
         # Persistence\r\nloading:{loading}\r\nasync_loading:0\r\naof_enabled:1\r\n",
        shared.run_id,
        shared.port,
        shared.started.elapsed().as_secs(),
        shared.metrics.connections.get(),
        shared.max_connections,
    );
    if loading == 1 {
        info.push_str("loading_eta_seconds:1\r\n");
    }
    info.push_str(
        "\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n",
    );
    info
}

/// What of the patterns' settings is known.
pub(super) fn config(shared: &Shared, patterns: &[Cow<'_, [u8]>], replies: &mut Replies) {
    let connections = shared.max_connections.to_string();
    let bulk = super::protocol::MOST_BULK_BYTES.to_string();
    let known = [
        ("save", ""),
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("timeout", "0"),
        ("databases", "16"),
        ("maxclients", &connections),
        ("proto-max-bulk-len", &bulk),
        ("replica-read-only", "yes"),
        ("slave-read-only", "yes"),
    ];
    let is_asked = |name: &str| {
        patterns.iter().any(|pattern| {
            pattern.as_ref() == b"*" || pattern.eq_ignore_ascii_case(name.as_bytes())
        })
    };
    let asked: Vec<_> = known.into_iter().filter(|(name, _)| is_asked(name)).collect();
    replies.map(asked.len());
    for (name, value) in asked {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
}
