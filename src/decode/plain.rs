//! Plain JSON, read in one pass: what nearly every producer sends.
//!
//! Plain are strings without escapes, numbers, words, and arrays and objects of them. Text that is
//! anything else, or that is broken, is no matter of this module: `None` means that serde_json is
//! to read it, and to say what is wrong with it. Both must find the same, which the tests compare;
//! so nothing here needs to be lenient, and nothing may be.

use std::ops::Range;

use super::fields::{Fields, Input};
use crate::model::Span;

/// Arrays and objects within each other, in a field. An event has two at most.
const MOST_LEVELS: u32 = 8;

/// A member of an object of plain values: where its parts stand in the object's text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    name: Span,
    value: Span,
    /// The value is a string, of which `value` is the content; else a number or a word.
    is_text: bool,
}

impl Pair {
    pub(super) fn name<'a>(&self, object: &'a str) -> &'a str {
        &object[self.name.range()]
    }

    pub(super) fn value<'a>(&self, object: &'a str) -> Value<'a> {
        let value = &object[self.value.range()];
        if self.is_text { Value::Text(value) } else { Value::Literal(value) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Literal(&'a str),
}

/// An event's fields and where the object ends that begins at `start`. The pairs of its labels
/// are put into `pairs`.
pub(super) fn event<'a>(
    text: &'a str,
    start: usize,
    pairs: &'a mut Vec<Pair>,
) -> Option<(Fields<'a>, usize)> {
    let mut scanner = Scanner { text, at: start };
    let mut fields = Fields::default();
    let mut has_pairs = false;
    scanner.object(|scanner, key| {
        let field = match &text[key] {
            "type" => &mut fields.metric_type,
            "name" => &mut fields.name,
            "value" => &mut fields.value,
            "help" => &mut fields.help,
            "mode" => &mut fields.mode,
            "labels" => {
                let start = scanner.at;
                has_pairs = scanner.pairs(pairs).is_some();
                if !has_pairs {
                    scanner.at = start;
                    scanner.value(MOST_LEVELS)?;
                }
                fields.labels = Input::Json(&text[start..scanner.at]);
                return Some(());
            }
            other => {
                let value = Input::Json(&text[scanner.value(MOST_LEVELS)?]);
                match other {
                    "buckets" => fields.buckets = value,
                    "quantiles" => fields.quantiles = value,
                    "epsilons" => fields.epsilons = value,
                    _ => {}
                }
                return Some(());
            }
        };
        *field = match scanner.peek()? {
            b'"' => Input::Plain(&text[scanner.string()?]),
            _ => Input::Json(&text[scanner.value(MOST_LEVELS)?]),
        };
        Some(())
    })?;
    fields.label_pairs = has_pairs.then_some(pairs);
    Some((fields, scanner.at))
}

