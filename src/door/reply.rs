//! Replies, in the protocol's second and third version.
//!
//! A push is answered as soon as it is read, and the answer held back until it is kept. Should it
//! not be kept, its answer is replaced: so where such answers stand is remembered.

use std::ops::Range;

/// Replies in the order of their commands.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) bytes: Vec<u8>,
    /// The third version of the protocol is spoken.
    pub(super) resp3: bool,
    /// What is true only if the delivery is kept.
    promises: Vec<Range<usize>>,
}

impl Replies {
    pub(super) fn new(resp3: bool) -> Self {
        Self { resp3, ..Self::default() }
    }

    /// Replies that are written already.
    pub(super) fn written(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    pub(super) fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    pub(super) fn ok(&mut self) {
        self.simple("OK");
    }

    /// The first word is a code that clients know.
    pub(super) fn error(&mut self, text: &[u8]) {
        let one_line = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
        let text: Vec<u8> = text.iter().map(one_line).collect();
        self.line(b'-', &text);
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.line(b':', itoa::Buffer::new().format(number).as_bytes());
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.line(b'$', itoa::Buffer::new().format(bytes.len()).as_bytes());
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// So many replies follow, which belong to it.
    pub(super) fn array(&mut self, length: usize) {
        self.line(b'*', itoa::Buffer::new().format(length).as_bytes());
    }

    /// So many pairs of replies follow.
    pub(super) fn map(&mut self, pairs: usize) {
        let (kind, length) = if self.resp3 { (b'%', pairs) } else { (b'*', 2 * pairs) };
        self.line(kind, itoa::Buffer::new().format(length).as_bytes());
    }

    /// What was not asked for right now: so many replies follow.
    pub(super) fn push(&mut self, length: usize) {
        let kind = if self.resp3 { b'>' } else { b'*' };
        self.line(kind, itoa::Buffer::new().format(length).as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// What was written since `start` holds only if the delivery is kept.
    pub(super) fn promise(&mut self, start: usize) {
        self.promises.push(start..self.bytes.len());
    }

    /// How many promises there are.
    pub(super) fn promised(&self) -> usize {
        self.promises.len()
    }

    /// All that was written since `start` is one promise, in the place of those after the first
    /// `before`; if there are any.
    pub(super) fn promise_all_since(&mut self, start: usize, before: usize) {
        if self.promises.len() > before {
            self.promises.truncate(before);
            self.promise(start);
        }
    }

    /// What was written since `start` is not sent.
    pub(super) fn take_back(&mut self, start: usize) {
        self.bytes.truncate(start);
        self.promises.retain(|promise| promise.start < start);
    }

    /// What was promised did not become true.
    pub(super) fn broken(mut self, error: &str) -> Vec<u8> {
        let all = std::mem::take(&mut self.bytes);
        let mut end = 0;
        for Range { start, end: next } in std::mem::take(&mut self.promises) {
            self.bytes.extend_from_slice(&all[end..start]);
            self.error(error.as_bytes());
            end = next;
        }
        self.bytes.extend_from_slice(&all[end..]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_forms() {
        for (resp3, expected) in [
            (false, "+OK\r\n:-1\r\n$2\r\nab\r\n$-1\r\n*4\r\n*1\r\n-ERR a  b\r\n"),
            (true, "+OK\r\n:-1\r\n$2\r\nab\r\n_\r\n%2\r\n>1\r\n-ERR a  b\r\n"),
        ] {
            let mut replies = Replies::new(resp3);
            replies.ok();
            replies.integer(-1);
            replies.bulk(b"ab");
            replies.null();
            replies.map(2);
            replies.push(1);
            replies.error(b"ERR a\r\nb");
            assert_eq!(String::from_utf8_lossy(&replies.bytes), expected);
        }
    }

    #[test]
    fn only_what_was_promised_is_taken_back() {
        let mut replies = Replies::default();
        for number in 1..=3 {
            replies.simple("PONG");
            let start = replies.bytes.len();
            replies.integer(number);
            replies.promise(start);
        }
        replies.ok();
        let broken = replies.broken("MISCONF no");
        let pair = "+PONG\r\n-MISCONF no\r\n";
        assert_eq!(String::from_utf8_lossy(&broken), [pair, pair, pair, "+OK\r\n"].concat());
    }
}
