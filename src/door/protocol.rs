//! Commands as they arrive: arrays of bulk strings, or a line typed by hand.
//!
//! What is checked, and the words of refusals, are Redis' own, because clients know them. A command
//! may arrive in any number of pieces: what was taken apart of it is remembered, so a long one is
//! looked at once. Nothing is allocated for what a length only promises.

use std::borrow::Cow;
use std::ops::Range;

/// A line: a length, or a command typed by hand.
const MOST_LINE_BYTES: usize = 64 << 10;
/// Arguments of one command.
const MOST_ARGUMENTS: usize = 1 << 20;
/// One argument.
pub(super) const MOST_BULK_BYTES: usize = 8 << 20;
/// Whoever has not logged in yet may say as much as a login takes.
const MOST_ARGUMENTS_BEFORE_LOGIN: usize = 10;
const MOST_BULK_BYTES_BEFORE_LOGIN: usize = 16 << 10;

/// A command's words; those of an array are where they arrived.
pub(super) type Words<'b> = Vec<Cow<'b, [u8]>>;

/// Why a connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What Redis says, before it closes.
    Protocol(String),
    /// A browser, or something else that speaks HTTP: it gets no answer.
    Http,
    /// A TLS greeting where none is spoken: the same.
    Tls,
}

/// What the bytes from some place on begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'b> {
    /// A command, and how many bytes it took; no words: nothing to do.
    Command(Words<'b>, usize),
    /// Not all of it is there.
    Incomplete,
}

/// What is known of the command that is arriving; places count from its first byte.
#[derive(Debug, Default)]
pub(super) struct Parser {
    words: Vec<Range<usize>>,
    /// Words to come; `None`: it has not begun.
    left: Option<usize>,
    at: usize,
}

impl Parser {
    /// Takes the command apart that `bytes` begin with.
    pub(super) fn next<'b>(&mut self, bytes: &'b [u8], logged_in: bool) -> Result<Next<'b>, Fault> {
        if self.left.is_none() {
            match bytes.first() {
                None => return Ok(Next::Incomplete),
                Some(b'*') => {}
                Some(0x16) => return Err(Fault::Tls),
                Some(_) => return inline(bytes),
            }
            let limit = if logged_in { MOST_ARGUMENTS } else { MOST_ARGUMENTS_BEFORE_LOGIN };
            let Some((line, end)) = line(bytes, 1, "too big mbulk count string")? else {
                return Ok(Next::Incomplete);
            };
            let count = match number(line) {
                Some(count) if count <= limit as i64 => usize::try_from(count).unwrap_or(0),
                Some(count) if !logged_in && count <= MOST_ARGUMENTS as i64 => {
                    return Err(protocol("unauthenticated multibulk length"));
                }
                _ => return Err(protocol("invalid multibulk length")),
            };
            self.left = Some(count);
            self.at = end;
        }
        while let Some(left @ 1..) = self.left {
            let Some(kind) = bytes.get(self.at) else { return Ok(Next::Incomplete) };
            if *kind != b'$' {
                let kind = char::from(*kind).escape_default();
                return Err(protocol(&format!("expected '$', got '{kind}'")));
            }
            let Some((line, start)) = line(bytes, self.at + 1, "too big bulk count string")? else {
                return Ok(Next::Incomplete);
            };
            let length = number(line).and_then(|length| usize::try_from(length).ok());
            let length = match length {
                Some(length) if length <= MOST_BULK_BYTES => length,
                _ => return Err(protocol("invalid bulk length")),
            };
            if !logged_in && length > MOST_BULK_BYTES_BEFORE_LOGIN {
                return Err(protocol("unauthenticated bulk length"));
            }
            let end = start + length;
            match bytes.get(end..end + 2) {
                None => return Ok(Next::Incomplete),
                Some(b"\r\n") => {}
                Some(_) => return Err(protocol("expected CRLF behind a bulk string")),
            }
            self.words.push(start..end);
            self.left = Some(left - 1);
            self.at = end + 2;
        }
        let words = self.words.drain(..).map(|word| Cow::Borrowed(&bytes[word])).collect();
        self.left = None;
        Ok(Next::Command(words, self.at))
    }

    /// How many bytes the command that is arriving has at least, as far as that is known.
    pub(super) fn at_least(&self, bytes: &[u8]) -> usize {
        let announced = || {
            let at = self.left.map(|_| self.at)?;
            let (line, start) = line(bytes, at + 1, "").ok()??;
            Some(start + usize::try_from(number(line)?).ok()? + 2)
        };
        announced().unwrap_or(0)
    }
}