/// Finds the members of an object that is all of `text`, if they are plain values.
pub(super) fn pairs(text: &str, pairs: &mut Vec<Pair>) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.pairs(pairs)?;
    (scanner.at == text.len()).then_some(())
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads an object; `member` reads each value, and is told where its name stands.
    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Range<usize>) -> Option<()>,
    ) -> Option<()> {
        self.expect(b'{')?;
        self.blanks();
        if self.expect(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            member(self, key)?;
            if self.is_last(b'}')? {
                return Some(());
            }
        }
    }

    /// Reads an object of plain values.
    fn pairs(&mut self, pairs: &mut Vec<Pair>) -> Option<()> {
        pairs.clear();
        let first = self.at;
        self.object(|scanner, name| {
            let is_text = scanner.peek()? == b'"';
            let value = if is_text { scanner.string()? } else { scanner.value(0)? };
            let within = |part: Range<usize>| Span::new(part.start - first, part.end - first);
            pairs.push(Pair { name: within(name), value: within(value), is_text });
            Some(())
        })
    }

    /// After a member: whether the closing bracket follows, and not another member.
    fn is_last(&mut self, closing: u8) -> Option<bool> {
        self.blanks();
        if self.expect(b',').is_some() {
            self.blanks();
            return Some(false);
        }
        self.expect(closing).map(|()| true)
    }

    /// Where any value stands.
    fn value(&mut self, levels: u32) -> Option<Range<usize>> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' => {
                let levels = levels.checked_sub(1)?;
                self.object(|scanner, _| scanner.value(levels).map(drop))?;
            }
            b'[' => self.array(levels.checked_sub(1)?)?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Some(start..self.at)
    }

    fn array(&mut self, levels: u32) -> Option<()> {
        self.expect(b'[')?;
        self.blanks();
        if self.expect(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(levels)?;
            if self.is_last(b']')? {
                return Some(());
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _sign = self.expect(b'-');
        if self.expect(b'0').is_none() {
            self.digits()?;
        }
        if self.expect(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// Where a string's content stands.
    fn string(&mut self) -> Option<Range<usize>> {
        self.expect(b'"')?;
        let start = self.at;
        let end = end_of_plain(self.text.as_bytes(), start);
        self.at = end;
        self.expect(b'"')?;
        Some(start..end)
    }
}

/// The first byte from `at` that does not stand for itself in a string: a quote, a backslash, a
/// control character. Eight are looked at together.
fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    // The lowest high bit of the result marks the lowest byte below `least`; higher ones may err.
    let below = |word: u64, least: u64| word.wrapping_sub(EACH * least) & !word & HIGH;
    while let Some(eight) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
        let ends = below(word, 0x20)
            | below(word ^ (EACH * u64::from(b'"')), 1)
            | below(word ^ (EACH * u64::from(b'\\')), 1);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | ..0x20)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// What is found, with single values as validation sees them, and where it ends.
    fn shown((fields, end): (Fields<'_>, usize)) -> String {
        let scalars = [fields.metric_type, fields.name, fields.value, fields.help, fields.mode];
        let lists = [fields.labels, fields.buckets, fields.quantiles, fields.epsilons];
        format!("{:?} {lists:?} {end}", scalars.map(Input::scalar))
    }

    fn by_serde(text: &str) -> Option<String> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields = Fields::deserialize(&mut deserializer).ok()?;
        let rest = deserializer.into_iter::<serde::de::IgnoredAny>();
        Some(shown((fields, rest.byte_offset())))
    }

    fn by_us(text: &str) -> Option<String> {
        let mut pairs = Vec::new();
        let (fields, end) = event(text, 0, &mut pairs)?;
        if let (Some(pairs), Input::Json(json)) = (fields.label_pairs, fields.labels) {
            let mut again = Vec::new();
            assert!(super::pairs(json, &mut again).is_some() && again == pairs, "{text}");
        }
        Some(shown((fields, end)))
    }

    #[test]
    fn plain_events_are_read_here() {
        for text in [
            r#"{"type":"counter","name":"x","value":1,"labels":{"a":"1","b":2}} rest"#,
            "{ \"name\" : \"ü\" ,\n\t\"value\" : -0.5e+3 , \"buckets\" : [ 1, 2.5 , \"+Inf\" ] }",
            r#"{"other":{"deep":[[],{},null,true,false]},"name":"x","name":"y"}"#,
            r#"{"labels":{"a":"1"},"labels":{"b":[2]}}"#,
            r#"{"labels":{"b":[2]},"labels": { "é" : null , "c":-1e9,"d":"" } }"#,
            r#"{"labels":{"a":"1"},"labels":"{}","type":"","value":"2","help":null,"mode":["x"]}"#,
            "{}",
        ] {
            let found = by_us(text);
            assert!(found.is_some(), "{text}");
            assert_eq!(found, by_serde(text));
        }
    }

    #[test]
    fn what_is_not_plain_or_broken_is_left_to_serde() {
        for text in [
            "",
            "{",
            r#"{"name":"a\n"}"#,
            "{\"name\":\"a\n\"}",
            r#"{"name":"x",}"#,
            r#"{"name" "x"}"#,
            r#"{"value":01}"#,
            r#"{"value":1.}"#,
            r#"{"value":.5}"#,
            r#"{"value":+1}"#,
            r#"{"value":1e}"#,
            r#"{"value":tru}"#,
            r#"{name:"x"}"#,
            r#"{"labels":{"a":"1"]}"#,
            r#"{"other":[[[[[[[[[1]]]]]]]]]}"#,
        ] {
            assert_eq!(by_us(text), None, "{text}");
        }
    }

    #[test]
    fn a_string_ends_at_the_first_byte_that_is_not_plain() {
        for length in 0..20 {
            for end in [b'"', b'\\', b'\n', 0, 0x1f] {
                let mut bytes = vec![b'a'; length];
                bytes.extend([end, b'"', 0x7f, 0xff, 0x80, b'\\', b' ', b'!', b'#', b'[', b']']);
                assert_eq!(end_of_plain(&bytes, 0), length);
            }
            let plain: Vec<u8> = [b' ', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'].repeat(3);
            assert_eq!(end_of_plain(&plain[..length], 0), length);
        }
    }

    proptest! {
        #[test]
        fn both_find_the_same(parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", " ", "\n", "\"name\"", "\"labels\"", "\"value\":", "\"a\":",
            "\"x\"", "\"\\u0041\"", "\"\u{1}\"", "\"é\"", "1", "-0", "01", "1.5e9", "1e", "true", "nul", "null",
            "{\"name\":\"x\",\"labels\":{\"a\":\"b\"}", "\"", "\\",
        ]), 0..14)) {
            let text = parts.concat();
            if let Some(found) = by_us(&text) {
                prop_assert_eq!(Some(found), by_serde(&text));
            }
        }
    }
}
