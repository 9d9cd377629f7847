//! One family from its columns.

use migrations::v3;

use super::lengths::expect_length;
use super::{sparse, summaries, times};
use crate::model::MetricType;
use crate::store::{Family, TextColumn, Values};

/// Its rows are in groups by the indexes of the file.
pub(super) fn family(stored: v3::Family) -> Result<Family, String> {
    let rows = stored.label_lengths.len();
    let metric_type = MetricType::ALL
        .into_iter()
        .find(|metric_type| metric_type.as_str() == stored.metric_type)
        .ok_or_else(|| format!("unknown type `{}`", stored.metric_type))?;
    let mut family = Family::empty(&stored.name, metric_type);
    family.help = stored.help.into();
    family.unit = stored.unit.into();
    family.labels = texts(stored.label_texts.iter().map(|piece| &**piece), &stored.label_lengths)?;
    family.values = values(metric_type, rows, stored.values)?;
    let starts = if family.has_start_times() { rows } else { 0 };
    expect_length("start times", stored.created_at_milliseconds.len(), Some(starts))?;
    family.created = times(&stored.created_at_milliseconds).collect();
    if let Some(columns) = &stored.sliding_windows {
        sparse::sliding_windows(&mut family, columns)?;
    }
    if let Some(columns) = &stored.exemplars {
        sparse::exemplars(&mut family, columns)?;
    }
    if let Some(columns) = &stored.quantiles {
        sparse::quantiles(&mut family, columns)?;
    }
    if let Some(columns) = &stored.native_histograms {
        sparse::native_histograms(&mut family, columns)?;
    }
    if let Some(columns) = &stored.groups {
        sparse::groups(&mut family, columns)?;
    }
    if let Some(columns) = &stored.removed {
        sparse::removed(&mut family, columns)?;
    }
    Ok(family)
}

fn values(metric_type: MetricType, rows: usize, stored: v3::Values) -> Result<Values, String> {
    use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};
    match (metric_type, stored) {
        (Counter | Gauge | Untyped, v3::Values::Scalars(values)) => {
            expect_length("values", values.len(), Some(rows))?;
            Ok(Values::Scalars(values))
        }
        (Histogram, v3::Values::Histograms { bounds, counts, sums }) => {
            histograms(rows, bounds, counts, sums)
        }
        (Summary, v3::Values::Summaries { objectives, counts, sums, windows }) => {
            expect_length("counts", counts.len(), Some(rows))?;
            expect_length("sums", sums.len(), Some(rows))?;
            let objectives = summaries::objectives(&objectives)?;
            let windows = summaries::windows(&windows)?;
            let expected = if objectives.is_empty() { 0 } else { rows };
            expect_length("windows", windows.len(), Some(expected))?;
            Ok(Values::Summaries { objectives, counts, sums, windows })
        }
        _ => Err(format!("its values are not those of a {metric_type}")),
    }
}

/// The texts that these pieces are made of, each of which is within one.
pub(super) fn texts<'a>(
    pieces: impl IntoIterator<Item = &'a str>,
    lengths: &[u32],
) -> Result<TextColumn, String> {
    let mut column = TextColumn::default();
    let mut pieces = pieces.into_iter();
    let mut rest = "";
    for &length in lengths {
        while rest.is_empty()
            && length > 0
            && let Some(piece) = pieces.next()
        {
            rest = piece;
        }
        let (text, after) = rest.split_at_checked(length as usize).ok_or_else(|| {
            format!("labels of {length} bytes, and a piece of them that ends after {}", rest.len())
        })?;
        column.push(text);
        rest = after;
    }
    let too_many = rest.len() + pieces.map(str::len).sum::<usize>();
    match too_many {
        0 => Ok(column),
        _ => Err(format!("{too_many} bytes of its labels belong to no series")),
    }
}

fn histograms(
    rows: usize,
    bounds: Vec<f64>,
    counts: Vec<u64>,
    sums: Vec<f64>,
) -> Result<Values, String> {
    if !bounds.iter().all(|bound| bound.is_finite()) || !bounds.is_sorted_by(|a, b| a < b) {
        return Err(format!("its bounds {bounds:?} are not finite and ascending"));
    }
    expect_length("counts", counts.len(), rows.checked_mul(bounds.len() + 1))?;
    expect_length("sums", sums.len(), Some(rows))?;
    let fits = |row: &[u64]| row.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n)).is_some();
    if !counts.chunks(bounds.len() + 1).all(fits) {
        return Err("a series with more observations than can be counted".into());
    }
    Ok(Values::Histograms { bounds: bounds.into(), counts, sums })
}
