//! What a sample means by the type of its family.
//!
//! Values of counters, gauges and untyped series are metrics as they are; lines of histograms and
//! summaries are handed on, each with the bound or quantile that its label says.

use super::super::composite::unsettled;
use super::super::names::Role;
use super::super::number;
use super::super::problem::{Problem, Shown};
use super::Reader;
use super::sample::Sample;
use crate::model::{MetricType, Span};

impl Reader<'_> {
    pub(super) fn add(&mut self, sample: Sample<'_>) -> Result<(), Problem> {
        let Sample { at, family, role, first_label, has_timestamp, .. } = sample;
        let metric_type = self.builder.families[family].metric_type;
        let is_counter = metric_type == Some(MetricType::Counter);
        if let Some((at, _)) = sample.exemplar
            && role != Role::Bucket
            && !(role == Role::Value && is_counter)
        {
            let problem = "found an exemplar; expected one only on counters and buckets";
            return Err(Problem::new(at, problem));
        }
        match role {
            Role::Value => {
                let value = self.value(&sample, number::float, "a number")?;
                let exemplar = sample.exemplar.map(|(_, exemplar)| exemplar);
                self.builder.push_scalar(family, first_label, value, exemplar, has_timestamp);
                Ok(())
            }
            Role::Created if is_counter => {
                let time = self.value(&sample, number::seconds, "a time in seconds")?;
                self.builder.created(family, first_label, at, time);
                Ok(())
            }
            Role::Bare => {
                let declared = self.builder.families[family].declared.unwrap_or("untyped");
                let name = self.builder.family_name(family);
                // The names of the others have their suffix already.
                let suffixes = match metric_type {
                    Some(MetricType::Histogram) => " with _bucket, _sum or _count",
                    _ => "",
                };
                let problem =
                    format!("found the {declared}'s bare name; expected {name}{suffixes}");
                Err(Problem::new(at, problem))
            }
            _ => self.add_to_composite(sample),
        }
    }

    /// A line of a histogram or a summary.
    fn add_to_composite(&mut self, sample: Sample<'_>) -> Result<(), Problem> {
        let Sample { at, family, role, first_label, .. } = sample;
        let draft = &self.builder.families[family];
        let metric_type = draft.metric_type.expect("a claimed name's family has a type");
        let own_label = if metric_type == MetricType::Histogram { "le" } else { "quantile" };
        let own = self.take_label(first_label, own_label);
        let edge = match (own, role) {
            (Some(text), Role::Bucket | Role::Quantile) => self.edge(text, own_label, at)?,
            (None, Role::Bucket | Role::Quantile) => {
                let problem = format!("found no label {own_label}, which this sample must have");
                return Err(Problem::new(at, problem));
            }
            (Some(_), _) => {
                let problem = format!("found the label {own_label}, which this sample cannot have");
                return Err(Problem::new(at, problem));
            }
            // Not looked at for these roles.
            (None, _) => 0.0,
        };
        let (series, metric) = self.series(&sample, metric_type);
        self.builder.out.metrics[metric].has_timestamp |= sample.has_timestamp;
        let whole = "a whole number of observations";
        match role {
            Role::Bucket => {
                let cumulative = self.value(&sample, number::count, whole)?;
                let exemplar = sample.exemplar.map(|(_, exemplar)| exemplar);
                self.builder.composites.bucket(series, edge, cumulative, exemplar, at);
            }
            Role::Quantile => {
                let value = self.value(&sample, number::float, "a number")?;
                self.builder.composites.quantile(series, edge, value, at);
            }
            Role::Count => {
                let count = self.value(&sample, number::count, whole)?;
                self.builder.composites.count(series, count, at)?;
            }
            Role::Created => {
                let time = self.value(&sample, number::seconds, "a time in seconds")?;
                self.builder.out.metrics[metric].created = Some(time);
            }
            Role::Sum | Role::Value | Role::Bare => {
                let sum = self.value(&sample, number::float, "a number")?;
                self.builder.composites.sum(series, sum, at)?;
            }
        }
        Ok(())
    }

    /// The series of a line, and its metric: one that is there already, or a new one.
    fn series(&mut self, sample: &Sample<'_>, metric_type: MetricType) -> (usize, usize) {
        let Sample { at, family, first_label, .. } = *sample;
        let builder = &mut self.builder;
        let labels = &builder.out.pairs[first_label..];
        if let Some(found) = builder.composites.find(&builder.out, family, labels) {
            builder.out.pairs.truncate(first_label);
            return found;
        }
        let metric = builder.push(family, first_label, unsettled(metric_type), false);
        (builder.composites.insert(&builder.out, family, metric, at), metric)
    }

    /// The value of a label, which is then none of the sample's any more.
    fn take_label(&mut self, first: usize, name: &str) -> Option<Span> {
        let builder = &mut self.builder;
        let is_it = |label: &crate::model::exposition::ExposedLabel| {
            &builder.out.text[label.name.range()] == name
        };
        let found = builder.out.pairs[first..].iter().position(is_it)?;
        Some(builder.out.pairs.remove(first + found).value)
    }

    /// The number that `le` or `quantile` says.
    fn edge(&self, text: Span, label: &str, at: usize) -> Result<f64, Problem> {
        let text = self.builder.out.text(text);
        let number = number::float(text);
        let (found, expected) = match label {
            "le" => (number.filter(|bound| *bound > f64::NEG_INFINITY), "a number or +Inf"),
            // Beyond 0 to 1 it means nothing, and harms nobody.
            _ => (number.filter(|quantile| !quantile.is_nan()), "a number"),
        };
        found.ok_or_else(|| {
            Problem::new(at, format!("found {label}={}; expected {expected}", Shown(text)))
        })
    }

    fn value<T>(
        &self,
        sample: &Sample<'_>,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<T, Problem> {
        parse(sample.value).ok_or_else(|| match sample.value {
            "" => self.cursor.back_to(sample.value_at).expected(expected),
            value => {
                let problem = format!("found {}; expected {expected}", Shown(value));
                Problem::new(sample.value_at, problem)
            }
        })
    }
}
