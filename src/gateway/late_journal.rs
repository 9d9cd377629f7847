//! A journal of pushes that cannot be made when the gateway starts.
//!
//! Perhaps its disk is mounted later, or is writable later. Nothing that was answered can be in it,
//! so everything else goes on, and pushes are refused with the cause. It is tried again until it is
//! there; from then on it is a source like any other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use super::pushes::{keep_in, open_journal, refuse};
use crate::push::PushFront;
use crate::push::journal_keeper::Feed;
use crate::source::push_journal::PushJournalSource;
use crate::source::{Source, pipeline};

/// How often it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Makes it as soon as that can be done, tells whoever keeps it up, and reads it until shutdown.
pub(super) async fn run(
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
    pipeline::run(Box::new(source), context).await;
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
