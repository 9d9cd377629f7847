//! `MULTI` to `EXEC`: commands that are kept together, or not at all.

use std::borrow::Cow;

use super::push::pushes;
use super::{Flow, Session, Turn};
use crate::door::protocol::Words;

/// What a transaction may hold.
const MOST_QUEUED_BYTES: usize = 8 << 20;

/// Commands that wait for `EXEC`.
#[derive(Default)]
pub(super) struct Transaction {
    queued: Vec<Vec<Vec<u8>>>,
    size_bytes: usize,
    pub(super) is_spoilt: bool,
}

impl Session {
    /// Within `MULTI`.
    pub(super) fn queue(&mut self, name: &[u8], words: &Words<'_>, turn: &mut Turn) -> Flow {
        if pushes(name)
            && let Err(refusal) = self.check_push(words, turn)
        {
            return self.fail(turn, &refusal);
        }
        // In the middle of an array the protocol would change.
        if matches!(name, b"HELLO" | b"AUTH") || name.ends_with(b"SUBSCRIBE") {
            return self.fail(turn, "ERR Command not allowed inside a transaction");
        }
        let Some(transaction) = &mut self.transaction else { return Flow::GoOn };
        transaction.size_bytes += words.iter().map(|word| word.len() + 32).sum::<usize>();
        if transaction.size_bytes > MOST_QUEUED_BYTES {
            transaction.queued = Vec::new();
            let error =
                format!("OOM command not allowed: a transaction of over {MOST_QUEUED_BYTES} bytes");
            return self.fail(turn, &error);
        }
        transaction.queued.push(words.iter().map(|word| word.to_vec()).collect());
        turn.replies.simple("QUEUED");
        Flow::GoOn
    }

    pub(super) fn exec(&mut self, turn: &mut Turn) -> Flow {
        let Some(transaction) = self.transaction.take() else {
            turn.replies.error(b"ERR EXEC without MULTI");
            return Flow::GoOn;
        };
        let mut queued = transaction.queued.iter();
        let refused_since =
            turn.refusal.is_some() && queued.any(|words| pushes(&words[0].to_ascii_uppercase()));
        if transaction.is_spoilt || refused_since {
            turn.replies.error(b"EXECABORT Transaction discarded because of previous errors.");
            return Flow::GoOn;
        }
        let start = turn.replies.bytes.len();
        let promised = turn.replies.promised();
        turn.replies.array(transaction.queued.len());
        let mut flow = Flow::GoOn;
        for words in &transaction.queued {
            let words: Words<'_> =
                words.iter().map(|word| Cow::Borrowed(word.as_slice())).collect();
            let name = words[0].to_ascii_uppercase();
            if self.execute(&name, &words, turn) == Flow::Close {
                flow = Flow::Close;
            }
        }
        // All of it or nothing: one answer.
        turn.replies.promise_all_since(start, promised);
        flow
    }
}
