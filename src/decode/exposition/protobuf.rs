//! Delimited protobuf: families, each behind its length.
//!
//! A family is decoded in two passes, first without its metrics and then those one at a time. So
//! no more than a metric is ever held decoded, and an error knows at which byte its metric starts.

mod histogram;
pub mod messages;
mod native;

use std::sync::Arc;

use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use self::messages::{FAMILY_METRIC_TAG, FamilyHead, LabelPair, Metric};
use super::super::name::{is_label_name_of, is_utf8_name};
use super::MAX_SAMPLES;
use super::builder::Builder;
use super::composite::unsettled;
use super::problem::{Problem, Shown};
use super::{ParseOptions, exemplar, label_sets};
use crate::model::exposition::{ExposedLabel, Exposition};
use crate::model::name::is_metric_name;
use crate::model::{Exemplar, MetricType, Span, Timestamp};

pub(super) fn parse(body: &[u8], options: ParseOptions) -> Result<Exposition, Problem> {
    let mut reader = Reader { builder: Builder::new(String::new()), options };
    let mut at = 0;
    while at < body.len() {
        let message = delimited(body, &mut at)?;
        reader.family(message, at - message.len())?;
    }
    reader.builder.finish()
}

struct Reader {
    builder: Builder<'static>,
    options: ParseOptions,
}

/// Takes the message at `at` off, whose length stands before it.
fn delimited<'b>(bytes: &'b [u8], at: &mut usize) -> Result<&'b [u8], Problem> {
    let mut rest = &bytes[*at..];
    let length = decode_varint(&mut rest)
        .map_err(|_| Problem::new(*at, "found no length of a message; expected a varint"))?;
    let Some(message) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
        let left = rest.len();
        let problem =
            format!("found a message of {length} bytes; expected at most the {left} left");
        return Err(Problem::new(*at, problem));
    };
    *at = bytes.len() - rest.len() + message.len();
    Ok(message)
}

/// `start`: where the message stands in the body.
fn decode<M: Message + Default>(message: &[u8], start: usize, what: &str) -> Result<M, Problem> {
    M::decode(message).map_err(|error| {
        Problem::new(start, format!("found {}; expected {what}", Shown(&error.to_string())))
    })
}

impl Reader {
    fn family(&mut self, message: &[u8], start: usize) -> Result<(), Problem> {
        let head: FamilyHead = decode(message, start, "a MetricFamily")?;
        let name = head.name.as_deref().unwrap_or_default();
        let is_name = is_metric_name(name) || (self.options.utf8_names && is_utf8_name(name));
        if !is_name {
            let name = Shown(name);
            let problem = format!("found the name {name}; expected [a-zA-Z_:][a-zA-Z0-9_:]*");
            return Err(Problem::new(start, problem));
        }
        let metric_type = metric_type(&head, start)?;
        let span = self.text(name);
        let family = self.builder.family(name.to_owned().into(), span);
        let (help, unit) = (
            self.text(head.help.as_deref().unwrap_or_default()),
            self.text(head.unit.as_deref().unwrap_or_default()),
        );
        let draft = &mut self.builder.families[family];
        if let Some(before) = draft.metric_type
            && before != metric_type
        {
            let name = Shown(name);
            let problem =
                format!("found the {metric_type} {name}; expected the {before} that it was before");
            return Err(Problem::new(start, problem));
        }
        draft.metric_type = Some(metric_type);
        if draft.help.is_empty() {
            draft.help = help;
        }
        if draft.unit.is_empty() {
            draft.unit = unit;
        }
        let mut rest = message;
        while !rest.is_empty() {
            // The first pass has found every field whole.
            let malformed =
                |_| Problem::new(start, "found a malformed field; expected a MetricFamily");
            let (tag, wire_type) = decode_key(&mut rest).map_err(malformed)?;
            if (tag, wire_type) == (FAMILY_METRIC_TAG, WireType::LengthDelimited) {
                let mut at = message.len() - rest.len();
                let metric = delimited(message, &mut at)?;
                rest = &message[at..];
                self.metric(family, metric_type, metric, start + at - metric.len())?;
            } else {
                let context = DecodeContext::default();
                skip_field(wire_type, tag, &mut rest, context).map_err(malformed)?;
            }
        }
        Ok(())
    }

