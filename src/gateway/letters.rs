//! Dead letters where there is no Redis to write them to.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::journal_directory;
use crate::config::Config;
use crate::dead_letters::{DeadLetters, LetterFile};

/// Letters written at once.
const CHUNK: usize = 100;
const RETRY: Duration = Duration::from_secs(1);

/// Beside the journal; `None` where that is in memory.
pub(super) fn file(config: &Config) -> Option<PathBuf> {
    let journal = journal_directory(config)?;
    let mut name = journal.file_name()?.to_owned();
    name.push("-dead-letters.jsonl");
    Some(journal.with_file_name(name))
}

/// Writes letters until shutdown, and what is left then.
pub(super) async fn write_to_file(
    path: Option<PathBuf>,
    max_bytes: u64,
    letters: DeadLetters,
    shutdown: CancellationToken,
) {
    let Some(path) = path else { return shutdown.cancelled().await };
    let mut file: Option<LetterFile> = None;
    let mut stopping = false;
    loop {
        let mut opened = match file.take() {
            Some(file) => Ok(file),
            None => {
                let (path, letters) = (path.clone(), letters.clone());
                let opened = spawn_blocking(move || LetterFile::open(&path, max_bytes, &letters));
                opened.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            }
        };
        if !stopping {
            tokio::select! {
                () = letters.wait_pending() => {}
                () = shutdown.cancelled() => stopping = true,
            }
        }
        let chunk = letters.take_pending(CHUNK);
        if chunk.is_empty() && stopping {
            return;
        }
        let written = match &mut opened {
            Ok(opened) => opened.add(&chunk),
            Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
        };
        match (opened, written) {
            (Ok(opened), Ok(())) => {
                letters.count_written(chunk.len() as u64);
                file = Some(opened);
            }
            (_, written) => {
                let error = written.err().map(|error| error.to_string());
                tracing::debug!(path = %path.display(), error, "dead letters not written; kept in memory");
                letters.count_failed_write();
                letters.put_back(chunk);
                if stopping {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    () = shutdown.cancelled() => stopping = true,
                }
            }
        }
    }
}
