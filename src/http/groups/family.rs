//! A family's series within one group: every number is text, as in the Pushgateway's API.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::LabelSet;
use crate::expose::number::push_go_number;
use crate::model::Timestamp;
use crate::store::{Family, Values};

pub(super) struct FamilyView<'a> {
    pub(super) family: &'a Family,
    pub(super) rows: &'a [usize],
    /// When the group was last pushed to.
    pub(super) time_stamp: &'a str,
    pub(super) now: Timestamp,
}

struct SeriesView<'a> {
    family: &'a Family,
    row: usize,
    now: Timestamp,
}

impl Serialize for FamilyView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { family, rows, time_stamp, now } = self;
        let mut view = serializer.serialize_map(None)?;
        view.serialize_entry("time_stamp", time_stamp)?;
        view.serialize_entry("type", &family.metric_type.as_str().to_ascii_uppercase())?;
        if !family.help.is_empty() {
            view.serialize_entry("help", &*family.help)?;
        }
        let series = rows.iter().map(|row| SeriesView { family, row: *row, now: *now });
        view.serialize_entry("metrics", &series.collect::<Vec<_>>())?;
        view.end()
    }
}

impl Serialize for SeriesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { family, row, now } = *self;
        let mut series = serializer.serialize_map(None)?;
        series.serialize_entry("labels", &LabelSet(family.labels.get(row)))?;
        match &family.values {
            Values::Scalars(values) => {
                let window = family.windows.get(row);
                let value = window.map_or(values[row], |window| window.value(now));
                series.serialize_entry("value", &number(value))?;
            }
            Values::Histograms { bounds, counts, sums } => {
                let width = bounds.len() + 1;
                let own = &counts[row * width..][..width];
                let upper_bounds = bounds.iter().copied().chain([f64::INFINITY]).map(number);
                let cumulative = own.iter().scan(0_u64, |total, own| {
                    *total += own;
                    Some(total.to_string())
                });
                series.serialize_entry("count", &own.iter().sum::<u64>().to_string())?;
                series.serialize_entry("sum", &number(sums[row]))?;
                series
                    .serialize_entry("buckets", &Pairs(upper_bounds.zip(cumulative).collect()))?;
            }
            Values::Summaries { objectives, counts, sums, windows } => {
                let quantiles: Vec<(f64, f64)> = match (family.quantiles.get(row), windows.get(row))
                {
                    (Some(pushed), _) => pushed.to_vec(),
                    (None, Some(window)) => {
                        let estimates = window.quantiles(objectives, now);
                        objectives.iter().map(|it| it.quantile).zip(estimates).collect()
                    }
                    (None, None) => Vec::new(),
                };
                let quantiles = quantiles.into_iter();
                let quantiles =
                    quantiles.map(|(quantile, value)| (number(quantile), number(value)));
                series.serialize_entry("count", &counts[row].to_string())?;
                series.serialize_entry("sum", &number(sums[row]))?;
                series.serialize_entry("quantiles", &Pairs(quantiles.collect()))?;
            }
        }
        series.end()
    }
}

/// Keys and values of an object, in this order.
struct Pairs(Vec<(String, String)>);

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn number(value: f64) -> String {
    let mut text = Vec::new();
    push_go_number(&mut text, value);
    String::from_utf8(text).expect("numbers are ASCII")
}