fn protocol(what: &str) -> Fault {
    Fault::Protocol(format!("ERR Protocol error: {what}"))
}

/// The line from `start` on, and where the next one begins; `None` where it is not whole.
fn line<'b>(
    bytes: &'b [u8],
    start: usize,
    too_long: &str,
) -> Result<Option<(&'b [u8], usize)>, Fault> {
    let rest = bytes.get(start..).unwrap_or_default();
    match memchr::memchr(b'\r', &rest[..rest.len().min(MOST_LINE_BYTES)]) {
        None if rest.len() >= MOST_LINE_BYTES => Err(protocol(too_long)),
        None => Ok(None),
        Some(end) => match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => Ok(Some((&rest[..end], start + end + 2))),
            Some(_) => Err(protocol("expected LF behind CR")),
        },
    }
}

fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = digits == b"0" || !digits.starts_with(b"0");
    let plain = plain && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// A line typed by hand.
fn inline(bytes: &[u8]) -> Result<Next<'_>, Fault> {
    let Some(end) = memchr::memchr(b'\n', &bytes[..bytes.len().min(MOST_LINE_BYTES)]) else {
        return match bytes.len() {
            0..MOST_LINE_BYTES => Ok(Next::Incomplete),
            _ => Err(protocol("too big inline request")),
        };
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    let words = words(line).ok_or_else(|| protocol("unbalanced quotes in request"))?;
    match words.first() {
        Some(first)
            if first.eq_ignore_ascii_case(b"POST") || first.eq_ignore_ascii_case(b"Host:") =>
        {
            Err(Fault::Http)
        }
        _ => Ok(Next::Command(words.into_iter().map(Cow::Owned).collect(), end + 1)),
    }
}

/// Words between blanks; in double quotes with escapes, in single quotes as they stand. `None`:
/// a quote is not closed, or something follows it.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut left = line.trim_ascii_start();
    while let Some(first) = left.first() {
        let mut word = Vec::new();
        let quote = matches!(first, b'"' | b'\'').then_some(*first);
        let mut at = usize::from(quote.is_some());
        loop {
            let byte = left.get(at).copied();
            at += 1;
            match (byte, quote) {
                (None, None) => break,
                (None, Some(_)) => return None,
                (Some(byte), None) if byte.is_ascii_whitespace() || byte == 0 => break,
                (Some(byte), Some(quote)) if byte == quote => {
                    if left.get(at).is_some_and(|byte| !byte.is_ascii_whitespace()) {
                        return None;
                    }
                    break;
                }
                (Some(b'\\'), Some(b'"')) => {
                    let (byte, taken) = escaped(&left[at..])?;
                    word.push(byte);
                    at += taken;
                }
                (Some(b'\\'), Some(_)) if left.get(at) == Some(&b'\'') => {
                    word.push(b'\'');
                    at += 1;
                }
                (Some(byte), _) => word.push(byte),
            }
        }
        words.push(word);
        left = left.get(at..).unwrap_or_default().trim_ascii_start();
    }
    Some(words)
}

