//! The lines of the text format and of OpenMetrics.
//!
//! The two differ in their metadata (`metadata`), in how times are written, and in that
//! OpenMetrics has exemplars and an end. Both are read more tolerantly than they are specified:
//! blanks may stand between any two tokens, samples of a family anywhere, and lines may end in
//! CRLF. What could mean two things is refused.

use std::borrow::Cow;

use super::super::name::is_utf8_name;
use super::builder::Builder;
use super::cursor::Cursor;
use super::problem::{Problem, Shown};
use super::{ParseOptions, number};
use crate::model::Span;
use crate::model::exposition::Exposition;

mod exemplar;
mod labels;
mod meaning;
mod metadata;
mod sample;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Prometheus,
    OpenMetrics,
}

pub(super) fn parse(
    body: &[u8],
    syntax: Syntax,
    options: ParseOptions,
) -> Result<Exposition, Problem> {
    let body = str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        Problem::new(at, format!("found the byte 0x{:02x}; expected UTF-8", body[at]))
    })?;
    let mut reader = Reader {
        cursor: Cursor::new(body),
        builder: Builder::new(body.to_owned()),
        syntax,
        options,
        has_ended: false,
    };
    while !reader.cursor.is_at_end() {
        reader.line()?;
    }
    if syntax == Syntax::OpenMetrics && !reader.has_ended {
        return Err(reader.cursor.expected("a last line # EOF"));
    }
    reader.builder.finish()
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    builder: Builder<'a>,
    syntax: Syntax,
    options: ParseOptions,
    /// OpenMetrics' `# EOF` was read.
    has_ended: bool,
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> Result<(), Problem> {
        self.cursor.skip_blanks();
        if self.has_ended && !self.cursor.is_at_line_end() {
            return Err(self.cursor.expected("nothing after # EOF"));
        }
        match self.cursor.peek() {
            Some(b'#') => self.comment()?,
            _ if self.cursor.is_at_line_end() => {}
            _ => self.sample()?,
        }
        self.cursor.end_of_line()
    }

    /// A name at a place of the text, which is the body's own unless it was unescaped.
    fn name(&self, span: Span) -> Cow<'a, str> {
        match self.cursor.body().get(span.range()) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(self.builder.out.text(span).to_owned()),
        }
    }

    /// A name in quotes.
    fn quoted_name(&mut self) -> Result<crate::model::Span, Problem> {
        if !self.options.utf8_names {
            return Err(self.cursor.expected("a name without quotes: UTF-8 names are off"));
        }
        let at = self.cursor.at;
        let name = self.cursor.quoted(&mut self.builder.out.text)?;
        match is_utf8_name(self.builder.out.text(name)) {
            true => Ok(name),
            false => {
                let found = Shown(self.builder.out.text(name));
                let expected = "expected a character or more, none of them NUL";
                Err(Problem::new(at, format!("found the name {found}; {expected}")))
            }
        }
    }

    /// Passes over a timestamp, when there is one.
    fn timestamp(&mut self) -> Result<bool, Problem> {
        let is_absent = match self.cursor.peek() {
            Some(b'#') => self.syntax == Syntax::OpenMetrics,
            _ => self.cursor.is_at_line_end(),
        };
        if is_absent {
            return Ok(false);
        }
        let here = self.cursor.back_to(self.cursor.at);
        let token = self.cursor.token();
        let (is_time, expected) = match self.syntax {
            Syntax::Prometheus => {
                (number::is_millisecond_timestamp(token), "a timestamp in whole milliseconds")
            }
            Syntax::OpenMetrics => {
                (number::float(token).is_some_and(f64::is_finite), "a timestamp in seconds")
            }
        };
        if !is_time {
            return Err(here.expected(expected));
        }
        self.cursor.skip_blanks();
        Ok(true)
    }
}
