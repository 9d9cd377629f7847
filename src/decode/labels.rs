//! Labels: from a JSON object to the label text that a scrape copies.
//!
//! The pairs are written to the batch's text as they come. When they came
//! sorted, once each and with values, which is what most producers send, that
//! is already the result; otherwise they are put in order through scratch
//! space that is kept from event to event.
//!
//! Numbers and booleans become their text. Integers are kept as sent, whatever
//! their size; floats take their shortest form that reads back equal (`1.50`
//! becomes `1.5`, `1.0` stays `1.0`). Keys are checked even when the value is
//! null or empty, which means that the label is absent.

use std::fmt;
use std::ops::Range;

use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use super::fields::{Input, Scalar};
use super::name::is_label_name;
use super::number;
use super::refusal::{Quoted, Refusal};
use crate::model::labels::push_escaped;
use crate::model::{MetricType, Reason, SeriesHasher};

/// What labels are put in order with.
#[derive(Default)]
pub(super) struct LabelScratch {
    pairs: Vec<Pair>,
    /// The pairs sorted by name.
    canonical: String,
    /// The pairs in the order they came.
    in_order: String,
}

/// One pair within the batch's text.
#[derive(Clone)]
struct Pair {
    start: usize,
    name_end: usize,
    end: usize,
}

impl Pair {
    fn name<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.name_end]
    }

    /// Its value is null or empty.
    fn is_absent(&self) -> bool {
        self.end == self.name_end
    }
}

impl LabelScratch {
    /// Appends the label text of `labels` to `text`, sorted or as it came, and
    /// hashes the series of the metric `name`, which `text` holds, too.
    pub(super) fn append(
        &mut self,
        labels: Input<'_>,
        metric_type: MetricType,
        name: Range<usize>,
        text: &mut String,
        sorted: bool,
        hasher: &SeriesHasher,
    ) -> Result<u64, Refusal> {
        let start = text.len();
        self.pairs.clear();
        if let Input::Json(json) | Input::Plain(json) = labels {
            let mut visitor =
                LabelsVisitor { metric_type, text, pairs: &mut self.pairs, problem: None };
            let mut deserializer = serde_json::Deserializer::from_str(json);
            let outcome =
                deserializer.deserialize_any(&mut visitor).and_then(|()| deserializer.end());
            if let Err(error) = outcome {
                let problem = visitor.problem.take().unwrap_or_else(|| format!("labels: {error}"));
                let detail = format!("{problem} (metric {})", Quoted(&text[name]));
                return Err(Refusal::new(Reason::InvalidLabel, detail));
            }
        }
        let in_order = self.pairs.is_sorted_by(|a, b| a.name(text) < b.name(text));
        if in_order && !self.pairs.iter().any(Pair::is_absent) {
            return Ok(hasher.hash(&text[name], &text[start..]));
        }
        self.arrange(text);
        text.truncate(start);
        text.push_str(if sorted { &self.canonical } else { &self.in_order });
        Ok(hasher.hash(&text[name], &self.canonical))
    }

    /// Writes the pairs that count to `canonical` and `in_order`: of those with
    /// the same name the last, unless it is absent.
    fn arrange(&mut self, text: &str) {
        self.pairs.sort_by(|a, b| a.name(text).cmp(b.name(text)).then(b.start.cmp(&a.start)));
        self.pairs.dedup_by(|later, kept| later.name(text) == kept.name(text));
        self.pairs.retain(|pair| !pair.is_absent());
        join(&self.pairs, text, &mut self.canonical);
        self.pairs.sort_by_key(|pair| pair.start);
        join(&self.pairs, text, &mut self.in_order);
    }
}

fn join(pairs: &[Pair], text: &str, out: &mut String) {
    out.clear();
    for pair in pairs {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(&text[pair.start..pair.end]);
    }
}

/// Writes the pairs of a JSON object to `text`, separated by commas.
struct LabelsVisitor<'v> {
    metric_type: MetricType,
    text: &'v mut String,
    pairs: &'v mut Vec<Pair>,
    /// What is wrong when serde reports an error that is not its own.
    problem: Option<String>,
}

impl LabelsVisitor<'_> {
    fn check_name(&self, name: &str) -> Result<(), String> {
        let expected = if !is_label_name(name) {
            "expected [a-zA-Z_][a-zA-Z0-9_]* that does not begin with __"
        } else if name == "le" && self.metric_type == MetricType::Histogram {
            "which a histogram sets itself; expected another name"
        } else if name == "quantile" && self.metric_type == MetricType::Summary {
            "which a summary sets itself; expected another name"
        } else {
            return Ok(());
        };
        Err(format!("the label name {}; {expected}", Quoted(name)))
    }

    /// Appends `="value"` for the name that was written at `start`.
    fn push_value(&mut self, start: usize, value: &Scalar<'_>) -> Result<(), String> {
        let name_end = self.text.len();
        let mut float = ryu::Buffer::new();
        let value = match value {
            Scalar::Missing => "",
            Scalar::Text(text) => text,
            Scalar::Literal(json) if is_float(json) => match number::parse(value) {
                Some(number) => float.format_finite(number),
                None => return Err(self.of(start, value, "a number that fits an f64")),
            },
            Scalar::Literal(json) => json,
            Scalar::Unusable(_) => {
                return Err(self.of(start, value, "a string, a number or a boolean"));
            }
        };
        if !value.is_empty() {
            self.text.push_str("=\"");
            push_escaped(self.text, value);
            self.text.push('"');
        }
        self.pairs.push(Pair { start, name_end, end: self.text.len() });
        Ok(())
    }

    fn of(&self, start: usize, value: &Scalar<'_>, expected: &str) -> String {
        format!("the label {}: {value}; expected {expected}", Quoted(&self.text[start..]))
    }
}

/// Whether a JSON literal is a number with a fraction or an exponent.
fn is_float(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && json.contains(['.', 'e', 'E'])
}

impl<'de> Visitor<'de> for &mut LabelsVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of label names and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        loop {
            if !self.pairs.is_empty() {
                self.text.push(',');
            }
            let start = self.text.len();
            if map.next_key_seed(AppendKey(self.text))?.is_none() {
                self.text.truncate(start - usize::from(!self.pairs.is_empty()));
                return Ok(());
            }
            let value = Input::Json(map.next_value::<&RawValue>()?.get()).scalar();
            let outcome =
                self.check_name(&self.text[start..]).and_then(|()| self.push_value(start, &value));
            outcome.map_err(|problem| {
                self.problem = Some(problem);
                A::Error::custom("see `problem`")
            })?;
        }
    }

    /// `[]`: what PHP makes of an empty map.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    /// Not left to serde, which would repeat all of it.
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other(&Quoted(text).to_string()), &self))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Appends an object's key to a text.
struct AppendKey<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for AppendKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for AppendKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
    }
}
