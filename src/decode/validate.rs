//! A member's fields become an event, or the first reason why they don't.
//!
//! The order of the checks is fixed (type, name, mode, labels, buckets or
//! quantiles, value), so that the same bad event always has the same reason.

use super::Decoder;
use super::fields::{Fields, Scalar};
use super::name::check_metric_name;
use super::number;
use super::number_list::{append_buckets, append_quantiles};
use super::refusal::{Quoted, Refusal};
use crate::model::{Event, MetricType, Mode, Reason, Span};

impl Decoder<'_> {
    /// Writes the event's texts and numbers to the batch. After a refusal, the
    /// caller undoes what was written. `entry` and `raw` are left to the caller.
    pub(super) fn validate(&mut self, fields: &Fields<'_>) -> Result<Event, Refusal> {
        let metric_type = metric_type(&fields.metric_type.scalar())?;
        let name = match fields.name.scalar() {
            Scalar::Text(name) => name,
            other => {
                let detail = format!("{other} as name; expected a string");
                return Err(Refusal::new(Reason::InvalidName, detail));
            }
        };
        check_metric_name(&name, metric_type)?;
        let mode = mode(&fields.mode.scalar(), metric_type, &name)?;

        let text = &mut self.batch.text;
        let name_at = text.len();
        text.push_str(&name);
        let labels_at = text.len();
        let hash = self.labels.append(
            fields,
            metric_type,
            name_at..labels_at,
            text,
            self.options.sort_labels,
            &self.options.hasher,
        )?;
        let help_at = text.len();
        if let Scalar::Text(help) = fields.help.scalar() {
            text.push_str(&help);
        } else if let Scalar::Literal(help) = fields.help.scalar() {
            text.push_str(help);
        }

        let numbers = &mut self.batch.numbers;
        let numbers_at = numbers.len();
        match metric_type {
            MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {}
            MetricType::Histogram => append_buckets(fields.buckets, &name, numbers)?,
            MetricType::Summary => append_quantiles(
                fields.quantiles,
                fields.epsilons,
                &name,
                &mut self.quantiles,
                numbers,
            )?,
        }
        let value = value(&fields.value.scalar(), metric_type, mode, &name)?;

        Ok(Event {
            entry: 0,
            raw: Span::default(),
            metric_type,
            name: Span::new(name_at, labels_at),
            labels: Span::new(labels_at, help_at),
            help: Span::new(help_at, text.len()),
            numbers: Span::new(numbers_at, numbers.len()),
            value,
            mode,
            hash,
        })
    }
}

fn metric_type(sent: &Scalar<'_>) -> Result<MetricType, Refusal> {
    let word: &str = match sent {
        Scalar::Missing | Scalar::Null => return Ok(MetricType::Counter),
        Scalar::Text(word) => word,
        Scalar::Literal(json) | Scalar::Unusable(json) => json,
    };
    // The numbers are those of the predecessor's enumeration.
    const SPELLINGS: [(MetricType, &str); 4] = [
        (MetricType::Counter, "0"),
        (MetricType::Gauge, "1"),
        (MetricType::Summary, "2"),
        (MetricType::Histogram, "3"),
    ];
    for (metric_type, number) in SPELLINGS {
        if word.eq_ignore_ascii_case(metric_type.as_str()) || word == number {
            return Ok(metric_type);
        }
    }
    let detail = format!("{sent} as type; expected counter, gauge, histogram or summary");
    Err(Refusal::new(Reason::InvalidType, detail))
}

/// What the value is to do to what is there. What the type does anyway is [`Mode::Natural`].
fn mode(sent: &Scalar<'_>, metric_type: MetricType, name: &str) -> Result<Mode, Refusal> {
    let mode = match sent {
        Scalar::Missing | Scalar::Null => return Ok(Mode::Natural),
        Scalar::Text(text) => Mode::parse(text),
        Scalar::Literal(_) | Scalar::Unusable(_) => None,
    };
    let expected = match (metric_type, mode) {
        (MetricType::Gauge, Some(Mode::Replace)) => return Ok(Mode::Natural),
        (MetricType::Gauge, Some(mode)) => return Ok(mode),
        (_, Some(Mode::Add)) => return Ok(Mode::Natural),
        (MetricType::Counter | MetricType::Untyped, Some(mode)) => return Ok(mode),
        (MetricType::Histogram | MetricType::Summary, _) => "aggregate or sum",
        (MetricType::Counter | MetricType::Gauge | MetricType::Untyped, None) => Mode::EXPECTED,
    };
    let name = Quoted(name);
    let detail = format!("the mode {sent} of the {metric_type} {name}; expected {expected}");
    Err(Refusal::new(Reason::InvalidMode, detail))
}

fn value(
    sent: &Scalar<'_>,
    metric_type: MetricType,
    mode: Mode,
    name: &str,
) -> Result<f64, Refusal> {
    if *sent == Scalar::Missing {
        return Ok(0.0);
    }
    let combine = mode.effect(metric_type.combine()).combine();
    let refuse = |reason, expected: &str| {
        let name = Quoted(name);
        let detail = format!("{sent} as value of the {metric_type} {name}; expected {expected}");
        Refusal::new(reason, detail)
    };
    let value = number::parse(sent)
        .ok_or_else(|| refuse(Reason::InvalidValue, "a number that fits an f64"))?;
    let checked = combine.check(metric_type, value);
    checked.map(|()| value).map_err(|unfit| refuse(unfit.reason, unfit.expected))
}
