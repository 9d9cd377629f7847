//! Plain JSON, read in one pass: what nearly every producer sends.
//!
//! Plain are strings without escapes, numbers, words, and arrays and objects of them. Text that is
//! anything else, or that is broken, is no matter of this module: `None` means that serde_json is
//! to read it, and to say what is wrong with it. Both must find the same, which the tests compare;
//! so nothing here needs to be lenient, and nothing may be.

use super::fields::{Fields, Input};

/// Arrays and objects within each other, in a field. An event has two at most.
const MOST_LEVELS: u32 = 8;

/// An event's fields and where the object ends that begins at `start`.
pub(super) fn event(text: &str, start: usize) -> Option<(Fields<'_>, usize)> {
    let mut scanner = Scanner { text, at: start };
    let mut fields = Fields::default();
    scanner.object(|scanner, key| {
        let value = scanner.value(MOST_LEVELS)?;
        let field = match key {
            "type" => &mut fields.metric_type,
            "name" => &mut fields.name,
            "value" => &mut fields.value,
            "help" => &mut fields.help,
            "mode" => &mut fields.mode,
            "labels" => &mut fields.labels,
            "buckets" => &mut fields.buckets,
            "quantiles" => &mut fields.quantiles,
            "epsilons" => &mut fields.epsilons,
            _ => return Some(()),
        };
        *field = Input::Json(value);
        Some(())
    })?;
    Some((fields, scanner.at))
}

/// Gives each name and value of an object that is all of `text` to `take`, a string without its
/// quotes and anything else as it stands, until that gives up.
pub(super) fn pairs(text: &str, mut take: impl FnMut(&str, Value<'_>) -> Option<()>) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.object(|scanner, key| {
        let value = match scanner.peek()? {
            b'"' => Value::Text(scanner.string()?),
            b'{' | b'[' => return None,
            _ => Value::Literal(scanner.value(0)?),
        };
        take(key, value)
    })?;
    (scanner.at == text.len()).then_some(())
}

/// A member of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Literal(&'a str),
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

    /// Reads an object; `member` reads each value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
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

    /// After a member: whether the closing bracket follows, and not another member.
    fn is_last(&mut self, closing: u8) -> Option<bool> {
        self.blanks();
        if self.expect(b',').is_some() {
            self.blanks();
            return Some(false);
        }
        self.expect(closing).map(|()| true)
    }

    /// Any value, as it stands.
    fn value(&mut self, levels: u32) -> Option<&'a str> {
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
        Some(&self.text[start..self.at])
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

    /// A string's content.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        self.at = end_of_plain(self.text.as_bytes(), start);
        let content = self.text.get(start..self.at);
        self.expect(b'"')?;
        content
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

    /// Where serde_json ends, and what it finds.
    fn by_serde(text: &str) -> Option<(Fields<'_>, usize)> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields = Fields::deserialize(&mut deserializer).ok()?;
        Some((fields, deserializer.into_iter::<serde::de::IgnoredAny>().byte_offset()))
    }

    #[test]
    fn plain_events_are_read_here() {
        for text in [
            r#"{"type":"counter","name":"x","value":1,"labels":{"a":"1","b":2}} rest"#,
            "{ \"name\" : \"ü\" ,\n\t\"value\" : -0.5e+3 , \"buckets\" : [ 1, 2.5 , \"+Inf\" ] }",
            r#"{"other":{"deep":[[],{},null,true,false]},"name":"x","name":"y"}"#,
            "{}",
        ] {
            let found = event(text, 0);
            assert!(found.is_some(), "{text}");
            assert_eq!(format!("{found:?}"), format!("{:?}", by_serde(text)));
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
            assert!(event(text, 0).is_none(), "{text}");
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
            if let Some(found) = event(&text, 0) {
                let expected = by_serde(&text);
                prop_assert_eq!(format!("{:?}", Some(found)), format!("{:?}", expected));
            }
        }
    }
}
