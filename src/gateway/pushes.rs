//! What keeps the pushes: opened before anything is read, so that no page lacks what it holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, JournalPlace, SnapshotPlace};
use crate::durable_files::are_the_same;
use crate::journal::{Journal, JournalError, may_hold_records};
use crate::model::{Position, PushPosition};
use crate::push::journal_keeper::{self, Feed};
use crate::push::{Pending, PushFront};
use crate::redis::Connector;
use crate::redis::pushes as pushes_writer;
use crate::source::journal::source_key;
use crate::source::pipeline;
use crate::status::{Phase, Status};

/// How often a journal that cannot be opened is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// What keeps the pushes of this process.
pub(super) enum PushSink {
    Journal(Feed),
    /// A journal is to be made there, and cannot be for the time being.
    NoJournalYet(PathBuf),
    Stream(String),
    /// Pushes are not taken.
    None,
}

/// Where the journal is on the local disk; `None`: in memory.
pub fn journal_directory(config: &Config) -> Option<PathBuf> {
    let identity = &config.gateway.identity;
    let snapshots = config.snapshot.url.directory().map(|directory| directory.join(identity));
    match &config.push.journal {
        JournalPlace::Memory => None,
        JournalPlace::Directory(directory) => {
            let directory = directory.join(identity);
            // Both have a lock of one name; beside each other is the default, too.
            match snapshots {
                Some(snapshots) if are_the_same(&directory, &snapshots) => {
                    Some(directory.join("journal"))
                }
                _ => Some(directory),
            }
        }
        JournalPlace::Default => match (snapshots, config.snapshot.url.place()) {
            (Some(snapshots), _) => Some(snapshots.join("journal")),
            (None, SnapshotPlace::Memory(_)) => None,
            (None, _) => Some(Path::new("data").join(identity).join("journal")),
        },
    }
}

/// Opens what keeps the pushes; `None` when told to stop meanwhile. A journal that is there and
/// cannot be opened is waited for: it may hold what was on a page already.
pub(super) async fn open(
    config: &Config,
    status: &Status,
    front: &PushFront,
    shutdown: &CancellationToken,
) -> Option<PushSink> {
    let directory = journal_directory(config);
    if !config.keeps_a_journal() {
        if let Some(directory) = directory.filter(|directory| directory.exists()) {
            tracing::warn!(
                directory = %directory.display(),
                "a journal of pushes is there and not read, because Push.Enabled is false or \
                 Push.Via is stream; what it holds beyond the snapshot waits until it is"
            );
        }
        return Some(match (config.push.enabled, config.stream.keys.first()) {
            (true, Some(stream)) => PushSink::Stream(stream.clone()),
            _ => PushSink::None,
        });
    }
    let Some(directory) = directory else { return Some(PushSink::Journal(Feed::in_memory())) };
    let mut said = None;
    loop {
        let error = match open_journal(&directory).await {
            Ok(feed) => {
                status.set_journal_error(None);
                return Some(PushSink::Journal(feed));
            }
            Err(error) => error.to_string(),
        };
        if !may_hold_records(&directory) {
            refuse(front, status, &error);
            return Some(PushSink::NoJournalYet(directory));
        }
        status.set_phase(Phase::Restoring);
        status.set_journal_error(Some(error.clone()));
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

/// Without a journal pushes are told why, and so is whoever asks whether all is well.
pub(super) fn refuse(front: &PushFront, status: &Status, error: &str) {
    tracing::error!(
        error,
        "pushes are not taken: there is no journal, and none can be made; set Push.Journal to a \
         directory on a local disk, or Push.Enabled=false"
    );
    status.set_journal_error(Some(error.into()));
    front.refuse(format!("not taking pushes: no journal can be made for them: {error}"));
}

pub(super) async fn open_journal(directory: &Path) -> Result<Feed, JournalError> {
    let place = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || Journal::open(&place)).await;
    let journal = opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    for damage in journal.damage() {
        tracing::error!(
            what = damage.what,
            records = damage.missing.end.saturating_sub(damage.missing.start),
            "the journal of pushes is damaged; find out who damaged its files"
        );
    }
    Ok(Feed::new(journal))
}

impl PushSink {
    /// Lets pushes in, and keeps them until the front is closed.
    pub(super) fn start(
        &self,
        front: &PushFront,
        context: &pipeline::Context,
        connector: &Connector,
    ) {
        match self {
            Self::Journal(feed) => keep_in(feed, front, context),
            Self::Stream(stream) => {
                drop(tokio::spawn(pushes_writer::run(
                    open_front(front, context),
                    connector.clone(),
                    stream.clone(),
                    context.waiting.clone(),
                )));
            }
            Self::NoJournalYet(_) | Self::None => {}
        }
    }
}

/// Lets pushes in, and keeps them there until the front is closed.
pub(super) fn keep_in(feed: &Feed, front: &PushFront, context: &pipeline::Context) {
    let pending = open_front(front, context);
    let known = context.store.position(&source_key(feed));
    let (feed, lease, waiting) = (feed.clone(), context.lease.clone(), context.waiting.clone());
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

fn open_front(front: &PushFront, context: &pipeline::Context) -> mpsc::Receiver<Pending> {
    front.open(
        context.store.clone(),
        Arc::clone(&context.decode),
        context.lease.clone(),
        context.waiting.clone(),
    )
}
