//! A payload's members: one object, an array of objects, or one object a line.
//!
//! Only the outermost structure is read here, so that each member has a byte range of its own and
//! a bad one is bad alone. Arrays are read in one pass, as if all of it were well-formed. Where that
//! fails, what was decoded is undone, and the members are told apart by their brackets and quotes
//! (`array`): only when these don't match can nobody say where a member ends.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::fields::{Fields, Input};
use super::once::Envelope;
use super::plain::{self, Pair};
use super::refusal::{Refusal, Verbatim};
use super::{Decoder, array, literals};
use crate::model::Span;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The whole payload.
const WHOLE: Span = Span { start: 0, end: 0 };

impl Decoder<'_> {
    /// Decodes a payload of at most [`super::MAX_ENTRY_BYTES`].
    pub(super) fn payload(&mut self, payload: &[u8]) {
        let start = skip_blanks(payload, text_start(payload));
        let mut pairs = std::mem::take(&mut self.label_pairs);
        let outcome = match (payload.get(start), str::from_utf8(payload)) {
            (None, _) => Err("an empty payload; expected a JSON object".to_owned()),
            (Some(b'['), Ok(text)) => self
                .array(text, start, &mut pairs)
                .or_else(|detail| self.members_apart(payload, start, &mut pairs, detail)),
            (Some(b'['), Err(error)) => {
                self.members_apart(payload, start, &mut pairs, format!("not UTF-8: {error}"))
            }
            (Some(_), Ok(text)) => match Member::read_alone(text, start, &mut pairs) {
                Ok(member) => match member.envelope(&text[start..]) {
                    Some(envelope) => self.envelope(&envelope, text),
                    None => {
                        self.member(member, 0);
                        Ok(())
                    }
                },
                Err(detail) => self.lines(payload, start, &mut pairs, detail),
            },
            // Of several lines, only one may be broken.
            (Some(_), Err(error)) => {
                self.lines(payload, start, &mut pairs, format!("not UTF-8: {error}"))
            }
        };
        self.label_pairs = pairs;
        if let Err(detail) = outcome {
            self.refuse(WHOLE, Refusal::invalid_json(detail));
        }
    }

    /// Decodes events that may come again, each as one of an array.
    fn envelope(&mut self, envelope: &Envelope<'_>, text: &str) -> Result<(), String> {
        let key = envelope.key()?;
        let Range { start, end } = envelope.events(text)?;
        let (first, text) = (self.batch.events.len(), &text[..end]);
        let mut pairs = Vec::new();
        self.array(text, start, &mut pairs)
            .or_else(|detail| self.members_apart(text.as_bytes(), start, &mut pairs, detail))?;
        self.once(first, key, None);
        Ok(())
    }

    /// Decodes the array that begins at `start`, all of it or nothing.
    fn array(&mut self, text: &str, start: usize, pairs: &mut Vec<Pair>) -> Result<(), String> {
        let mark = self.mark();
        let outcome = self.array_members(text, start + 1, pairs);
        if outcome.is_err() {
            self.rewind(mark);
        }
        outcome
    }

    fn array_members(
        &mut self,
        text: &str,
        start: usize,
        pairs: &mut Vec<Pair>,
    ) -> Result<(), String> {
        let bytes = text.as_bytes();
        let first = skip_blanks(bytes, start);
        let last = if bytes.get(first) == Some(&b']') {
            first
        } else {
            self.members_to_bracket(text, first, pairs)?
        };
        let rest = skip_blanks(bytes, last + 1);
        if rest < text.len() {
            return Err(format!("{} after the array; expected nothing", Verbatim(&text[rest..])));
        }
        Ok(())
    }

    /// Decodes members and the commas between them; returns where the closing bracket is.
    fn members_to_bracket(
        &mut self,
        text: &str,
        first: usize,
        pairs: &mut Vec<Pair>,
    ) -> Result<usize, String> {
        let bytes = text.as_bytes();
        let mut at = first;
        loop {
            let member = Member::read(text, at, pairs)?;
            at = skip_blanks(bytes, member.span.end as usize);
            self.member(member, 0);
            match bytes.get(at) {
                Some(b',') => at = skip_blanks(bytes, at + 1),
                Some(b']') => return Ok(at),
                _ => return Err(format!("an array that breaks at byte {at}; expected , or ]")),
            }
        }
    }

    /// Decodes an array of which a member at least is broken, each on its own; fails with the
    /// `detail` of reading it as a whole when nobody can say where they end.
    fn members_apart(
        &mut self,
        payload: &[u8],
        start: usize,
        pairs: &mut Vec<Pair>,
        detail: String,
    ) -> Result<(), String> {
        for range in array::members(payload, start).ok_or(detail)? {
            let raw = Span::new(range.start, range.end);
            if let b"," | b"]" = &payload[range.clone()] {
                let detail = format!("nothing before byte {} of an array", range.start);
                self.refuse(raw, Refusal::invalid_json(detail + "; expected an event"));
            } else if let Err(detail) = self.alone(&payload[range.clone()], range.start, pairs) {
                self.refuse(raw, Refusal::invalid_json(detail));
            }
        }
        Ok(())
    }

    /// Decodes each line from `start` on its own. A payload of which no line is
    /// a JSON object is not made of lines: it is refused as one, with the
    /// `detail` of reading it as one.
    fn lines(
        &mut self,
        payload: &[u8],
        start: usize,
        pairs: &mut Vec<Pair>,
        detail: String,
    ) -> Result<(), String> {
        let mark = self.mark();
        let mut objects = 0;
        let mut at = start;
        for line in payload[start..].split(|byte| *byte == b'\n') {
            let first = skip_blanks(line, 0);
            if first < line.len() {
                match self.alone(&line[first..], at + first, pairs) {
                    Ok(is_object) => objects += usize::from(is_object),
                    Err(detail) => {
                        let raw = Span::new(at + first, at + line.len());
                        self.refuse(raw, Refusal::invalid_json(detail));
                    }
                }
            }
            at += line.len() + 1;
        }
        if objects == 0 {
            self.rewind(mark);
            return self.with_literals(&payload[start..], start, pairs).ok_or(detail);
        }
        Ok(())
    }

    /// Adds the one value that `bytes` begin with, which stand at `offset`, and which must be all
    /// there is; says whether it is an object.
    fn alone(
        &mut self,
        bytes: &[u8],
        offset: usize,
        pairs: &mut Vec<Pair>,
    ) -> Result<bool, String> {
        let text = str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
        match Member::read_alone(text, 0, pairs) {
            Ok(member) => {
                let is_object = member.fields.is_ok();
                self.member(member, offset);
                Ok(is_object)
            }
            Err(detail) => self.with_literals(bytes, offset, pairs).ok_or(detail).map(|()| true),
        }
    }

    /// Adds the one object that `bytes` are once their literals are strings.
    fn with_literals(&mut self, bytes: &[u8], offset: usize, pairs: &mut Vec<Pair>) -> Option<()> {
        let text = str::from_utf8(bytes).ok()?;
        let quoted = literals::quoted(text)?;
        let fields = Member::read_alone(&quoted, 0, pairs).ok()?.fields.ok()?;
        self.add(Span::new(offset, offset + text.trim_ascii_end().len()), &fields);
        Some(())
    }

    /// Adds a member whose span counts from `offset`.
    fn member(&mut self, member: Member<'_>, offset: usize) {
        let Span { start, end } = member.span;
        let raw = Span::new(offset + start as usize, offset + end as usize);
        match member.fields {
            Ok(fields) => self.add(raw, &fields),
            Err(detail) => self.refuse(raw, Refusal::invalid_json(detail)),
        }
    }
}

