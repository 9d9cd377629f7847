//! What is wrong with a body, and where.
//!
//! While parsing, a place is a byte offset, which costs nothing to know. People are told the line
//! and the column, which are counted here, once, after the parse has failed.

use std::fmt;

use super::ParseError;

/// How much of what was found is shown, in characters as they are shown.
const SHOWN_CHARS: usize = 48;

/// A problem at a byte of the body.
#[derive(Debug)]
pub(super) struct Problem {
    at: usize,
    text: String,
}

impl Problem {
    pub(super) fn new(at: usize, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }

    pub(super) fn at_byte(self) -> ParseError {
        ParseError::Protobuf { offset: self.at, problem: self.text }
    }

    pub(super) fn at_line_of(self, body: &[u8]) -> ParseError {
        let before = &body[..self.at.min(body.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // Bytes that continue a character are none of their own.
        let is_character = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
        ParseError::Text {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + before[line_start..].iter().filter(is_character).count(),
            problem: self.text,
        }
    }
}

/// Displays a text in quotes, escaped, and shortened when it is long.
pub(super) struct Shown<'t>(pub(super) &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaped = self.0.escape_debug();
        let shown: String = escaped.by_ref().take(SHOWN_CHARS).collect();
        let more = if escaped.next().is_some() { "…" } else { "" };
        write!(f, "\"{shown}\"{more}")
    }
}
