//! A journal of pushes that cannot be made when the gateway starts.
//!
//! Perhaps its disk is mounted later, or is writable later. Nothing that was answered can be in it,
//! so everything else goes on, and pushes are refused with the cause. It is tried again until it is
//! there; from then on it is a source like any other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use super::pushes::{keep_in, open_journal, refuse};
use super::sources::Tasks;
use crate::push::PushFront;
use crate::push::journal_keeper::Feed;
use crate::source::journal::{PushJournalSource, PushJournalUpkeep};
use crate::source::{Source, pipeline};

/// How often it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Reads and keeps it up as soon as it is there.
pub(super) fn start(directory: &Path, front: &PushFront, tasks: &mut Tasks) {
    let (made, journal) = oneshot::channel();
    let (directory, front, context) = (directory.to_owned(), front.clone(), tasks.context.clone());
    tasks.readers.spawn(run(directory, front, context, made));
    let (context, durable, stop) =
        (tasks.context.clone(), tasks.durable.clone(), tasks.stop_upkeep.clone());
    tasks.keepers.spawn(async move {
        if let Ok(feed) = journal.await {
            let pipeline::Context { store, status, lease, .. } = context;
            let upkeep = PushJournalUpkeep::new(feed);
            pipeline::keep_up(upkeep, store, status, lease, durable, stop).await;
        }
    });
}

/// Makes it as soon as that can be done, tells whoever keeps it up, and reads it until shutdown.
async fn run(
    directory: PathBuf,
    front: PushFront,
    context: pipeline::Context,
    made: oneshot::Sender<Feed>,
) {
    let feed = tokio::select! {
        feed = make(&directory, &front, &context) => feed,
        () = context.shutdown.cancelled() => return,
    };
    tracing::info!(directory = %directory.display(), "there is a journal now; pushes are taken");
    context.status.set_journal_error(None);
    let source = PushJournalSource::new(feed.clone(), context.store.clone());
    context.status.source(source.key(), |_| {});
    keep_in(&feed, &front, &context);
    // Nobody is there any more at the end of the process.
    drop(made.send(feed));
    pipeline::run(source, context).await;
}

async fn make(directory: &Path, front: &PushFront, context: &pipeline::Context) -> Feed {
    let mut said = None;
    loop {
        tokio::time::sleep(RETRY).await;
        match open_journal(directory).await {
            Ok(feed) => return feed,
            Err(error) => {
                let error = error.to_string();
                if said.as_ref() != Some(&error) {
                    refuse(front, &context.status, &error);
                    said = Some(error);
                }
            }
        }
    }
}
