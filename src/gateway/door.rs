//! The Redis-protocol port: opened before anything else, so that nobody is told that it is not there.
//!
//! It takes nothing until the state is restored, for until then nobody knows which ids were given out.
//! Whether it is there follows from the configuration alone, and never changes by itself: where a
//! Redis has the port already, or the state was read from one, the operator says which it is to be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::config::{Config, DoorConfig, DoorPlace, DoorUser, Secret};
use crate::decode::delivery;
use crate::door::{Door, DoorParts, Listener};
use crate::http::Security;
use crate::model::{SourceKind, StreamId, Timestamp};
use crate::push::journal_keeper::Feed;
use crate::source::journal::{applied, source_key};
use crate::store::{Cut, Store};

/// Read from the journal at once, about.
const ABOUT_BYTES_AT_ONCE: usize = 4 << 20;

/// Why producers cannot connect here.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error(
        "cannot listen on {place} for producers (Redis.Listen): {error}{}",
        remedies(error, *is_asked_for)
    )]
    Bind { place: DoorPlace, is_asked_for: bool, error: io::Error },
    #[error(
        "the state was read from a Redis ({source_key}), and nothing names one now: set \
         Redis.ConnectionString (environment: Redis__ConnectionString=localhost:6379) to read on \
         there, or Redis.Listen (Redis__Listen=127.0.0.1:6379) to take events without it"
    )]
    WasReadFromRedis { source_key: String },
    #[error("Redis.ListenUsersFile {}: {reason}", path.display())]
    Users { path: PathBuf, reason: String },
    #[error("Redis.ListenTls is on, and Http.WebConfigFile names no certificate to speak TLS with")]
    NoCertificate,
}

fn remedies(error: &io::Error, is_asked_for: bool) -> &'static str {
    match (error.kind(), is_asked_for) {
        (io::ErrorKind::AddrInUse, false) => {
            "; if a Redis is there that events are to be read from, set Redis.ConnectionString \
             (environment: Redis__ConnectionString=localhost:6379); else set Redis.Listen to another \
             address (Redis__Listen=127.0.0.1:6380), or off"
        }
        (io::ErrorKind::AddrInUse, true) => {
            "; set Redis.Listen to another address, or stop what has this one"
        }
        _ => "",
    }
}

/// A port that is served.
pub(super) struct OpenDoor {
    door: Door,
    describe: String,
    streams: Vec<String>,
    stop: CancellationToken,
    serving: Mutex<Option<JoinHandle<()>>>,
}

/// Opens the port, if there is to be one.
pub(super) fn open(
    config: &Config,
    shared: &Shared,
    security: &Security,
) -> Result<Option<OpenDoor>, DoorError> {
    let Some(door) = &config.door else { return Ok(None) };
    let users = producers(door)?;
    if door.tls && security.tls().is_none() {
        return Err(DoorError::NoCertificate);
    }
    let listener = match &door.place {
        DoorPlace::Tcp(listen) => Listener::tcp(*listen),
        DoorPlace::Unix(path) => Listener::unix(path),
    };
    let listener = listener.map_err(|error| DoorError::Bind {
        place: door.place.clone(),
        is_asked_for: door.is_asked_for,
        error,
    })?;
    let describe = listener.describe();
    if users.is_empty() && is_public(&door.place) {
        tracing::warn!(
            listen = describe,
            "whoever reaches this port may push: set Redis.ListenUsers, or let nobody else reach it"
        );
    }
    let parts = DoorParts {
        front: shared.push.clone(),
        metrics: shared.own_metrics.door().clone(),
        port: listener.port(),
        window: config.push.idempotency_window,
        budget_bytes: config.push.max_buffered_bytes,
    };
    let (opened, stop) = (Door::new(door, users, parts), CancellationToken::new());
    let security = door.tls.then(|| security.clone());
    let serving = tokio::spawn(opened.clone().serve(listener, security, stop.clone()));
    let streams = door.streams.clone();
    Ok(Some(OpenDoor { door: opened, describe, streams, stop, serving: Mutex::new(Some(serving)) }))
}

