//! Why a member is refused, before it is known which entry it belongs to.

use std::fmt;

use crate::model::Reason;

/// How much of a refused value a detail shows.
const SHOWN_CHARS: usize = 100;

/// A reason, and a detail that names the thing, the value and what was expected.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(super) fn invalid_json(detail: impl Into<String>) -> Self {
        Self::new(Reason::InvalidJson, detail)
    }
}

/// Displays a text in quotes, escaped, and shortened when it is long.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = shorten(self.0);
        write!(f, "{shown:?}{more}")
    }
}

/// Displays a piece of JSON as it was sent, shortened when it is long.
pub(super) struct Verbatim<'a>(pub(super) &'a str);

impl fmt::Display for Verbatim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = shorten(self.0);
        // Strings within JSON escape their own control characters; line breaks
        // stand between tokens and would break a log line.
        for part in shown.split_inclusive(['\n', '\r']) {
            f.write_str(part.trim_end_matches(['\n', '\r']))?;
        }
        f.write_str(more)
    }
}

fn shorten(text: &str) -> (&str, &'static str) {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => (&text[..at], "…"),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_on_a_character_boundary() {
        let long = "é".repeat(101);
        assert_eq!(Quoted(&long).to_string(), format!("\"{}\"…", "é".repeat(100)));
        assert_eq!(Quoted("a\n\"b").to_string(), r#""a\n\"b""#);
        assert_eq!(Verbatim("{\n \"a\":\r\n1}").to_string(), r#"{ "a":1}"#);
    }
}