    fn metric(
        &mut self,
        family: usize,
        metric_type: MetricType,
        message: &[u8],
        at: usize,
    ) -> Result<(), Problem> {
        if self.builder.out.metrics.len() == MAX_SAMPLES {
            let problem = format!("found more than {MAX_SAMPLES} metrics; expected at most that");
            return Err(Problem::new(at, problem));
        }
        let metric: Metric = decode(message, at, "a Metric")?;
        let first_label = self.builder.out.pairs.len();
        let own = match metric_type {
            MetricType::Histogram => "le",
            MetricType::Summary => "quantile",
            _ => "",
        };
        for label in &metric.label {
            self.label(label, own, at)?;
        }
        self.refuse_repeated_names(first_label, at)?;
        let has_timestamp = metric.timestamp_ms.is_some();
        let missing = || Problem::new(at, format!("found no {metric_type}, which its family is"));
        let mut created = None;
        let mut exemplar = None;
        let value = match metric_type {
            MetricType::Counter => {
                let counter = metric.counter.ok_or_else(missing)?;
                created = counter.created_timestamp;
                exemplar = counter.exemplar;
                counter.value
            }
            MetricType::Gauge => metric.gauge.ok_or_else(missing)?.value,
            MetricType::Untyped => metric.untyped.ok_or_else(missing)?.value,
            MetricType::Histogram | MetricType::Summary => {
                let metric_index =
                    self.builder.push(family, first_label, unsettled(metric_type), has_timestamp);
                let series = self.builder.composites.push(family, metric_index, at);
                let created = match (metric.histogram, metric.summary) {
                    (Some(histogram), _) if metric_type == MetricType::Histogram => {
                        self.histogram(series, &histogram, at)?;
                        histogram.created_timestamp
                    }
                    (_, Some(summary)) if metric_type == MetricType::Summary => {
                        self.summary(series, &summary, at)?;
                        summary.created_timestamp
                    }
                    _ => return Err(missing()),
                };
                let created = created.map(|time| timestamp(time, at)).transpose()?;
                self.builder.out.metrics[metric_index].created = created;
                return Ok(());
            }
        };
        let exemplar = exemplar.map(|exemplar| self.exemplar(&exemplar, at)).transpose()?;
        let value = value.unwrap_or_default();
        self.builder.push_scalar(family, first_label, value, exemplar, has_timestamp);
        let created = created.map(|time| timestamp(time, at)).transpose()?;
        self.builder.out.metrics.last_mut().expect("it was just added").created = created;
        Ok(())
    }

    fn label(&mut self, label: &LabelPair, own: &str, at: usize) -> Result<(), Problem> {
        let name = label.name.as_deref().unwrap_or_default();
        let is_name = is_label_name_of(name, self.options.utf8_names);
        if !is_name || name == own {
            let expected = match is_name {
                true => "a name that its type does not set itself",
                false => "[a-zA-Z_][a-zA-Z0-9_]* that __ does not begin",
            };
            let name = Shown(name);
            return Err(Problem::new(at, format!("found the label {name}; expected {expected}")));
        }
        let name = self.text(name);
        let value = self.text(label.value.as_deref().unwrap_or_default());
        self.builder.out.pairs.push(ExposedLabel { name, value });
        Ok(())
    }

    fn refuse_repeated_names(&self, first: usize, at: usize) -> Result<(), Problem> {
        let labels = self.builder.loose_labels(first);
        match label_sets::repeated_name(&self.builder.out.text, labels) {
            None => Ok(()),
            Some(repeated) => {
                let name = Shown(self.builder.out.text(labels[repeated].name));
                let problem = format!("found the label {name} twice; expected each label once");
                Err(Problem::new(at, problem))
            }
        }
    }

    fn exemplar(
        &mut self,
        message: &messages::Exemplar,
        at: usize,
    ) -> Result<Arc<Exemplar>, Problem> {
        let first = self.builder.out.pairs.len();
        let text_length = self.builder.out.text.len();
        for label in &message.label {
            self.label(label, "", at)?;
        }
        self.refuse_repeated_names(first, at)?;
        let out = &mut self.builder.out;
        let labels = exemplar::render(&out.text, &out.pairs[first..], at)?;
        out.pairs.truncate(first);
        out.text.truncate(text_length);
        let timestamp = message.timestamp.map(|time| timestamp(time, at)).transpose()?;
        Ok(Arc::new(Exemplar { labels, value: message.value.unwrap_or_default(), timestamp }))
    }

    fn text(&mut self, text: &str) -> Span {
        let arena = &mut self.builder.out.text;
        let start = arena.len();
        arena.push_str(text);
        Span::new(start, arena.len())
    }
}

fn metric_type(head: &FamilyHead, at: usize) -> Result<MetricType, Problem> {
    // A family that does not say is of the first type: counter.
    let number = head.r#type.unwrap_or_default();
    match messages::MetricType::try_from(number) {
        Ok(messages::MetricType::Counter) => Ok(MetricType::Counter),
        Ok(messages::MetricType::Gauge) => Ok(MetricType::Gauge),
        Ok(messages::MetricType::Summary) => Ok(MetricType::Summary),
        Ok(messages::MetricType::Untyped) => Ok(MetricType::Untyped),
        Ok(messages::MetricType::Histogram) => Ok(MetricType::Histogram),
        Ok(messages::MetricType::GaugeHistogram) | Err(_) => {
            let found = match number {
                5 => "the type GAUGE_HISTOGRAM".to_owned(),
                _ => format!("a type of number {number}"),
            };
            let expected = "COUNTER, GAUGE, SUMMARY, UNTYPED or HISTOGRAM";
            Err(Problem::new(at, format!("found {found}; expected {expected}")))
        }
    }
}

fn timestamp(time: messages::Timestamp, at: usize) -> Result<Timestamp, Problem> {
    let milliseconds = time.seconds.checked_mul(1000).and_then(|milliseconds| {
        u64::try_from(milliseconds.checked_add(i64::from(time.nanos) / 1_000_000)?).ok()
    });
    let found = time.seconds;
    milliseconds.map(Timestamp).ok_or_else(|| {
        Problem::new(at, format!("found a time of {found} seconds; expected one after 1970"))
    })
}
