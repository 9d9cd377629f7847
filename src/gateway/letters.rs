//! Dead letters where there is no Redis to write them to: in a file beside the journal.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::journal_directory;
use crate::config::Config;
use crate::dead_letters::{DeadLetter, DeadLetters, LetterFile, LetterSink, recall, write_all};

/// Where it is; `None` where the journal is in memory.
pub(super) fn file(config: &Config) -> Option<PathBuf> {
    let journal = journal_directory(config)?;
    let mut name = journal.file_name()?.to_owned();
    name.push("-dead-letters.jsonl");
    Some(journal.with_file_name(name))
}

/// Remembers what earlier processes wrote, and writes letters until shutdown.
pub(super) async fn write_to_file(
    path: Option<PathBuf>,
    max_bytes: u64,
    letters: DeadLetters,
    shutdown: CancellationToken,
) {
    let Some(path) = path else { return shutdown.cancelled().await };
    let recalled = blocking({
        let (path, letters) = (path.clone(), letters.clone());
        move || recall(&path, &letters)
    });
    if let Err(error) = recalled.await {
        tracing::warn!(path = %path.display(), %error, "earlier dead letters cannot be read");
    }
    write_all(FileSink { path, max_bytes, file: None }, letters, shutdown).await;
}

struct FileSink {
    path: PathBuf,
    max_bytes: u64,
    /// Opened when it is first written to, and again after an error.
    file: Option<LetterFile>,
}

impl LetterSink for FileSink {
    async fn write(&mut self, letters: &[Arc<DeadLetter>]) -> Result<(), String> {
        let (path, max_bytes, file) = (self.path.clone(), self.max_bytes, self.file.take());
        let letters = letters.to_vec();
        let written = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => LetterFile::open(&path, max_bytes)?,
            };
            file.add(&letters)?;
            Ok(file)
        });
        self.file =
            Some(written.await.map_err(|error| format!("{}: {error}", self.path.display()))?);
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
