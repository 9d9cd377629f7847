//! Bad events to a Redis stream, for whoever wants to look at them or send them again.
//!
//! The stream is bounded in number and in bytes: a flood of bad events must not fill Redis. Redis
//! bounds the number itself (`MAXLEN`). How much memory the stream takes, whoever wrote to it, is
//! asked for now and then, and the oldest letters go.
//!
//! When Redis refuses (full, down), the letters go back to the queue, whose
//! newest ones can be read over HTTP meanwhile.

use std::sync::Arc;

use redis::RedisError;

use super::{Connector, Link};
use crate::config::DeadLettersConfig;
use crate::dead_letters::{DeadLetter, LetterSink};

/// The memory is asked for whenever this part of what the stream may take was written.
const MEASURED_PART: u64 = 8;

/// Writes letters to their stream.
pub struct StreamSink {
    link: Link,
    bounds: DeadLettersConfig,
    /// Written since the stream was measured.
    unmeasured_bytes: u64,
    has_warned: bool,
}

impl LetterSink for StreamSink {
    async fn write(&mut self, letters: &[Arc<DeadLetter>]) -> Result<(), String> {
        if let Err(error) = self.add(letters).await {
            self.link.close();
            return Err(format!("{}: {error}", self.bounds.stream));
        }
        self.bound_bytes().await;
        Ok(())
    }
}

impl StreamSink {
    pub fn new(connector: Connector, bounds: DeadLettersConfig) -> Self {
        // What earlier processes left is measured with the first letter.
        let unmeasured_bytes = bounds.max_bytes;
        Self {
            link: Link::new(connector, &bounds.stream),
            bounds,
            unmeasured_bytes,
            has_warned: false,
        }
    }

    async fn add(&mut self, letters: &[Arc<DeadLetter>]) -> Result<(), String> {
        let connection = self.link.open().await.map_err(|error| error.to_string())?;
        let mut pipe = redis::pipe();
        for letter in letters {
            pipe.cmd("XADD")
                .arg(&self.bounds.stream)
                .arg("MAXLEN")
                .arg("~")
                .arg(self.bounds.max_length)
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
        let written: Result<(), RedisError> = pipe.query_async(connection).await;
        written.map_err(|error| error.to_string())?;
        self.unmeasured_bytes +=
            letters.iter().map(|letter| letter.size_bytes() as u64).sum::<u64>();
        Ok(())
    }

    /// Removes the oldest letters from a stream that takes too much. That this fails costs no letter.
    async fn bound_bytes(&mut self) {
        if self.unmeasured_bytes < self.bounds.max_bytes / MEASURED_PART {
            return;
        }
        self.unmeasured_bytes = 0;
        if let Err(error) = self.remove_oldest().await {
            self.link.close();
            if !std::mem::replace(&mut self.has_warned, true) {
                let stream = &self.bounds.stream;
                tracing::warn!(
                    stream,
                    error,
                    "cannot bound the memory of dead letters, only their number; \
                     MEMORY USAGE and XTRIM on their stream are needed for it"
                );
            }
        }
    }

    async fn remove_oldest(&mut self) -> Result<(), String> {
        let connection = self.link.open().await.map_err(|error| error.to_string())?;
        let stream = &self.bounds.stream;
        loop {
            let mut pipe = redis::pipe();
            pipe.cmd("MEMORY").arg("USAGE").arg(stream).arg("SAMPLES").arg(0);
            pipe.cmd("XLEN").arg(stream);
            let measured = pipe.query_async(connection).await;
            let (used, length): (Option<u64>, u64) =
                measured.map_err(|error: RedisError| error.to_string())?;
            // The newest one stays, whatever its size.
            if used.unwrap_or_default() <= self.bounds.max_bytes || length <= 1 {
                return Ok(());
            }
            // Letters differ in size, so a part of them at a time.
            let mut trim = redis::cmd("XTRIM");
            trim.arg(stream).arg("MAXLEN").arg(length - length.div_ceil(8).min(length - 1));
            let trimmed: Result<(), RedisError> = trim.query_async(connection).await;
            trimmed.map_err(|error| error.to_string())?;
        }
    }
}