fn is_public(place: &DoorPlace) -> bool {
    match place {
        DoorPlace::Tcp(listen) => match listen {
            crate::config::Listen::Everywhere { .. } => true,
            crate::config::Listen::At(address) => !address.ip().is_loopback(),
        },
        DoorPlace::Unix(_) => false,
    }
}

/// Refuses to go on without a Redis that the state was read from, unless that was asked for.
pub(super) fn check_restored(config: &Config, cut: &Cut) -> Result<(), DoorError> {
    let Some(door) = &config.door else { return Ok(()) };
    if door.is_asked_for || config.reads_redis() {
        return Ok(());
    }
    let of_redis = |kind| matches!(kind, SourceKind::List | SourceKind::Group | SourceKind::Reader);
    match cut.sources.iter().find(|source| of_redis(source.key.kind)) {
        Some(source) => Err(DoorError::WasReadFromRedis { source_key: source.key.to_string() }),
        None => Ok(()),
    }
}

impl OpenDoor {
    /// Where producers connect.
    pub(super) fn describe(&self) -> &str {
        &self.describe
    }

    /// Ids of that time may have been given out, and their records are gone since a snapshot covers
    /// them. So a clock that was set back over a start makes none lower.
    pub(super) fn given_before(&self, taken_at: Timestamp) {
        for stream in &self.streams {
            self.door.raise_id(stream, StreamId::new(taken_at.0, u64::from(u32::MAX)));
        }
    }

    /// Learns from the journal which ids were given out.
    pub(super) async fn learn_ids(&self, feed: &Feed) {
        let (door, feed) = (self.door.clone(), feed.clone());
        let learnt = spawn_blocking(move || learn_ids(&door, &feed)).await;
        learnt.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }

    /// Lets it ask what is applied.
    pub(super) fn know(&self, feed: &Feed, store: &Store) {
        let (feed, store, key) = (feed.clone(), store.clone(), source_key(feed));
        self.door.ask_applied(Arc::new(move || feed.forget_below(applied(&store, &key))));
    }

    /// Answers what was sent, and stops.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.lock().await.take()
            && let Err(error) = serving.await
        {
            tracing::error!(%error, "the Redis-protocol port failed");
        }
    }
}

fn learn_ids(door: &Door, feed: &Feed) {
    let mut from = feed.first();
    loop {
        let records = match feed.read(from, ABOUT_BYTES_AT_ONCE) {
            Ok(records) => records,
            // The source meets the same, and says so.
            Err(error) => {
                tracing::debug!(%error, "cannot look for the ids in the journal");
                return;
            }
        };
        let Some((last, _)) = records.last() else { return };
        from = last + 1;
        for (_, record) in records.iter().filter(|(_, record)| delivery::is_delivery(record)) {
            for (stream, id) in delivery::last_ids(record) {
                door.raise_id(&stream, id);
            }
        }
    }
}

/// Who may push, of the settings and of the file; nobody: everybody.
pub fn producers(config: &DoorConfig) -> Result<Vec<DoorUser>, DoorError> {
    let mut users = config.users.clone();
    if let Some(path) = &config.users_file {
        users.extend(read_users(path)?);
    }
    Ok(users)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    users: Vec<UserOfFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserOfFile {
    name: String,
    /// In the clear, or `sha256:` and the hexadecimal digits of its hash.
    password: String,
    keys: Option<Vec<String>>,
}

fn read_users(path: &Path) -> Result<Vec<DoorUser>, DoorError> {
    let wrong = |reason: String| DoorError::Users { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // Errors never show the file's text, which holds passwords.
    let options = serde_saphyr::options! { with_snippet: false };
    let file: UsersFile = serde_saphyr::from_str_with_options(&text, options)
        .map_err(|error| wrong(error.to_string()))?;
    let user = |user: UserOfFile| {
        let found = DoorUser::new(&user.name, &Secret::from(user.password.as_str()), user.keys);
        found.ok_or_else(|| {
            wrong(format!(
                "the user {:?}: expected a name without blanks, and a password or sha256:<64 \
                 hexadecimal digits>",
                user.name
            ))
        })
    };
    file.users.into_iter().map(user).collect()
}
