//! Replies of Redis (RESP 2), found in the bytes received without copying any of them.
//!
//! A reply becomes its bytes and one token for each element, in the order they stand there: an
//! array is followed by its elements. So a page of entries costs no allocation of its own, and
//! what is kept of it are slices that share the bytes. The scanner goes on where the bytes ended:
//! however a reply arrives, each of its elements is looked at once.
//!
//! The protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use std::io;
use std::ops::Range;

use bytes::Bytes;
use redis::{RedisError, Value};

/// One element of a reply. A place is that of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// So many elements follow, of which each may be an array in turn.
    Array(u32),
    Bulk {
        start: usize,
        size_bytes: u32,
    },
    Null,
    /// A line: a number, an error or another simple string, whose kind its first byte tells.
    Line {
        kind: u8,
    },
}

/// What is known of a reply that arrives.
#[derive(Debug, Default)]
pub struct Scanner {
    tokens: Vec<Token>,
    /// Bytes that the tokens cover.
    at: usize,
    /// Elements that are still to come; 0 when nothing of the reply was seen.
    missing: u64,
}

/// A whole reply.
#[derive(Debug)]
pub struct Frame<'t> {
    pub bytes: Bytes,
    pub tokens: &'t [Token],
}

impl Scanner {
    /// Goes on with a reply that begins where `bytes` begin; its length in bytes once it is whole.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, RedisError> {
        if self.missing == 0 {
            self.tokens.clear();
            (self.at, self.missing) = (0, 1);
        }
        while self.missing > 0 {
            let Some((token, end)) = token(bytes, self.at)? else { return Ok(None) };
            self.missing -= 1;
            if let Token::Array(elements) = token {
                self.missing += u64::from(elements);
            }
            self.tokens.push(token);
            self.at = end;
        }
        Ok(Some(self.at))
    }

    /// The tokens of the reply that became whole last.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

impl Frame<'_> {
    /// As the redis crate has it; an error of the server is an error.
    pub fn value(&self) -> Result<Value, RedisError> {
        redis::parse_redis_value(&self.bytes)?.extract_error()
    }

    /// The content of a bulk string.
    pub fn slice(&self, start: usize, size_bytes: u32) -> Bytes {
        self.bytes.slice(range(start, size_bytes))
    }
}

pub fn range(start: usize, size_bytes: u32) -> Range<usize> {
    start..start + size_bytes as usize
}

/// The token at `at` and where the next one begins; `None` while its end is missing.
fn token(bytes: &[u8], at: usize) -> Result<Option<(Token, usize)>, RedisError> {
    let Some(kind) = bytes.get(at) else { return Ok(None) };
    match kind {
        b'$' | b'*' => {
            let Some((number, start)) = number(bytes, at + 1)? else { return Ok(None) };
            let Some(number) = number else { return Ok(Some((Token::Null, start))) };
            if *kind == b'*' {
                return Ok(Some((Token::Array(number), start)));
            }
            let end = range(start, number).end + 2;
            Ok((end <= bytes.len()).then_some((Token::Bulk { start, size_bytes: number }, end)))
        }
        b':' | b'+' | b'-' => {
            let end = bytes[at..].iter().position(|byte| *byte == b'\n');
            Ok(end.map(|end| (Token::Line { kind: *kind }, at + end + 1)))
        }
        other => Err(malformed(format!("a reply begins with byte {other}"))),
    }
}

/// A length, `None` for -1, and where its line ends; `None` while that is missing.
type Length = Option<(Option<u32>, usize)>;

fn number(bytes: &[u8], start: usize) -> Result<Length, RedisError> {
    let mut value: u32 = 0;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte - b'0');
                value = value
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(digit))
                    .ok_or_else(|| malformed("a length above 4294967295".into()))?;
            }
            b'\n' => return Ok(Some((Some(value), at + 1))),
            b'\r' => {}
            b'-' if at == start => {
                let end = bytes[at..].iter().position(|byte| *byte == b'\n');
                return Ok(end.map(|end| (None, at + end + 1)));
            }
            other => return Err(malformed(format!("a length contains byte {other}"))),
        }
    }
    Ok(None)
}

fn malformed(what: String) -> RedisError {
    let what = format!("not the protocol of Redis: {what}");
    io::Error::new(io::ErrorKind::InvalidData, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] =
        b"*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$4\r\n\r\n{}\r\n*2\r\n$3\r\n2-0\r\n*-1\r\n";

    fn scan_whole(bytes: &[u8]) -> Vec<Token> {
        let mut scanner = Scanner::default();
        let end = scanner.scan(bytes).expect("the protocol");
        assert_eq!(end, Some(bytes.len()));
        scanner.tokens().to_vec()
    }

    #[test]
    fn a_page_is_found_however_it_arrives() {
        let expected = scan_whole(PAGE);
        let contents: Vec<&[u8]> = expected
            .iter()
            .filter_map(|token| match token {
                Token::Bulk { start, size_bytes } => Some(&PAGE[range(*start, *size_bytes)]),
                _ => None,
            })
            .collect();
        assert_eq!(contents, [&b"1-0"[..], b"d", b"\r\n{}", b"2-0"]);
        assert_eq!((expected[0], expected.len()), (Token::Array(2), 9));
        assert_eq!(expected.last(), Some(&Token::Null));
        for step in 1..PAGE.len() {
            let mut scanner = Scanner::default();
            let whole = (1..=PAGE.len().div_ceil(step)).find_map(|steps| {
                let arrived = &PAGE[..PAGE.len().min(steps * step)];
                scanner.scan(arrived).expect("the protocol")
            });
            assert_eq!((whole, scanner.tokens()), (Some(PAGE.len()), &expected[..]), "{step}");
        }
    }

    #[test]
    fn a_reply_ends_where_the_next_one_begins() {
        let mut scanner = Scanner::default();
        for (reply, token) in [
            (&b"+OK\r\n"[..], Token::Line { kind: b'+' }),
            (b":-12\r\n", Token::Line { kind: b':' }),
            (b"-ERR no\r\n", Token::Line { kind: b'-' }),
            (b"$-1\r\n", Token::Null),
            (b"$0\r\n\r\n", Token::Bulk { start: 4, size_bytes: 0 }),
            (b"*0\r\n", Token::Array(0)),
        ] {
            let bytes = [reply, b"+next\r\n"].concat();
            assert_eq!(scanner.scan(&bytes).expect("the protocol"), Some(reply.len()));
            assert_eq!(scanner.tokens(), [token]);
        }
    }

    #[test]
    fn something_else_than_redis_is_an_error() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 400\r\n"[..], "byte 72"),
            (b"*99999999999\r\n", "above 4294967295"),
            (b"*1\r\n$1x\r\n", "contains byte 120"),
        ] {
            let error = Scanner::default().scan(bytes).expect_err("not the protocol");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
