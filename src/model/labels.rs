//! Label text and series identity.
//!
//! A series' labels are kept as the text a scrape copies: `a="1",b="2"`, values
//! escaped as the text format demands (`\\`, `\"`, `\n`). A name that is not
//! `[a-zA-Z_][a-zA-Z0-9_]*` is quoted and escaped in the same way, and no other is.
//! Identity does not depend on the order of the pairs: the hash is taken over
//! the pairs sorted by name, and equality falls back to comparing sorted pairs.
//!
//! One character cannot be escaped: NUL, at which Prometheus' parsers stop, but in label values and
//! help texts. So no quoted name has it, and no label of an exemplar ([`is_servable`]).

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use super::name::is_label_word;

/// Appends `value` escaped for a label value of the text format.
pub fn push_escaped(out: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Appends `="value"`, what follows a name.
pub fn push_value(out: &mut String, value: &str) {
    out.push_str("=\"");
    push_escaped(out, value);
    out.push('"');
}

/// Appends a label's name; one that is no plain word is quoted.
pub fn push_name(out: &mut String, name: &str) {
    if is_label_word(name) {
        return out.push_str(name);
    }
    out.push('"');
    push_escaped(out, name);
    out.push('"');
}

/// Appends `name="value"`.
pub fn push_pair(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    push_value(out, value);
}

/// The label text of these names and values.
pub fn text<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(',');
        }
        push_pair(&mut text, name, value);
    }
    text
}

/// Whether a quoted name, or the label of an exemplar, may stand on a page.
pub fn is_servable(text: &str) -> bool {
    !text.contains('\0')
}

/// The pairs of a label text, as `name="value"` slices.
pub fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = pair_end(rest);
        let pair = &rest[..end];
        rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
        Some(pair)
    })
}

/// As [`pairs`], each as [`split`] has it; reads the text once instead of twice.
pub fn names_and_values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let name_end = name_end(rest);
        let end = string_end(rest, name_end + 1);
        let pair = (&rest[..name_end], rest.get(name_end + 2..end - 1).unwrap_or(""));
        rest = rest.get(end + 1..).unwrap_or("");
        Some(pair)
    })
}

/// The length of the first `name="value"` of `text`.
fn pair_end(text: &str) -> usize {
    string_end(text, name_end(text) + 1)
}

/// Where the name of the first pair ends, its quotes included.
fn name_end(text: &str) -> usize {
    if text.starts_with('"') { string_end(text, 0) } else { text.find('=').unwrap_or(text.len()) }
}

/// Where the string ends that begins with the quote at `open`.
fn string_end(text: &str, open: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A pair's name and value as they are written: the name with its quotes if it has any, the value
/// escaped and without them.
pub fn split(pair: &str) -> (&str, &str) {
    let end = name_end(pair);
    let value = pair[end..].strip_prefix("=\"").unwrap_or("");
    (&pair[..end], value.strip_suffix('"').unwrap_or(value))
}

/// The name that was written, without quotes and escapes.
pub fn unquoted(name: &str) -> Cow<'_, str> {
    match name.strip_prefix('"') {
        Some(quoted) => unescaped(quoted.strip_suffix('"').unwrap_or(quoted)),
        None => Cow::Borrowed(name),
    }
}

/// The text that was escaped.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(escaped) => escaped,
                None => '\\',
            },
            other => other,
        });
    }
    Cow::Owned(plain)
}

/// Whether any of the names is quoted: such a text is not one for every reader.
pub fn has_quoted_names(text: &str) -> bool {
    // What hardly any text has is looked for first, because that is fast.
    text.contains("\"=\"") && pairs(text).any(|pair| pair.starts_with('"'))
}

fn pair_name(pair: &str) -> Cow<'_, str> {
    unquoted(split(pair).0)
}

/// The label text with its pairs sorted by name; borrowed when they are already.
pub fn canonical(text: &str) -> Cow<'_, str> {
    if pairs(text).is_sorted_by(|a, b| pair_name(a) <= pair_name(b)) {
        return Cow::Borrowed(text);
    }
    let mut sorted: Vec<&str> = pairs(text).collect();
    sorted.sort_by(|a, b| pair_name(a).cmp(&pair_name(b)));
    Cow::Owned(sorted.join(","))
}

/// Whether two label texts name the same label set.
pub fn same(a: &str, b: &str) -> bool {
    a == b || (a.len() == b.len() && canonical(a) == canonical(b))
}

/// Hashes a series' identity; seeded at random once per store, so that
/// producers cannot choose colliding names.
#[derive(Clone, Debug, Default)]
pub struct SeriesHasher(foldhash::fast::RandomState);

impl SeriesHasher {
    /// `canonical_labels` must be sorted by name: see [`canonical`].
    pub fn hash(&self, name: &str, canonical_labels: &str) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(name.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(canonical_labels.as_bytes());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_labels_does_not_matter_and_quotes_do_not_confuse() {
        let mut tricky = String::from("b=\"");
        push_escaped(&mut tricky, "x\",a=\"\\\n");
        tricky.push_str("\",a=\"1\"");
        assert_eq!(tricky, r#"b="x\",a=\"\\\n",a="1""#);
        assert_eq!(pairs(&tricky).collect::<Vec<_>>(), [r#"b="x\",a=\"\\\n""#, r#"a="1""#]);
        assert_eq!(canonical(&tricky), r#"a="1",b="x\",a=\"\\\n""#);
        assert!(same(&tricky, r#"a="1",b="x\",a=\"\\\n""#));
        assert!(!same(r#"a="1",b="2""#, r#"a="2",b="1""#));
        assert!(matches!(canonical(r#"a="1",b="2""#), Cow::Borrowed(_)));
        assert_eq!(pairs("").count(), 0);
    }

    #[test]
    fn names_may_be_quoted_and_hold_anything() {
        let text = r#""x.\"=\",:="="1",c=",\"=\"",b="","a\\,\n="="=""#;
        let names = [r#""x.\"=\",:=""#, "c", "b", r#""a\\,\n=""#];
        let values = ["1", r#",\"=\""#, "", "="];
        assert!(pairs(text).map(split).eq(names.into_iter().zip(values)));
        assert!(names_and_values(text).eq(names.into_iter().zip(values)));
        let plain = names.map(|name| unquoted(name).into_owned());
        assert_eq!(plain, ["x.\"=\",:=", "c", "b", "a\\,\n="]);
        assert_eq!(unescaped(values[1]), ",\"=\"");
        let sorted = r#""a\\,\n="="=",b="",c=",\"=\"","x.\"=\",:="="1""#;
        assert_eq!(canonical(text), sorted);
        assert!(same(text, sorted));
        assert!(has_quoted_names(text));
        assert!(!has_quoted_names(r#"a="=",b="\"=""#));
    }
}
