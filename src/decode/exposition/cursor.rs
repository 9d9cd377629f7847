//! A place in a body of text, and how it moves on.
//!
//! Whatever it hands out is borrowed from the body. It stops in front of what it does not
//! understand, so that an error can say what was found there.

use super::problem::{Problem, Shown};
use crate::model::Span;

/// Begins a metric name.
const STARTS_METRIC: u8 = 1;
/// Continues a metric name.
const IN_METRIC: u8 = 2;
/// Begins a label name.
const STARTS_LABEL: u8 = 4;
/// Continues a label name.
const IN_LABEL: u8 = 8;

/// What a byte may be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        if character.is_ascii_alphabetic() || character == b'_' {
            classes[byte] = STARTS_METRIC | IN_METRIC | STARTS_LABEL | IN_LABEL;
        } else if character.is_ascii_digit() {
            classes[byte] = IN_METRIC | IN_LABEL;
        } else if character == b':' {
            classes[byte] = STARTS_METRIC | IN_METRIC;
        }
        byte += 1;
    }
    classes
};

pub(super) struct Cursor<'a> {
    body: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a str) -> Self {
        Self { body, at: 0 }
    }

    /// A second cursor, at a place that this one has passed.
    pub(super) fn back_to(&self, at: usize) -> Self {
        Self { body: self.body, at }
    }

    pub(super) fn body(&self) -> &'a str {
        self.body
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.body.as_bytes().get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.body.len()
    }

    /// At a line feed, the carriage return before one, or the end of the body.
    pub(super) fn is_at_line_end(&self) -> bool {
        match self.peek() {
            None | Some(b'\n') => true,
            Some(b'\r') => matches!(self.body.as_bytes().get(self.at + 1), None | Some(b'\n')),
            Some(_) => false,
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Passes over blanks; whether there were any.
    pub(super) fn skip_blanks(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > start
    }

    /// The metric name here; empty when there is none.
    pub(super) fn metric_name(&mut self) -> Span {
        self.word(STARTS_METRIC, IN_METRIC)
    }

    /// The label name here; empty when there is none.
    pub(super) fn label_name(&mut self) -> Span {
        self.word(STARTS_LABEL, IN_LABEL)
    }

    fn word(&mut self, starts: u8, continues: u8) -> Span {
        let rest = &self.body.as_bytes()[self.at..];
        let is = |byte: u8, class: u8| CLASSES[usize::from(byte)] & class != 0;
        let length = match rest.first() {
            Some(first) if is(*first, starts) => {
                rest.iter().position(|byte| !is(*byte, continues)).unwrap_or(rest.len())
            }
            _ => 0,
        };
        let start = self.at;
        self.at += length;
        Span::new(start, self.at)
    }

    /// Everything up to a blank or the end of the line.
    pub(super) fn token(&mut self) -> &'a str {
        let start = self.at;
        while !matches!(self.peek(), None | Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        &self.body[start..self.at]
    }

    /// What is left of the line, without its end.
    pub(super) fn rest_of_line(&mut self) -> &'a str {
        let rest = &self.body[self.at..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let line = line.strip_suffix('\r').unwrap_or(line);
        self.at += line.len();
        line
    }

    /// Passes over the end of the line, and blanks before it.
    pub(super) fn end_of_line(&mut self) -> Result<(), Problem> {
        self.skip_blanks();
        if !self.is_at_line_end() {
            return Err(self.expected("the end of the line"));
        }
        self.take(b'\r');
        self.take(b'\n');
        Ok(())
    }

    /// The text in the quotes that open here, which `arena` (it begins with the body) holds
    /// unescaped: in its copy of the body when nothing is escaped, else appended.
    pub(super) fn quoted(&mut self, arena: &mut String) -> Result<Span, Problem> {
        if !self.take(b'"') {
            return Err(self.expected("a value in double quotes"));
        }
        let start = self.at;
        self.at += self.plain_length();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Span::new(start, self.at - 1));
        }
        let unescaped = arena.len();
        let mut copied = start;
        loop {
            arena.push_str(&self.body[copied..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Span::new(unescaped, arena.len()));
                }
                Some(b'\\') => {
                    let escaped = self.body.as_bytes().get(self.at + 1);
                    arena.push(match escaped {
                        Some(b'n') => '\n',
                        Some(b'\\') => '\\',
                        Some(b'"') => '"',
                        _ => return Err(self.expected(r#"\\, \" or \n"#)),
                    });
                    self.at += 2;
                }
                _ => return Err(self.expected("closing double quotes")),
            }
            copied = self.at;
            self.at += self.plain_length();
        }
    }

    /// Up to closing quotes, an escape, or the end of the line.
    fn plain_length(&self) -> usize {
        let rest = &self.body.as_bytes()[self.at..];
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'));
        end.unwrap_or(rest.len())
    }

    /// What is here, and what was expected instead.
    pub(super) fn expected(&self, what: &str) -> Problem {
        let mut ahead = self.back_to(self.at);
        let found = match self.peek() {
            None => "the end of the body".to_owned(),
            Some(_) if self.is_at_line_end() => "the end of the line".to_owned(),
            Some(_) => Shown(ahead.rest_of_line()).to_string(),
        };
        Problem::new(self.at, format!("found {found}; expected {what}"))
    }
}
