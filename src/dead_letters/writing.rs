//! Writes letters, wherever they go: the loop that a Redis stream and a file share.
//!
//! What could not be written waits again, in its order, and is tried again every second; at the stop
//! once more, for somebody waits for the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{DeadLetter, DeadLetters};

/// Letters written at once.
const CHUNK: usize = 100;
const RETRY: Duration = Duration::from_secs(1);

/// Where letters are written.
pub trait LetterSink: Send {
    /// All of them, or says why not; whoever calls has them still.
    fn write(
        &mut self,
        letters: &[Arc<DeadLetter>],
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// Writes letters until shutdown, and what is left then.
pub async fn write_all(
    mut sink: impl LetterSink,
    letters: DeadLetters,
    shutdown: CancellationToken,
) {
    loop {
        let stopping = tokio::select! {
            () = letters.wait_pending() => false,
            () = shutdown.cancelled() => true,
        };
        loop {
            let chunk = letters.take_pending(CHUNK);
            if chunk.is_empty() {
                break;
            }
            if let Err(error) = sink.write(&chunk).await {
                tracing::debug!(error, "dead letters not written; kept in memory");
                letters.count_failed_write();
                letters.put_back(chunk);
                if stopping {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    () = shutdown.cancelled() => {}
                }
                break;
            }
            letters.count_written(chunk.len() as u64);
        }
        if stopping {
            return;
        }
    }
}
