//! What keeps the pushes: opened before anything is read, so that no page lacks what it holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, JournalPlace, PushVia};
use crate::decode::DecodeOptions;
use crate::journal::Journal;
use crate::lease::Lease;
use crate::model::{Position, PushPosition};
use crate::push::journal_keeper::{self, Feed};
use crate::push::{Pending, PushFront, Waiting};
use crate::redis::Connector;
use crate::redis::pushes as pushes_writer;
use crate::source::journal::source_key;
use crate::status::{Phase, Status};
use crate::store::Store;

/// How often a journal that cannot be opened is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// What keeps the pushes of this process.
pub(super) enum Keeper {
    Journal(Feed),
    Stream(String),
    /// Pushes are not taken.
    None,
}

/// Where the journal is on the local disk; `None`: in memory.
fn directory(config: &Config) -> Option<PathBuf> {
    let identity = &config.gateway.identity;
    match &config.push.journal {
        JournalPlace::Memory => None,
        JournalPlace::Directory(directory) => Some(directory.join(identity)),
        JournalPlace::Default => match config.snapshot.local_directory() {
            Some(snapshots) => Some(snapshots.join(identity).join("journal")),
            None if config.snapshot.url.starts_with("memory:") => None,
            None => Some(Path::new("data").join(identity).join("journal")),
        },
    }
}

/// Opens what keeps the pushes; `None` when told to stop meanwhile. A journal that is there and
/// cannot be opened is waited for: it may hold what was on a page already.
pub(super) async fn open(
    config: &Config,
    status: &Status,
    shutdown: &CancellationToken,
) -> Option<Keeper> {
    let directory = directory(config);
    let journal_in_use = config.push.enabled && config.push.via == PushVia::Journal;
    if !journal_in_use {
        if let Some(directory) = directory.filter(|directory| directory.exists()) {
            tracing::warn!(
                directory = %directory.display(),
                "a journal of pushes is there and not read, because Push.Enabled is false or \
                 Push.Via is stream; what it holds beyond the snapshot waits until it is"
            );
        }
        return Some(match (config.push.enabled, config.stream.keys.first()) {
            (true, Some(stream)) => Keeper::Stream(stream.clone()),
            _ => Keeper::None,
        });
    }
    let Some(directory) = directory else {
        return Some(Keeper::Journal(Feed::new(Journal::in_memory())));
    };
    if !directory.exists()
        && let Err(error) = std::fs::create_dir_all(&directory)
    {
        tracing::error!(
            %error,
            directory = %directory.display(),
            "pushes are not taken: there is no journal, and none can be made; set Push.Journal to \
             a directory on a local disk, or Push.Enabled=false"
        );
        return Some(Keeper::None);
    }
    let mut said = None;
    loop {
        let place = directory.clone();
        let opened = tokio::task::spawn_blocking(move || Journal::open(&place)).await;
        let error = match opened {
            Ok(Ok(journal)) => {
                for damage in journal.damage() {
                    tracing::error!(
                        what = damage.what,
                        records = damage.missing.end.saturating_sub(damage.missing.start),
                        "the journal of pushes is damaged; find out who damaged its files"
                    );
                }
                return Some(Keeper::Journal(Feed::new(journal)));
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        status.set_phase(Phase::Restoring);
        status.checkpoint(|report| report.last_error = Some(error.clone()));
        if said.as_ref() != Some(&error) {
            tracing::error!(error, "waiting for the journal of pushes");
            said = Some(error);
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => return None,
        }
    }
}

impl Keeper {
    /// Lets pushes in, and keeps them until the front is closed.
    pub(super) fn start(
        &self,
        front: &PushFront,
        store: Store,
        decode: Arc<DecodeOptions>,
        lease: Lease,
        waiting: &Waiting,
        connector: &Connector,
    ) {
        let waiting = waiting.clone();
        let known = match self {
            Self::Journal(feed) => store.position(&source_key(feed)),
            Self::Stream(_) | Self::None => None,
        };
        let open = || -> mpsc::Receiver<Pending> {
            front.open(store, decode, lease.clone(), waiting.clone())
        };
        match self {
            Self::Journal(feed) => {
                let (pending, feed, lease, waiting) =
                    (open(), feed.clone(), lease.clone(), waiting.clone());
                // It ends with the front; a process that ends otherwise does not wait for it.
                drop(tokio::task::spawn_blocking(move || {
                    // Before anything is kept: what the source passes over is never applied.
                    if let Some(Position::Push(PushPosition { next })) = known
                        && let Err(error) = feed.skip_to(next)
                    {
                        tracing::error!(%error, "the journal of pushes cannot go on at {next}");
                    }
                    journal_keeper::run(pending, &feed, &lease, &waiting);
                }));
            }
            Self::Stream(stream) => {
                let pending = open();
                drop(tokio::spawn(pushes_writer::run(
                    pending,
                    connector.clone(),
                    stream.clone(),
                    waiting.clone(),
                )));
            }
            Self::None => {}
        }
    }
}
