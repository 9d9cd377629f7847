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

use super::fields::{Fields, Input, Scalar};
use super::name::is_label_name;
use super::number;
use super::plain::{self, Value};
use super::refusal::{Quoted, Refusal};
use crate::model::labels::push_value;
use crate::model::{MetricType, Reason, SeriesHasher};

/// What labels are put in order with.
#[derive(Default)]
pub(super) struct LabelScratch {
    /// Where they stand in their JSON.
    found: Vec<plain::Pair>,
    pairs: Vec<Pair>,
    /// The pairs sorted by name.
    canonical: String,
    /// The pairs in the order they came.
    in_order: String,
}

/// One pair within the batch's text.
#[derive(Clone, Debug, PartialEq)]
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
    /// Appends the label text of an event to `text`, sorted or as it came, and
    /// hashes the series of the metric `name`, which `text` holds, too.
    pub(super) fn append(
        &mut self,
        fields: &Fields<'_>,
        metric_type: MetricType,
        name: Range<usize>,
        text: &mut String,
        sorted: bool,
        hasher: &SeriesHasher,
    ) -> Result<u64, Refusal> {
        let start = text.len();
        self.pairs.clear();
        if let Input::Json(json) | Input::Plain(json) = fields.labels
            && !self.append_plain(json, fields.label_pairs, metric_type, text)
        {
            self.append_any(json, metric_type, text).map_err(|problem| {
                let detail = format!("{problem} (metric {})", Quoted(&text[name.clone()]));
                Refusal::new(Reason::InvalidLabel, detail)
            })?;
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

    /// Appends pairs that need no escaping and no second thought; none of them if there is another.
    /// `found`: where they stand in `json`, if that is known.
    fn append_plain(
        &mut self,
        json: &str,
        found: Option<&[plain::Pair]>,
        metric_type: MetricType,
        text: &mut String,
    ) -> bool {
        let found = match found {
            Some(found) => found,
            None if plain::pairs(json, &mut self.found).is_some() => &self.found,
            None => return false,
        };
        let start = text.len();
        text.reserve(json.len());
        for pair in found {
            let name = pair.name(json);
            let (value, is_float) = match pair.value(json) {
                Value::Text(value) => (value, false),
                Value::Literal("null") => ("", false),
                Value::Literal(literal) => (literal, is_float(literal)),
            };
            if is_float || !is_label_name(name) || is_own_label(name, metric_type) {
                text.truncate(start);
                self.pairs.clear();
                return false;
            }
            if !self.pairs.is_empty() {
                text.push(',');
            }
            let start = text.len();
            text.push_str(name);
            let name_end = text.len();
            if !value.is_empty() {
                text.push_str("=\"");
                text.push_str(value);
                text.push('"');
            }
            self.pairs.push(Pair { start, name_end, end: text.len() });
        }
        true
    }

    /// Appends the pairs, or says what is wrong with one of them.
    fn append_any(
        &mut self,
        json: &str,
        metric_type: MetricType,
        text: &mut String,
    ) -> Result<(), String> {
        let mut visitor =
            LabelsVisitor { metric_type, text, pairs: &mut self.pairs, problem: None };
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let outcome = deserializer.deserialize_any(&mut visitor).and_then(|()| deserializer.end());
        outcome
            .map_err(|error| visitor.problem.take().unwrap_or_else(|| format!("labels: {error}")))
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
        } else if is_own_label(name, self.metric_type) {
            match self.metric_type {
                MetricType::Histogram => "which a histogram sets itself; expected another name",
                _ => "which a summary sets itself; expected another name",
            }
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
            Scalar::Missing | Scalar::Null => "",
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
            push_value(self.text, value);
        }
        self.pairs.push(Pair { start, name_end, end: self.text.len() });
        Ok(())
    }

    fn of(&self, start: usize, value: &Scalar<'_>, expected: &str) -> String {
        format!("the label {}: {value}; expected {expected}", Quoted(&self.text[start..]))
    }
}

/// Whether the type writes that label itself.
fn is_own_label(name: &str, metric_type: MetricType) -> bool {
    match metric_type {
        MetricType::Histogram => name == "le",
        MetricType::Summary => name == "quantile",
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => false,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn appended(
        append: impl FnOnce(&mut LabelScratch, &mut String) -> bool,
    ) -> Option<(String, Vec<Pair>)> {
        let mut scratch = LabelScratch::default();
        let mut text = "name".to_owned();
        let whole = append(&mut scratch, &mut text);
        whole.then_some((text, scratch.pairs))
    }

    fn compare(json: &str, metric_type: MetricType) -> bool {
        let plain = appended(|scratch, text| {
            let whole = scratch.append_plain(json, None, metric_type, text);
            assert!(whole || (text == "name" && scratch.pairs.is_empty()), "{json}");
            whole
        });
        let any = appended(|scratch, text| scratch.append_any(json, metric_type, text).is_ok());
        if plain.is_some() {
            assert_eq!(plain, any, "{json}");
        }
        plain.is_some()
    }

    #[test]
    fn plain_pairs_are_appended_as_any_are() {
        use MetricType::{Counter, Histogram};
        for json in [r#"{"a":"1","b":2,"c":null,"d":"","e":true,"é":1}"#, "{}", r#"{"a":"é"}"#] {
            assert_eq!(compare(json, Counter), !json.contains("\"é\":"), "{json}");
        }
        assert!(compare(r#"{"le":"1"}"#, Counter) && !compare(r#"{"le":"1"}"#, Histogram));
        for json in [r#"{"a":1.50}"#, r#"{"a":"\n"}"#, r#"{"a":[1]}"#, "[]", "null", "{} x", ""] {
            assert!(!compare(json, Counter), "{json}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_pairs(pairs in prop::collection::vec((
            prop::sample::select(vec!["a", "b", "a_9", "le", "quantile", "9", "", "ü", "__x", "x y"]),
            prop::sample::select(vec![
                "\"\"", "\"x\"", "\"é\u{7f}\"", "\"\\\"\"", "null", "true", "0", "-12", "1e3", "1.0",
                "12345678901234567890123", "{}", "[]", "01",
            ]),
        ), 0..6)) {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let json = format!("{{{}}}", pairs.join(", "));
            for metric_type in [MetricType::Counter, MetricType::Histogram, MetricType::Summary] {
                compare(&json, metric_type);
            }
        }
    }
}
