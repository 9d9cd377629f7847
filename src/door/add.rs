//! `XADD`: its options, which stand in any order, and the id that is asked for.
//!
//! Nothing is stored in a stream, so what bounds one is checked and has no effect. The words of
//! refusals are those of Redis 7.0, and of 8.6 for what came with it.

use std::borrow::Cow;

use super::keys::AskedId;
use crate::model::StreamId;

/// What stands before the fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Add {
    pub(super) id: AskedId,
    pub(super) once: Option<Once>,
    /// Where the fields begin.
    pub(super) fields_at: usize,
}

/// How the producer tells that an entry is the same one again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Once {
    /// By an id of the producer's.
    Given { producer: Vec<u8>, id: Vec<u8> },
    /// By what is in it.
    Content { producer: Vec<u8> },
}

const ARITY: &str = "ERR wrong number of arguments for 'xadd' command";
const SYNTAX: &str = "ERR syntax error";
const INVALID_ID: &str = "ERR Invalid stream ID specified as stream command argument";

/// Reads a command of `XADD key …`.
pub(super) fn read(words: &[Cow<'_, [u8]>]) -> Result<Add, &'static str> {
    let mut at = 2;
    let mut bound: Option<Bound> = None;
    let mut once = None;
    let word = |at: usize| words.get(at).map(AsRef::as_ref);
    loop {
        let option = word(at).ok_or(ARITY)?.to_ascii_uppercase();
        match option.as_slice() {
            b"NOMKSTREAM" | b"KEEPREF" | b"DELREF" | b"ACKED" => at += 1,
            b"MAXLEN" | b"MINID" => {
                let (read, next) = Bound::read(words, at, bound)?;
                bound = Some(read);
                at = next;
            }
            b"LIMIT" => {
                let limit = word(at + 1).ok_or(SYNTAX)?;
                let limit = number(limit).ok_or("ERR value is not an integer or out of range")?;
                if limit < 0 {
                    return Err("ERR The LIMIT argument must be >= 0.");
                }
                match bound {
                    None => {
                        return Err("ERR syntax error, LIMIT cannot be used without specifying a \
                                    trimming strategy");
                    }
                    Some(Bound { about: false, .. }) => {
                        return Err(
                            "ERR syntax error, LIMIT cannot be used without the special ~ \
                                    option",
                        );
                    }
                    Some(_) => at += 2,
                }
            }
            b"IDMP" | b"IDMPAUTO" if once.is_some() => {
                return Err("ERR IDMP/IDMPAUTO specified multiple times");
            }
            b"IDMP" => {
                let (producer, id) =
                    (word(at + 1).ok_or(SYNTAX)?.to_vec(), word(at + 2).ok_or(SYNTAX)?.to_vec());
                if producer.is_empty() {
                    return Err("ERR IDMP requires a non-empty producer ID");
                }
                if id.is_empty() {
                    return Err("ERR IDMP requires a non-empty idempotent ID");
                }
                once = Some(Once::Given { producer, id });
                at += 3;
            }
            b"IDMPAUTO" => {
                let producer = word(at + 1).ok_or(SYNTAX)?.to_vec();
                if producer.is_empty() {
                    return Err("ERR IDMPAUTO requires a non-empty producer ID");
                }
                once = Some(Once::Content { producer });
                at += 2;
            }
            id => {
                let id = asked_id(id).ok_or(INVALID_ID)?;
                if once.is_some() && id != AskedId::Next {
                    return Err("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs");
                }
                let fields = words.len() - at - 1;
                if fields == 0 || fields % 2 == 1 {
                    return Err(ARITY);
                }
                return Ok(Add { id, once, fields_at: at + 1 });
            }
        }
    }
}

/// `MAXLEN` or `MINID`.
#[derive(Clone, Copy)]
struct Bound {
    by_length: bool,
    about: bool,
}

impl Bound {
    /// Reads it at `at`, and says what follows it.
    fn read(
        words: &[Cow<'_, [u8]>],
        at: usize,
        before: Option<Self>,
    ) -> Result<(Self, usize), &'static str> {
        let by_length = words[at].eq_ignore_ascii_case(b"MAXLEN");
        if before.is_some_and(|before| before.by_length != by_length) {
            return Err("ERR syntax error, MAXLEN and MINID options at the same time are not \
                        compatible");
        }
        let sign = words.get(at + 1).ok_or(SYNTAX)?;
        let about = sign.as_ref() == b"~";
        let threshold_at = if about || sign.as_ref() == b"=" { at + 2 } else { at + 1 };
        let threshold = words.get(threshold_at).ok_or(SYNTAX)?;
        if by_length {
            match number(threshold) {
                None => return Err("ERR value is not an integer or out of range"),
                Some(..0) => return Err("ERR The MAXLEN argument must be >= 0."),
                Some(_) => {}
            }
        } else if id(threshold).is_none() {
            return Err(INVALID_ID);
        }
        Ok((Self { by_length, about }, threshold_at + 1))
    }
}

fn number(text: &[u8]) -> Option<i64> {
    str::from_utf8(text).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

fn digits(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `5` or `5-3`.
fn id(text: &[u8]) -> Option<StreamId> {
    match text.iter().position(|byte| *byte == b'-') {
        None => Some(StreamId::new(digits(text)?, 0)),
        Some(at) => Some(StreamId::new(digits(&text[..at])?, digits(&text[at + 1..])?)),
    }
}

fn asked_id(text: &[u8]) -> Option<AskedId> {
    match text {
        b"*" => Some(AskedId::Next),
        _ => match text.strip_suffix(b"-*") {
            Some(milliseconds) => Some(AskedId::NextWithin(digits(milliseconds)?)),
            None => Some(AskedId::Exactly(id(text)?)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Add, &'static str> {
        let words: Vec<_> = line.split(' ').map(|word| Cow::Borrowed(word.as_bytes())).collect();
        read(&words)
    }

    #[test]
    fn options_stand_in_any_order() {
        let next = |fields_at| Add { id: AskedId::Next, once: None, fields_at };
        for (line, expected) in [
            ("XADD s * a b", next(3)),
            ("XADD s nomkstream maxlen ~ 5 limit 3 * a b", next(9)),
            ("XADD s MAXLEN 5 MAXLEN = 6 KEEPREF * a b c d", next(9)),
            ("XADD s MINID ~ 5-1 ACKED * a b", next(7)),
            ("XADD s 5 a b", Add { id: AskedId::Exactly(StreamId::new(5, 0)), ..next(3) }),
            ("XADD s 5-7 a b", Add { id: AskedId::Exactly(StreamId::new(5, 7)), ..next(3) }),
            ("XADD s 5-* a b", Add { id: AskedId::NextWithin(5), ..next(3) }),
        ] {
            assert_eq!(read_line(line), Ok(expected), "{line}");
        }
        let given = Once::Given { producer: b"p".into(), id: b"i".into() };
        let expected = Add { once: Some(given), ..next(9) };
        assert_eq!(read_line("XADD s IDMP p i MAXLEN ~ 5 * a b"), Ok(expected));
        let content = Add { once: Some(Once::Content { producer: b"p".into() }), ..next(8) };
        assert_eq!(read_line("XADD s MAXLEN ~ 5 idmpauto p * a b"), Ok(content));
    }

    #[test]
    fn refusals_are_those_of_redis() {
        for (line, expected) in [
            ("XADD s *", ARITY),
            ("XADD s * a", ARITY),
            ("XADD s MAXLEN ~ 5", ARITY),
            ("XADD s MAXLEN", SYNTAX),
            ("XADD s MAXLEN x * a b", "ERR value is not an integer or out of range"),
            ("XADD s MAXLEN -1 * a b", "ERR The MAXLEN argument must be >= 0."),
            ("XADD s MINID x * a b", INVALID_ID),
            ("XADD s - a b", INVALID_ID),
            ("XADD s *-1 a b", INVALID_ID),
            ("XADD s 1-2-3 a b", INVALID_ID),
            ("XADD s 18446744073709551616 a b", INVALID_ID),
            ("XADD s IDMP p i 5 a b", "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"),
            ("XADD s IDMPAUTO p IDMP p i * a b", "ERR IDMP/IDMPAUTO specified multiple times"),
            ("XADD s IDMP  i * a b", "ERR IDMP requires a non-empty producer ID"),
            ("XADD s IDMP p  * a b", "ERR IDMP requires a non-empty idempotent ID"),
            ("XADD s IDMPAUTO  * a b", "ERR IDMPAUTO requires a non-empty producer ID"),
            ("XADD s MAXLEN ~ 1 LIMIT -1 * a b", "ERR The LIMIT argument must be >= 0."),
            (
                "XADD s LIMIT 1 * a b",
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ),
            (
                "XADD s MAXLEN 1 LIMIT 1 * a b",
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ),
            (
                "XADD s MAXLEN 1 MINID 1 * a b",
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ),
        ] {
            assert_eq!(read_line(line), Err(expected), "{line}");
        }
    }
}
