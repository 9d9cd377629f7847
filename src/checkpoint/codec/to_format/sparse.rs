//! What only some rows of a family have: each column lists those that do.

use migrations::v3;

use super::family::count;
use crate::checkpoint::codec::CodecError;
use crate::model::WindowedValue;
use crate::store::Family;

/// Tells of each row that has something how many had nothing since the one before.
#[derive(Default)]
pub(super) struct Skipped {
    next: usize,
    pub(super) column: Vec<u32>,
}

impl Skipped {
    pub(super) fn push(&mut self, row: usize) {
        let skipped = u32::try_from(row - self.next).expect("row numbers are 32 bits wide");
        self.column.push(skipped);
        self.next = row + 1;
    }
}

pub(super) fn sliding_windows(family: &Family) -> Result<Option<v3::SlidingWindows>, CodecError> {
    let mut columns = v3::SlidingWindows::default();
    let mut rows = Skipped::default();
    for (row, window) in family.windows.iter() {
        rows.push(row);
        columns.shows_mean.push(window.shows == WindowedValue::Mean);
        columns.window_seconds.push(window.window_seconds);
        columns.slot_counts.push(count(window.slots.len(), family, "slots")?);
        let mut before = 0;
        for slot in &window.slots {
            columns.slot_numbers.push(slot.number - before);
            columns.sums.push(slot.sum);
            columns.counts.push(slot.count);
            before = slot.number;
        }
    }
    columns.rows_skipped = rows.column;
    Ok((!columns.rows_skipped.is_empty()).then_some(columns))
}

pub(super) fn exemplars(family: &Family) -> Result<Option<v3::Exemplars>, CodecError> {
    let mut columns = v3::Exemplars::default();
    let mut rows = Skipped::default();
    for (row, exemplars) in family.exemplars.iter() {
        rows.push(row);
        columns.exemplar_counts.push(count(exemplars.len(), family, "exemplars")?);
        for (bucket, exemplar) in &**exemplars {
            let length = count(exemplar.labels.len(), family, "bytes of an exemplar's labels")?;
            columns.buckets.push(*bucket);
            columns.label_texts.push_str(&exemplar.labels);
            columns.label_lengths.push(length);
            columns.values.push(exemplar.value);
            columns.at_milliseconds.push(exemplar.timestamp.map(|at| at.0));
        }
    }
    columns.rows_skipped = rows.column;
    Ok((!columns.rows_skipped.is_empty()).then_some(columns))
}

pub(super) fn quantiles(family: &Family) -> Result<Option<v3::Quantiles>, CodecError> {
    let mut columns = v3::Quantiles::default();
    let mut rows = Skipped::default();
    for (row, quantiles) in family.quantiles.iter() {
        rows.push(row);
        columns.quantile_counts.push(count(quantiles.len(), family, "quantiles")?);
        columns.quantiles.extend(quantiles.iter().map(|(quantile, _)| quantile));
        columns.values.extend(quantiles.iter().map(|(_, value)| value));
    }
    columns.rows_skipped = rows.column;
    Ok((!columns.rows_skipped.is_empty()).then_some(columns))
}

pub(super) fn native_histograms(
    family: &Family,
) -> Result<Option<v3::NativeHistograms>, CodecError> {
    let mut columns = v3::NativeHistograms::default();
    let mut rows = Skipped::default();
    for (row, native) in family.natives.iter() {
        rows.push(row);
        columns.schemas.push(native.schema);
        columns.zero_thresholds.push(native.zero_threshold);
        columns.zero_counts.push(native.zero_count);
        let (positive, negative) = (native.positive.len(), native.negative.len());
        columns.positive_bucket_counts.push(count(positive, family, "buckets")?);
        columns.negative_bucket_counts.push(count(negative, family, "buckets")?);
        for (index, count) in native.positive.iter().chain(&native.negative) {
            columns.indexes.push(*index);
            columns.counts.push(*count);
        }
    }
    columns.rows_skipped = rows.column;
    Ok((!columns.rows_skipped.is_empty()).then_some(columns))
}

pub(super) fn groups(family: &Family) -> Option<v3::RowGroups> {
    let mut columns = v3::RowGroups::default();
    let mut rows = Skipped::default();
    for row in 0..family.groups.len() {
        if let Some(group) = family.group(row) {
            rows.push(row);
            columns.groups.push(u32::try_from(group).expect("indexes of groups are 32 bits wide"));
        }
    }
    columns.rows_skipped = rows.column;
    (!columns.rows_skipped.is_empty()).then_some(columns)
}

pub(super) fn removed(family: &Family) -> Option<v3::RemovedRows> {
    let mut rows = Skipped::default();
    family.removed.iter().for_each(|row| rows.push(row));
    (!rows.column.is_empty()).then_some(v3::RemovedRows { rows_skipped: rows.column })
}
