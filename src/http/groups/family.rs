//! A family's series within one group: every number is text, as in the Pushgateway's API.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::LabelSet;
use crate::expose::number::push_go_number;
use crate::model::Timestamp;
use crate::store::{Family, RowView, Values};

pub(super) struct FamilyView<'a> {
    pub(super) family: &'a Family,
    pub(super) rows: &'a [usize],
    /// When the group was last pushed to.
    pub(super) time_stamp: &'a str,
    pub(super) now: Timestamp,
}

struct SeriesView<'a> {
    values: &'a Values,
    row: RowView<'a>,
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
        let series = rows.iter().map(|row| {
            let (values, row) = (&family.values, family.row(*row));
            SeriesView { values, row, now: *now }
        });
        view.serialize_entry("metrics", &series.collect::<Vec<_>>())?;
        view.end()
    }
}

impl Serialize for SeriesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { values, row, now } = *self;
        let mut series = serializer.serialize_map(None)?;
        series.serialize_entry("labels", &LabelSet(row.labels()))?;
        if let Values::Scalars(_) = values {
            series.serialize_entry("value", &number(row.scalar(now)))?;
            return series.end();
        }
        series.serialize_entry("count", &row.count().to_string())?;
        series.serialize_entry("sum", &number(row.sum()))?;
        if let Values::Histograms { .. } = values {
            let buckets = row.buckets();
            let buckets =
                buckets.map(|(bound, cumulative)| (number(bound), cumulative.to_string()));
            series.serialize_entry("buckets", &Pairs(buckets.collect()))?;
        } else {
            let quantiles = row.quantiles(now).into_iter();
            let quantiles = quantiles.map(|(quantile, value)| (number(quantile), number(value)));
            series.serialize_entry("quantiles", &Pairs(quantiles.collect()))?;
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
