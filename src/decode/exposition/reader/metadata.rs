//! Comments, of which some say what a family is: HELP, TYPE, and OpenMetrics' UNIT and EOF.

use std::borrow::Cow;

use super::super::names::Role;
use super::super::problem::{Problem, Shown};
use super::{Reader, Syntax};
use crate::model::{MetricType, Span};

/// A type as the formats name it.
struct Kind {
    word: &'static str,
    metric_type: MetricType,
    /// The names of its samples.
    samples: &'static [(&'static str, Role)],
}

const fn kind(
    word: &'static str,
    metric_type: MetricType,
    samples: &'static [(&'static str, Role)],
) -> Kind {
    Kind { word, metric_type, samples }
}

const PLAIN: &[(&str, Role)] = &[("", Role::Value)];

const PROMETHEUS: [Kind; 5] = [
    kind("counter", MetricType::Counter, PLAIN),
    kind("gauge", MetricType::Gauge, PLAIN),
    kind("histogram", MetricType::Histogram, HISTOGRAM.split_at(4).0),
    kind("summary", MetricType::Summary, SUMMARY.split_at(3).0),
    kind("untyped", MetricType::Untyped, PLAIN),
];

const OPEN_METRICS: [Kind; 7] = [
    kind("counter", MetricType::Counter, COUNTER),
    kind("gauge", MetricType::Gauge, PLAIN),
    kind("histogram", MetricType::Histogram, HISTOGRAM),
    kind("summary", MetricType::Summary, SUMMARY),
    kind("unknown", MetricType::Untyped, PLAIN),
    kind("info", MetricType::Gauge, &[("_info", Role::Value), ("", Role::Bare)]),
    kind("stateset", MetricType::Gauge, PLAIN),
];

// OpenMetrics' own come last; the name that is served in the text format, if it is not bare, first.
const COUNTER: &[(&str, Role)] =
    &[("_total", Role::Value), ("_created", Role::Created), ("", Role::Bare)];
const HISTOGRAM: &[(&str, Role)] = &[
    ("", Role::Bare),
    ("_bucket", Role::Bucket),
    ("_sum", Role::Sum),
    ("_count", Role::Count),
    ("_created", Role::Created),
];
const SUMMARY: &[(&str, Role)] = &[
    ("", Role::Quantile),
    ("_sum", Role::Sum),
    ("_count", Role::Count),
    ("_created", Role::Created),
];

impl<'a> Reader<'a> {
    pub(super) fn comment(&mut self) -> Result<(), Problem> {
        self.cursor.take(b'#');
        self.cursor.skip_blanks();
        let is_open_metrics = self.syntax == Syntax::OpenMetrics;
        let keyword = self.cursor.token();
        match keyword {
            "HELP" | "TYPE" => {}
            "UNIT" if is_open_metrics => {}
            "EOF" if is_open_metrics => {
                self.has_ended = true;
                return Ok(());
            }
            _ => {
                self.cursor.rest_of_line();
                return Ok(());
            }
        }
        self.cursor.skip_blanks();
        if self.cursor.is_at_line_end() {
            return Ok(());
        }
        let at = self.cursor.at;
        let span = match self.cursor.peek() {
            Some(b'"') => self.quoted_name()?,
            _ => self.cursor.metric_name(),
        };
        let is_blank = self.cursor.skip_blanks();
        if span.is_empty() || !(is_blank || self.cursor.is_at_line_end()) {
            let expected = "a metric name [a-zA-Z_:][a-zA-Z0-9_:]*";
            return Err(self.cursor.back_to(at).expected(expected));
        }
        if self.cursor.is_at_line_end() {
            return Ok(());
        }
        let name = self.name(span);
        match keyword {
            "HELP" => self.help(name, span),
            "TYPE" => return self.declare(name, span, at),
            _ => return self.unit(name, span),
        }
        Ok(())
    }

