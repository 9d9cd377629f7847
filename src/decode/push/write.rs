//! A parsed body becomes a [`Write`]: each family and series with what it does to the state.
//!
//! One pass over the body. Label texts, numbers and counts go to the write's own arenas, so that
//! nothing is allocated for a series but for exemplars. The first series that cannot be taken
//! refuses the whole push, and the refusal names it.

use std::ops::Range;

use super::path_labels::PathLabels;
use super::series_labels::{DuplicateLabel, SeriesLabels};
use super::{Dialect, change, duplicates, effect};
use crate::decode::DecodeOptions;
use crate::decode::name::check_not_reserved;
use crate::decode::refusal::{Quoted, Verbatim};
use crate::model::exposition::{ExposedFamily, ExposedMetric, Exposition};
use crate::model::push::{PushedFamily, PushedSeries, Write, is_group_time};
use crate::model::{Effect, MetricType, PushRefusal, Reason, Span};

/// The most that names, labels and help texts of a push may take: each series repeats the path's
/// labels, so they can be far more than the body.
const MAX_TEXT_BYTES: usize = 1 << 30;

/// What any push may take; a larger one may take so many times its body's own text. So a small body
/// behind a long path does not take all memory.
const FREE_TEXT_BYTES: usize = 64 << 20;
const MOST_TIMES_THE_BODY: usize = 64;

/// Gives every series of the body its meaning. Says nothing of groups yet.
pub(super) fn write<'a>(
    body: &'a Exposition,
    path: &'a PathLabels<'a>,
    dialect: Dialect,
    options: &'a DecodeOptions,
) -> Result<Write, PushRefusal> {
    let write = Write {
        series: Vec::with_capacity(body.metrics.len()),
        text: String::with_capacity(body.text.len()),
        counts: Vec::with_capacity(body.buckets.len()),
        ..Write::default()
    };
    let labels = SeriesLabels::new(path, dialect, options);
    let mut writer = Writer { body, path, dialect, labels, write };
    for family in &body.families {
        writer.family(family)?;
    }
    let write = writer.write;
    // In gravel-gateway's dialect what adds up may come in parts.
    if dialect != Dialect::Aggregate
        && let Some((family, series)) = duplicates::find(&write)
    {
        return Err(twice(&write, family, series));
    }
    Ok(write)
}

/// Refuses texts that are more than any reasonable push has.
pub(super) fn check_size(text: &str, body: &Exposition) -> Result<(), PushRefusal> {
    let most = MOST_TIMES_THE_BODY * body.text.len();
    let most = most.clamp(FREE_TEXT_BYTES, MAX_TEXT_BYTES);
    if text.len() <= most {
        return Ok(());
    }
    let detail = format!(
        "names and labels, the path's with every series, of over {most} bytes; expected less, in \
         several pushes or with a shorter path"
    );
    Err(PushRefusal { reason: Reason::TooLarge, detail })
}

struct Writer<'a> {
    body: &'a Exposition,
    path: &'a PathLabels<'a>,
    dialect: Dialect,
    labels: SeriesLabels<'a>,
    write: Write,
}

impl<'a> Writer<'a> {
    fn family(&mut self, family: &ExposedFamily) -> Result<(), PushRefusal> {
        let name = self.body.text(family.name);
        if self.dialect == Dialect::Replace && is_group_time(name) {
            return Ok(());
        }
        check_not_reserved(name, family.metric_type)
            .map_err(|refusal| PushRefusal { reason: refusal.reason, detail: refusal.detail })?;
        self.check_path(family.metric_type, name)?;
        let at = self.write.families.len();
        let pushed = PushedFamily {
            name: self.text(name),
            metric_type: family.metric_type,
            help: self.text(self.body.text(family.help)),
            unit: self.text(self.body.text(family.unit)),
            clears: false,
            prevails: false,
            series: 0..0,
        };
        self.write.families.push(pushed);
        let first = self.write.series.len();
        for metric in self.body.metrics(family) {
            let effect = self.series(family.metric_type, name, metric)?;
            if let Effect::Combine { clears_family: true, .. } = effect {
                self.write.families[at].clears = true;
            }
        }
        self.write.families[at].series = range(first, self.write.series.len());
        Ok(())
    }