/// What stands behind a backslash, and how many bytes it takes.
fn escaped(rest: &[u8]) -> Option<(u8, usize)> {
    if let [b'x', high, low, ..] = rest
        && let (Some(high), Some(low)) =
            (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
    {
        return Some(((high * 16 + low) as u8, 3));
    }
    let byte = match rest.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => *other,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of the bytes, and how the last one that is not whole ends.
    fn commands(bytes: &[u8], logged_in: bool) -> (Vec<Vec<String>>, Result<(), Fault>) {
        let (mut parser, mut at, mut commands) = (Parser::default(), 0, Vec::new());
        loop {
            match parser.next(&bytes[at..], logged_in) {
                Ok(Next::Command(words, taken)) => {
                    let text = |word: &Cow<'_, [u8]>| word.escape_ascii().to_string();
                    commands.push(words.iter().map(text).collect());
                    at += taken;
                }
                Ok(Next::Incomplete) => return (commands, Ok(())),
                Err(fault) => return (commands, Err(fault)),
            }
        }
    }

    #[test]
    fn commands_are_told_apart_however_they_arrive() {
        let bytes = b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n\r\n*0\r\nPING  x\r\nSET \"a\\x41\\n\" 'b\\'c' \n*-1\r\n*1\r\n$4\r\nPING\r\n";
        let expected: &[&[&str]] = &[
            &["ECHO", "a\\r\\n"],
            &[],
            &[],
            &["PING", "x"],
            &["SET", "aA\\n", "b\\'c"],
            &[],
            &["PING"],
        ];
        let (found, end) = commands(bytes, true);
        assert_eq!(
            (found, end),
            (
                expected
                    .iter()
                    .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
                    .collect(),
                Ok(())
            )
        );
        // One byte at a time, with what was taken apart remembered.
        let (mut parser, mut begin, mut found) = (Parser::default(), 0, 0);
        for end in 1..=bytes.len() {
            while let Next::Command(_, taken) =
                parser.next(&bytes[begin..end], true).expect("well-formed")
            {
                begin += taken;
                found += 1;
            }
        }
        assert_eq!((begin, found), (bytes.len(), expected.len()));
    }

    #[test]
    fn what_is_broken_is_said_in_redis_words() {
        let cases: [(&[u8], bool, &str); 14] = [
            (b"*x\r\n", true, "invalid multibulk length"),
            (b"*01\r\n", true, "invalid multibulk length"),
            (b"*2000000\r\n", true, "invalid multibulk length"),
            (b"*11\r\n", false, "unauthenticated multibulk length"),
            (b"*1\r\n$-1\r\n", true, "invalid bulk length"),
            (b"*1\r\n$8388609\r\n", true, "invalid bulk length"),
            (b"*1\r\n$16385\r\n", false, "unauthenticated bulk length"),
            (b"*1\r\n:1\r\n", true, "expected '$', got ':'"),
            (b"*1\r\n*1\r\n", true, "expected '$', got '*'"),
            (b"*1\r\n$1\r\nabc", true, "expected CRLF behind a bulk string"),
            (b"*1\r$", true, "expected LF behind CR"),
            (b"PING \"a\r\n", true, "unbalanced quotes in request"),
            (b"PING \"a\"b\r\n", true, "unbalanced quotes in request"),
            (b"PING 'a\r\n", true, "unbalanced quotes in request"),
        ];
        for (bytes, logged_in, what) in cases {
            assert_eq!(commands(bytes, logged_in), (Vec::new(), Err(protocol(what))), "{what}");
        }
        let long = vec![b'a'; MOST_LINE_BYTES];
        assert_eq!(commands(&long, true).1, Err(protocol("too big inline request")));
        let long = [b"*".as_slice(), &vec![b'1'; MOST_LINE_BYTES]].concat();
        assert_eq!(commands(&long, true).1, Err(protocol("too big mbulk count string")));
    }

    #[test]
    fn what_speaks_something_else_gets_no_answer() {
        for bytes in
            [b"POST / HTTP/1.1\r\n".as_slice(), b"host: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"]
        {
            assert_eq!(commands(bytes, true).1, Err(Fault::Http));
        }
        assert_eq!(commands(b"\x16\x03\x01", true).1, Err(Fault::Tls));
    }

    #[test]
    fn how_much_is_to_come_is_known_from_a_length() {
        let (mut parser, bytes) = (Parser::default(), b"*2\r\n$4\r\nECHO\r\n$1000\r\nab");
        assert_eq!(parser.next(bytes, true), Ok(Next::Incomplete));
        assert_eq!(parser.at_least(bytes), 21 + 1000 + 2);
    }
}
