//! Pages of entries, from the replies that hold them. The entries share the reply's bytes.

use std::slice::Iter;

use bytes::Bytes;
use redis::RedisError;

use super::Error;
use super::resp::{Frame, Token, range};
use crate::model::{Body, StreamId};

/// An entry's id, and its fields unless it was deleted while pending.
pub type StreamEntry = (StreamId, Option<Body>);

/// A reply to a command of a key, for what is to be said when it is not as expected.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub command: &'static str,
    pub key: &'a str,
}

impl Asked<'_> {
    pub fn failed(self, error: RedisError) -> Error {
        Error::Command { command: self.command, key: self.key.to_owned(), error }
    }

    /// The error that the server answered with, or what it answered else.
    fn unexpected(self, frame: &Frame<'_>, expected: &'static str) -> Error {
        let found = match frame.value() {
            Err(error) => return self.failed(error),
            Ok(value) => value,
        };
        let mut found = format!("{found:?}");
        found.truncate(found.floor_char_boundary(200));
        Error::Reply { command: self.command, key: self.key.to_owned(), found, expected }
    }
}

/// The items of an `LRANGE`.
pub fn items(asked: Asked<'_>, frame: &Frame<'_>) -> Result<Vec<Bytes>, Error> {
    let [Token::Array(_), items @ ..] = frame.tokens else {
        return Err(asked.unexpected(frame, "an array"));
    };
    let item = |token: &Token| match token {
        Token::Bulk { start, size_bytes } => Ok(frame.slice(*start, *size_bytes)),
        _ => Err(asked.unexpected(frame, "bulk strings")),
    };
    items.iter().map(item).collect()
}

/// The entries that `XREAD` or `XREADGROUP` of one key returned; empty for nil.
pub fn stream_entries(asked: Asked<'_>, frame: &Frame<'_>) -> Result<Vec<StreamEntry>, Error> {
    let unexpected = |expected| asked.unexpected(frame, expected);
    let (entries, rest) = match frame.tokens {
        [Token::Null] | [Token::Array(0)] => return Ok(Vec::new()),
        [
            Token::Array(1),
            Token::Array(2),
            Token::Bulk { .. },
            Token::Array(entries),
            rest @ ..,
        ] => (*entries, rest),
        _ => return Err(unexpected("an array of one stream: [key, entries]")),
    };
    let mut reader = Reader { frame, tokens: rest.iter() };
    let mut read = Vec::with_capacity(entries as usize);
    for _ in 0..entries {
        read.push(reader.entry().ok_or_else(|| unexpected("[id, fields] of each entry"))?);
    }
    Ok(read)
}

struct Reader<'f> {
    frame: &'f Frame<'f>,
    tokens: Iter<'f, Token>,
}

impl Reader<'_> {
    fn entry(&mut self) -> Option<StreamEntry> {
        let Token::Array(2) = self.tokens.next()? else { return None };
        let Token::Bulk { start, size_bytes } = self.tokens.next()? else { return None };
        let id = stream_id(&self.frame.bytes[range(*start, *size_bytes)])?;
        let body = match self.tokens.next()? {
            Token::Null => return Some((id, None)),
            Token::Array(2) => Body::Field { name: self.bulk()?, value: self.bulk()? },
            Token::Array(parts) => {
                let field = |_| Some((self.bulk()?, self.bulk()?));
                Body::Fields((0..parts / 2).map(field).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some((id, Some(body)))
    }

    fn bulk(&mut self) -> Option<Bytes> {
        match self.tokens.next()? {
            Token::Bulk { start, size_bytes } => Some(self.frame.slice(*start, *size_bytes)),
            _ => None,
        }
    }
}

/// `<milliseconds>-<sequence>` as Redis sends it.
pub fn stream_id(bytes: &[u8]) -> Option<StreamId> {
    let dash = bytes.iter().position(|byte| *byte == b'-')?;
    let number = |digits: &[u8]| {
        let digit = |value: u64, byte: &u8| match byte {
            b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
            _ => None,
        };
        if digits.is_empty() { None } else { digits.iter().try_fold(0, digit) }
    };
    Some(StreamId::new(number(&bytes[..dash])?, number(&bytes[dash + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::resp::Scanner;

    const ASKED: Asked<'_> = Asked { command: "XREAD", key: "s" };

    fn with_frame<T>(reply: &'static [u8], read: impl FnOnce(&Frame<'_>) -> T) -> T {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.scan(reply).expect("the protocol"), Some(reply.len()));
        read(&Frame { bytes: Bytes::from_static(reply), tokens: scanner.tokens() })
    }

    fn entries(reply: &'static [u8]) -> Result<Vec<StreamEntry>, Error> {
        with_frame(reply, |frame| stream_entries(ASKED, frame))
    }

    #[test]
    fn an_entry_has_one_field_several_or_none_any_more() {
        let read = entries(
            b"*1\r\n*2\r\n$1\r\ns\r\n*3\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$2\r\n{}\r\n\
              *2\r\n$3\r\n1-1\r\n*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$0\r\n\r\n\
              *2\r\n$3\r\n2-0\r\n*-1\r\n",
        );
        let shown = format!("{:?}", read.expect("a page"));
        let expected = "[(StreamId { milliseconds: 1, sequence: 0 }, \
            Some(Field { name: b\"d\", value: b\"{}\" })), \
            (StreamId { milliseconds: 1, sequence: 1 }, \
            Some(Fields([(b\"a\", b\"1\"), (b\"b\", b\"\")]))), \
            (StreamId { milliseconds: 2, sequence: 0 }, None)]";
        assert_eq!(shown, expected);
        assert!(entries(b"*-1\r\n").expect("nothing").is_empty());
    }

    #[test]
    fn what_is_no_page_is_said() {
        for (reply, expected) in [
            (&b"-NOGROUP No such key\r\n"[..], "XREAD on `s`: \"NOGROUP\""),
            (b"+OK\r\n", "answered ok, expected an array of one stream"),
            (b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$1\r\nx\r\n*0\r\n", "expected [id, fields]"),
        ] {
            let error = entries(reply).expect_err("no page").to_string();
            assert!(error.contains(expected), "{error}");
        }
        let items = with_frame(b"*2\r\n$1\r\na\r\n:1\r\n", |frame| items(ASKED, frame));
        let error = items.expect_err("no page").to_string();
        assert!(error.contains("expected bulk strings"), "{error}");
    }

    #[test]
    fn an_id_is_read_as_anywhere_else() {
        for text in ["0-0", "1700000000000-12", "18446744073709551615-18446744073709551615"] {
            assert_eq!(stream_id(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in ["", "-", "1-", "-1", "1", "1-x", "18446744073709551616-0", "1-2-3"] {
            assert_eq!(stream_id(text.as_bytes()), None, "{text}");
        }
    }
}