    /// The labels that a type sets itself may not come from the path.
    fn check_path(&self, metric_type: MetricType, name: &str) -> Result<(), PushRefusal> {
        let own = match metric_type {
            MetricType::Histogram => "le",
            MetricType::Summary => "quantile",
            MetricType::Counter | MetricType::Gauge | MetricType::Untyped => return Ok(()),
        };
        if !self.path.contains(own) {
            return Ok(());
        }
        let detail = format!(
            "the label {own} in the path, which the {metric_type} {} sets itself; expected another \
             name",
            Quoted(name)
        );
        Err(PushRefusal { reason: Reason::InvalidLabel, detail })
    }

    fn series(
        &mut self,
        metric_type: MetricType,
        name: &str,
        metric: &ExposedMetric,
    ) -> Result<Effect, PushRefusal> {
        let start = self.write.text.len();
        let labels = self.body.labels(metric);
        let written = self
            .labels
            .append(name, self.body, labels, &mut self.write.text)
            .map_err(|DuplicateLabel(label)| duplicate_label(label, metric_type, name))?;
        check_size(&self.write.text, self.body)?;
        let labels = Span::new(start, self.write.text.len());
        let refuse = |write: &Write, reason, problem: String| {
            let series = series_text(metric_type, name, write.text(labels));
            PushRefusal { reason, detail: format!("{series}: {problem}") }
        };
        if metric.has_timestamp && self.dialect == Dialect::Replace {
            let problem =
                "a sample with a timestamp; expected none, as the time of the push counts";
            return Err(refuse(&self.write, Reason::InvalidValue, problem.into()));
        }
        let clear_mode = written.clear_mode;
        let effect = effect::effect(self.dialect, metric_type, clear_mode).map_err(|expected| {
            let problem =
                format!("the clearmode {}; expected {expected}", Quoted(clear_mode.unwrap_or("")));
            refuse(&self.write, Reason::InvalidMode, problem)
        })?;
        effect::check(effect, self.dialect, metric_type, &metric.value).map_err(
            |(what, value, unfit)| {
                let expected = unfit.expected;
                refuse(&self.write, unfit.reason, format!("{what} {value}; expected {expected}"))
            },
        )?;
        let change = change::append(self.body, &metric.value, effect, &mut self.write);
        let created = metric.created;
        self.write.series.push(PushedSeries { labels, hash: written.hash, change, created });
        Ok(effect)
    }

    fn text(&mut self, text: &str) -> Span {
        let start = self.write.text.len();
        self.write.text.push_str(text);
        Span::new(start, self.write.text.len())
    }
}

fn range(start: usize, end: usize) -> Range<u32> {
    let narrow = |at: usize| u32::try_from(at).expect("fewer series than bytes of text");
    narrow(start)..narrow(end)
}

/// `counter x{a="1"}`, as far as it is short enough to be told.
fn series_text(metric_type: MetricType, name: &str, labels: &str) -> String {
    let name = Verbatim(name);
    if labels.is_empty() {
        return format!("{metric_type} {name}");
    }
    format!("{metric_type} {name}{{{}}}", Verbatim(labels))
}

fn duplicate_label(label: &str, metric_type: MetricType, name: &str) -> PushRefusal {
    let detail = format!(
        "duplicate label {}: a series of the {metric_type} {} carries it, and so does the path; \
         expected only one of them to",
        Verbatim(label),
        Verbatim(name)
    );
    PushRefusal { reason: Reason::InvalidLabel, detail }
}

fn twice(write: &Write, family: usize, series: usize) -> PushRefusal {
    let family = &write.families[family];
    let labels = write.text(write.series[series].labels);
    let series = series_text(family.metric_type, write.text(family.name), labels);
    let detail =
        format!("duplicate series: {series} stands twice in the push; expected every series once");
    PushRefusal { reason: Reason::Inconsistent, detail }
}