/// One well-formed JSON value, where an event should be.
struct Member<'a> {
    span: Span,
    fields: Result<Fields<'a>, String>,
}

impl<'a> Member<'a> {
    /// What it is when it is no event, but has some.
    fn envelope(&self, text: &'a str) -> Option<Envelope<'a>> {
        let fields = self.fields.as_ref().ok()?;
        matches!(fields.name, Input::Missing).then(|| Envelope::read(text)).flatten()
    }

    /// Reads the value at `start`, which must be all there is.
    fn read_alone(text: &'a str, start: usize, pairs: &'a mut Vec<Pair>) -> Result<Self, String> {
        let member = Self::read(text, start, pairs)?;
        let rest = skip_blanks(text.as_bytes(), member.span.end as usize);
        if rest < text.len() {
            let rest = Verbatim(&text[rest..]);
            return Err(format!("{rest} after the event; expected nothing"));
        }
        Ok(member)
    }

    /// Reads the value at `start`; fails only where the JSON is broken, so that
    /// nobody can say where the value ends.
    fn read(text: &'a str, start: usize, pairs: &'a mut Vec<Pair>) -> Result<Self, String> {
        if let Some((fields, end)) = plain::event(text, start, pairs) {
            return Ok(Self { span: Span::new(start, end), fields: Ok(fields) });
        }
        let json = &text[start..];
        if json.starts_with('{') {
            let mut deserializer = Deserializer::from_str(json);
            if let Ok(fields) = Fields::deserialize(&mut deserializer) {
                let span = Span::new(start, start + consumed(deserializer));
                return Ok(Self { span, fields: Ok(fields) });
            }
        }
        let mut deserializer = Deserializer::from_str(json);
        match IgnoredAny::deserialize(&mut deserializer) {
            Ok(_) => {
                let span = Span::new(start, start + consumed(deserializer));
                let found = Verbatim(&text[span.range()]);
                Ok(Self { span, fields: Err(format!("{found}; expected an event as an object")) })
            }
            Err(error) => Err(format!("{}; {error}", Verbatim(json))),
        }
    }
}

fn consumed(deserializer: Deserializer<serde_json::de::StrRead<'_>>) -> usize {
    deserializer.into_iter::<IgnoredAny>().byte_offset()
}

/// Where a text begins: before it writers of .NET put a mark, which is no part of it.
pub fn text_start(bytes: &[u8]) -> usize {
    if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

/// The first byte from `at` that is not JSON's white space.
pub(super) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}