    /// The first help stays. Escapes that are none are left as they are: a help text is not worth
    /// a refusal.
    fn help(&mut self, name: Cow<'a, str>, span: Span) {
        let start = self.cursor.at;
        let line = self.cursor.rest_of_line();
        let text = &mut self.builder.out.text;
        let mut help = Span::new(start, start + line.len());
        if line.contains('\\') {
            let unescaped = text.len();
            let mut rest = line;
            while let Some((plain, escape)) = rest.split_once('\\') {
                text.push_str(plain);
                let (character, length) = match escape.as_bytes().first() {
                    Some(b'n') => ('\n', 1),
                    Some(b'\\') => ('\\', 1),
                    Some(b'"') if self.syntax == Syntax::OpenMetrics => ('"', 1),
                    _ => ('\\', 0),
                };
                text.push(character);
                rest = &escape[length..];
            }
            text.push_str(rest);
            help = Span::new(unescaped, text.len());
        }
        let family = self.builder.family(name, span);
        let draft = &mut self.builder.families[family];
        if draft.help.is_empty() {
            draft.help = help;
        }
    }

    fn unit(&mut self, name: Cow<'a, str>, span: Span) -> Result<(), Problem> {
        let at = self.cursor.at;
        let unit = self.cursor.token();
        let base = name.strip_suffix("_total").unwrap_or(&name);
        if !base.strip_suffix(unit).is_some_and(|before| before.ends_with('_')) {
            let (unit, name) = (Shown(unit), Shown(&name));
            let problem =
                format!("found the unit {unit} of {name}; expected what its name ends with");
            return Err(Problem::new(at, problem));
        }
        let family = self.builder.family(name, span);
        self.builder.families[family].unit = Span::new(at, self.cursor.at);
        Ok(())
    }

    fn declare(&mut self, name: Cow<'a, str>, span: Span, at: usize) -> Result<(), Problem> {
        let kind = self.kind()?;
        let family = self.builder.family(name.clone(), span);
        let draft = &self.builder.families[family];
        let shown = Shown(&name);
        let problem = match (draft.declared, draft.metric_type) {
            (Some(declared), _) if declared == kind.word => return Ok(()),
            (Some(declared), _) => {
                let word = kind.word;
                format!("found the type {word} of {shown}; expected {declared}, as it was before")
            }
            (None, Some(_)) => {
                format!("found the TYPE of {shown} after a sample; expected it before all of them")
            }
            (None, None) => return self.claim(family, name, kind, at),
        };
        Err(Problem::new(at, problem))
    }

    fn kind(&mut self) -> Result<&'static Kind, Problem> {
        let at = self.cursor.at;
        let word = self.cursor.token();
        let kinds: &[Kind] = match self.syntax {
            Syntax::Prometheus => &PROMETHEUS,
            Syntax::OpenMetrics => &OPEN_METRICS,
        };
        if let Some(kind) = kinds.iter().find(|kind| kind.word.eq_ignore_ascii_case(word)) {
            return Ok(kind);
        }
        let words: Vec<_> = kinds.iter().map(|kind| kind.word).collect();
        let (found, expected) = (Shown(word), words.join(", "));
        Err(Problem::new(at, format!("found the type {found}; expected one of {expected}")))
    }

    fn claim(
        &mut self,
        family: usize,
        name: Cow<'a, str>,
        kind: &'static Kind,
        at: usize,
    ) -> Result<(), Problem> {
        let claimed = if kind.samples == COUNTER && name.ends_with("_total") {
            // Exporters that name the family as its samples are common.
            let base = Cow::Owned(name[..name.len() - "_total".len()].to_owned());
            self.builder.names.claim(family, base, &COUNTER[..2])
        } else {
            let (suffix, _) = kind.samples[0];
            if !suffix.is_empty() {
                let text = &mut self.builder.out.text;
                let start = text.len();
                text.push_str(&name);
                text.push_str(suffix);
                self.builder.families[family].name = Span::new(start, text.len());
            }
            self.builder.names.claim(family, name.clone(), kind.samples)
        };
        if let Err(claimed) = claimed {
            let other = &self.builder.families[claimed.family];
            let (name, sample) = (Shown(&name), Shown(&claimed.name));
            let problem = match other.declared {
                None => {
                    format!("found the TYPE of {name} after a sample {sample}; expected it before")
                }
                Some(declared) => {
                    let other = self.builder.family_name(claimed.family);
                    format!("found {name}, whose {sample} is a name of the {declared} {other} too")
                }
            };
            return Err(Problem::new(at, problem));
        }
        let draft = &mut self.builder.families[family];
        draft.metric_type = Some(kind.metric_type);
        draft.declared = Some(kind.word);
        Ok(())
    }
}
