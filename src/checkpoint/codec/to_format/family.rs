//! One family in columns.

use std::sync::Arc;

use migrations::{Text, v3};

use super::{sparse, times};
use crate::checkpoint::codec::CodecError;
use crate::store::summary::{Objective, Window};
use crate::store::{Family, Values};

/// The labels of the first `known` rows are not written, nor are those of removed rows.
pub(super) fn family(family: &Family, known: usize) -> Result<v3::Family, CodecError> {
    // All of them are written from where they lie: they are most of the state.
    let as_they_are = known == 0 && family.removed.is_empty();
    let is_written = |row| row >= known && !family.removed.contains(row);
    let mut label_lengths = Vec::with_capacity(family.labels.len());
    let mut chosen = String::new();
    for (row, text) in family.labels.iter().enumerate() {
        let text = if is_written(row) { text } else { "" };
        label_lengths.push(count(text.len(), family, "bytes of labels")?);
        if !as_they_are {
            chosen.push_str(text);
        }
    }
    let label_texts = match as_they_are {
        true => family.labels.pieces().map(Text::shared).collect(),
        false => vec![Text::from(chosen)],
    };
    let created = family.created.iter().copied().chain(std::iter::repeat(Default::default()));
    let rows_with_start = if family.has_start_times() { family.labels.len() } else { 0 };
    Ok(v3::Family {
        name: family.name.to_string(),
        metric_type: family.metric_type.as_str().to_owned(),
        help: family.help.to_string(),
        unit: family.unit.to_string(),
        label_texts,
        label_lengths,
        values: values(family)?,
        created_at_milliseconds: times(created.take(rows_with_start)),
        sliding_windows: sparse::sliding_windows(family)?,
        exemplars: sparse::exemplars(family)?,
        quantiles: sparse::quantiles(family)?,
        native_histograms: sparse::native_histograms(family)?,
        groups: sparse::groups(family),
        removed: sparse::removed(family),
    })
}

fn values(family: &Family) -> Result<v3::Values, CodecError> {
    Ok(match &family.values {
        Values::Scalars(values) => v3::Values::Scalars(values.clone()),
        Values::Histograms { bounds, counts, sums } => v3::Values::Histograms {
            bounds: bounds.to_vec(),
            counts: counts.clone(),
            sums: sums.clone(),
        },
        Values::Summaries { objectives, counts, sums, windows } => v3::Values::Summaries {
            objectives: objectives
                .iter()
                .map(|objective| v3::Objective {
                    quantile: objective.quantile,
                    epsilon: objective.epsilon,
                })
                .collect(),
            counts: counts.clone(),
            sums: sums.clone(),
            windows: windows_in_columns(family, objectives, windows)?,
        },
    })
}

fn windows_in_columns(
    family: &Family,
    objectives: &[Objective],
    windows: &[Arc<Window>],
) -> Result<v3::Windows, CodecError> {
    let mut columns = v3::Windows::default();
    for window in windows {
        let parts = window.to_parts(objectives);
        columns.turns_at_milliseconds.push(parts.turns_at.0);
        columns.sketch_counts.push(count(parts.sketches.len(), family, "age buckets")?);
        for sketch in &parts.sketches {
            columns.observations.push(sketch.observations);
            columns.sample_counts.push(count(sketch.samples.len(), family, "samples")?);
            columns.values.extend(sketch.samples.iter().map(|sample| sample.value));
            columns.gaps.extend(sketch.samples.iter().map(|sample| sample.gap));
            columns.deltas.extend(sketch.samples.iter().map(|sample| sample.delta));
        }
    }
    Ok(columns)
}

pub(super) fn count(length: usize, family: &Family, of: &str) -> Result<u32, CodecError> {
    u32::try_from(length).map_err(|_| CodecError::Family {
        name: family.name.to_string(),
        what: format!("{length} {of} in one series, the format holds {}", u32::MAX),
    })
}
