//! Dead letters: refused events, kept whole so that nobody has to guess.
//!
//! A letter goes two ways. The newest stay in memory and are served over HTTP,
//! so they can be read even when Redis cannot be written. All of them wait in a
//! queue for the task that writes them to the dead-letter stream, or to a file where there is no
//! Redis ([`LetterFile`]). Both are
//! bounded in number and in bytes: a flood of bad events must not become a
//! flood of memory. What the queue's bound costs is counted, never silent.
//!
//! Pushing a letter also warns, at most once per reason and minute.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{Reason, Timestamp};

mod file;
pub(crate) mod warn_limiter;
mod writing;

pub use file::{LetterFile, recall};
pub use writing::{LetterSink, write_all};

use warn_limiter::WarnLimiter;

/// How many of the newest letters stay in memory, and how many bytes they may take.
const NEWEST_LETTERS: usize = 1_000;
const NEWEST_BYTES: usize = 16 << 20;

/// A longer payload is served over HTTP cut to this length; the stream gets it whole.
const NEWEST_PAYLOAD_BYTES: usize = 1 << 20;

/// How many bytes may wait to be written.
const PENDING_BYTES: usize = 64 << 20;

/// What a letter takes in memory beside its texts.
const LETTER_OVERHEAD_BYTES: usize = size_of::<DeadLetter>() + 64;

/// One refused event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub reason: Reason,
    /// Names the thing, the value and what was expected.
    pub detail: String,
    pub source: String,
    /// Where the event stood in Redis.
    pub position: String,
    pub payload: Vec<u8>,
    pub at: Timestamp,
}

impl DeadLetter {
    /// What it takes in memory.
    pub fn size_bytes(&self) -> usize {
        LETTER_OVERHEAD_BYTES
            + self.detail.len()
            + self.source.len()
            + self.position.len()
            + self.payload.len()
    }

    /// The letter without the end of a payload longer than [`NEWEST_PAYLOAD_BYTES`].
    fn cut(&self) -> Self {
        let shown = self.payload.len().min(NEWEST_PAYLOAD_BYTES);
        Self {
            reason: self.reason,
            detail: self.detail.clone(),
            source: self.source.clone(),
            position: self.position.clone(),
            payload: self.payload[..shown].to_vec(),
            at: self.at,
        }
    }
}

/// One of the newest letters, as it is served.
#[derive(Clone, Debug)]
pub struct RecentLetter {
    pub letter: Arc<DeadLetter>,
    /// The payload's own length; `letter.payload` may be cut.
    pub payload_bytes: usize,
}

/// What became of all letters of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterCounts {
    /// Waiting to be written.
    pub pending: u64,
    pub written: u64,
    /// Given up because too many waited.
    pub discarded: u64,
    /// Attempts to write that failed.
    pub failed_writes: u64,
}

/// Handle to the letters; clones share them.
#[derive(Clone)]
pub struct DeadLetters {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    pushed: Notify,
    max_pending: usize,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    newest: VecDeque<RecentLetter>,
    newest_bytes: usize,
    /// Oldest first.
    pending: VecDeque<Arc<DeadLetter>>,
    pending_bytes: usize,
    counts: DeadLetterCounts,
    warnings: WarnLimiter,
}

impl DeadLetters {
    /// At most `max_length` letters wait to be written.
    pub fn new(max_length: u64) -> Self {
        let max_pending = usize::try_from(max_length).unwrap_or(usize::MAX);
        let shared = Shared { state: Mutex::default(), pushed: Notify::new(), max_pending };
        Self { shared: Arc::new(shared) }
    }

    /// Keeps the letter, and warns of it unless its reason was warned of within the last minute.
    pub fn push(&self, letter: DeadLetter) {
        let letter = Arc::new(letter);
        let suppressed = {
            let mut state = self.shared.state.lock();
            state.keep_newest(&letter);
            state.pending_bytes += letter.size_bytes();
            state.pending.push_back(Arc::clone(&letter));
            state.bound_pending(self.shared.max_pending);
            state.warnings.admit(letter.reason, Instant::now())
        };
        self.shared.pushed.notify_one();
        if let Some(suppressed) = suppressed {
            tracing::warn!(
                reason = letter.reason.as_str(),
                source = letter.source,
                position = letter.position,
                detail = letter.detail,
                suppressed,
                "refused an event"
            );
        }
    }

    /// Keeps a letter of an earlier process among the newest; it was warned of, and written.
    fn remember(&self, letter: DeadLetter) {
        self.shared.state.lock().keep_newest(&Arc::new(letter));
    }

    /// The newest letters in memory, newest first.
    pub fn newest(&self, limit: usize) -> Vec<RecentLetter> {
        self.shared.state.lock().newest.iter().rev().take(limit).cloned().collect()
    }

    /// Takes up to `max` letters to be written, oldest first.
    pub fn take_pending(&self, max: usize) -> Vec<Arc<DeadLetter>> {
        let mut state = self.shared.state.lock();
        let count = state.pending.len().min(max);
        let taken: Vec<_> = state.pending.drain(..count).collect();
        state.pending_bytes -= taken.iter().map(|letter| letter.size_bytes()).sum::<usize>();
        taken
    }

    /// Returns when at least one letter waits to be written.
    pub async fn wait_pending(&self) {
        while self.shared.state.lock().pending.is_empty() {
            // A push between the check and this leaves a permit, so it is not missed.
            self.shared.pushed.notified().await;
        }
    }

    /// Letters of [`Self::take_pending`] that could not be written wait again, before all others.
    pub fn put_back(&self, letters: Vec<Arc<DeadLetter>>) {
        let mut state = self.shared.state.lock();
        for letter in letters.into_iter().rev() {
            state.pending_bytes += letter.size_bytes();
            state.pending.push_front(letter);
        }
        state.bound_pending(self.shared.max_pending);
        drop(state);
        self.shared.pushed.notify_one();
    }

    /// Counts letters that were written.
    pub fn count_written(&self, letters: u64) {
        self.shared.state.lock().counts.written += letters;
    }

    /// Counts an attempt to write that failed.
    pub fn count_failed_write(&self) {
        self.shared.state.lock().counts.failed_writes += 1;
    }

    pub fn counts(&self) -> DeadLetterCounts {
        let state = self.shared.state.lock();
        DeadLetterCounts { pending: state.pending.len() as u64, ..state.counts }
    }
}

impl State {
    fn keep_newest(&mut self, letter: &Arc<DeadLetter>) {
        let payload_bytes = letter.payload.len();
        let kept = if payload_bytes > NEWEST_PAYLOAD_BYTES {
            Arc::new(letter.cut())
        } else {
            Arc::clone(letter)
        };
        self.newest_bytes += kept.size_bytes();
        self.newest.push_back(RecentLetter { letter: kept, payload_bytes });
        while self.newest.len() > NEWEST_LETTERS || self.newest_bytes > NEWEST_BYTES {
            let Some(oldest) = self.newest.pop_front() else { break };
            self.newest_bytes -= oldest.letter.size_bytes();
        }
    }

    fn bound_pending(&mut self, max_pending: usize) {
        while self.pending.len() > max_pending || self.pending_bytes > PENDING_BYTES {
            let Some(oldest) = self.pending.pop_front() else { break };
            self.pending_bytes -= oldest.size_bytes();
            self.counts.discarded += 1;
        }
    }
}

#[cfg(test)]
mod tests;
