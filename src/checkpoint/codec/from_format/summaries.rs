//! Objectives, and the windows in which quantiles are estimated.

use std::sync::Arc;

use migrations::v3;

use super::lengths::{expect_length, total};
use crate::model::Timestamp;
use crate::store::summary::{Objective, Sample, SketchParts, Window, WindowParts};

pub(super) fn objectives(stored: &[v3::Objective]) -> Result<Arc<[Objective]>, String> {
    let within = |number: f64| number > 0.0 && number < 1.0;
    let valid = stored.iter().all(|o| within(o.quantile) && within(o.epsilon))
        && stored.is_sorted_by(|a, b| a.quantile < b.quantile);
    if !valid {
        return Err(format!("its objectives {stored:?} are not ascending between 0 and 1"));
    }
    let objectives = stored.iter().map(|o| Objective { quantile: o.quantile, epsilon: o.epsilon });
    Ok(objectives.collect())
}

pub(super) fn windows(columns: &v3::Windows) -> Result<Vec<Arc<Window>>, String> {
    let sketches = total(&columns.sketch_counts);
    let samples = total(&columns.sample_counts);
    let windows = Some(columns.turns_at_milliseconds.len());
    expect_length("age bucket counts", columns.sketch_counts.len(), windows)?;
    expect_length("observations", columns.observations.len(), sketches)?;
    expect_length("sample counts", columns.sample_counts.len(), sketches)?;
    expect_length("sample values", columns.values.len(), samples)?;
    expect_length("sample gaps", columns.gaps.len(), samples)?;
    expect_length("sample deltas", columns.deltas.len(), samples)?;

    let mut samples = columns
        .values
        .iter()
        .zip(&columns.gaps)
        .zip(&columns.deltas)
        .map(|((&value, &gap), &delta)| Sample { value, gap, delta });
    let mut sketches =
        columns.observations.iter().zip(&columns.sample_counts).map(|(&observations, &count)| {
            SketchParts { observations, samples: samples.by_ref().take(count as usize).collect() }
        });
    let per_window = columns.turns_at_milliseconds.iter().zip(&columns.sketch_counts);
    per_window
        .map(|(&turns_at, &count)| {
            let sketches = sketches.by_ref().take(count as usize).collect();
            let parts = WindowParts { turns_at: Timestamp(turns_at), sketches };
            Window::from_parts(parts).map(Arc::new)
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "one of its windows does not hold together".to_owned())
}
