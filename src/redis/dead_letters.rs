//! Bad events to a Redis stream, for whoever wants to look at them or send them again.
//!
//! When Redis refuses (full, down), the letters go back to the queue, whose
//! newest ones can be read over HTTP meanwhile.

use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tokio_util::sync::CancellationToken;

use super::{Connector, Link};
use crate::dead_letters::{DeadLetter, DeadLetters};

/// Letters written by one round trip.
const CHUNK: usize = 100;
const RETRY: Duration = Duration::from_secs(1);

/// Writes dead letters until shutdown, and what is left then.
pub async fn run(
    connector: Connector,
    stream: String,
    max_length: u64,
    letters: DeadLetters,
    shutdown: CancellationToken,
) {
    let mut link = Link::new(connector, &stream);
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
            if let Err(error) = write(&mut link, &stream, max_length, &chunk).await {
                tracing::debug!(stream, %error, "dead letters not written; kept in memory");
                link.close();
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

async fn write(
    link: &mut Link,
    stream: &str,
    max_length: u64,
    letters: &[Arc<DeadLetter>],
) -> Result<(), String> {
    let connection = link.open().await.map_err(|error| error.to_string())?;
    let mut pipe = redis::pipe();
    for letter in letters {
        pipe.cmd("XADD")
            .arg(stream)
            .arg("MAXLEN")
            .arg("~")
            .arg(max_length)
            .arg("*")
            .arg(&[
                ("reason", letter.reason.as_str().as_bytes()),
                ("detail", letter.detail.as_bytes()),
                ("source", letter.source.as_bytes()),
                ("position", letter.position.as_bytes()),
                ("payload", &letter.payload),
                ("at", letter.at.0.to_string().as_bytes()),
            ])
            .ignore();
    }
    pipe.query_async(connection).await.map_err(|error: RedisError| error.to_string())
}
