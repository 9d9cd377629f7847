//! Rows that changed, put into the family they belong to.

use std::sync::Arc;

use super::lengths::{ascending, expect_length};
use crate::store::{Family, SparseColumn, Values};

/// `changed`: the rows that `skipped` lists, as they are now.
pub(super) fn apply(family: &mut Family, skipped: &[u32], changed: Family) -> Result<(), String> {
    let rows = ascending(skipped).ok_or("the rows that changed go beyond every number")?;
    expect_length("rows that changed", changed.labels.len(), Some(rows.len()))?;
    let before = family.labels.len();
    let known = rows.partition_point(|row| *row < before);
    if !rows[known..].iter().copied().eq(before..before + rows.len() - known) {
        return Err(format!("new rows do not follow its {before}"));
    }
    for (at, row) in rows[..known].iter().enumerate() {
        if !changed.labels.get(at).is_empty() {
            return Err(format!("row {row} has labels already"));
        }
        if family.removed.contains(*row) && !changed.removed.contains(at) {
            return Err(format!("row {row} was removed, and changed after that"));
        }
    }
    if family.metric_type != changed.metric_type {
        return Err(format!(
            "was a {}, and changed as a {}",
            family.metric_type, changed.metric_type
        ));
    }
    set_values(&mut family.values, &rows, changed.values)?;
    set(&mut family.created, &rows, 1, changed.created);
    set_sparse(&mut family.windows, &rows, &changed.windows);
    set_sparse(&mut family.exemplars, &rows, &changed.exemplars);
    set_sparse(&mut family.quantiles, &rows, &changed.quantiles);
    set_sparse(&mut family.natives, &rows, &changed.natives);
    for (at, row) in rows.iter().enumerate() {
        let group = changed.groups.get(at).copied().unwrap_or(0);
        if group > 0 && family.groups.len() <= *row {
            family.groups.resize(row + 1, 0);
        }
        if let Some(now) = family.groups.get_mut(*row) {
            *now = group;
        }
        if changed.removed.contains(at) {
            family.removed.insert(*row);
        }
    }
    (known..rows.len()).for_each(|at| family.labels.push(changed.labels.get(at)));
    for (text, now) in [(&mut family.help, changed.help), (&mut family.unit, changed.unit)] {
        if !now.is_empty() {
            *text = now;
        }
    }
    Ok(())
}

fn set_values(values: &mut Values, rows: &[usize], changed: Values) -> Result<(), String> {
    match (values, changed) {
        (Values::Scalars(values), Values::Scalars(now)) => set(values, rows, 1, now),
        (
            Values::Histograms { bounds, counts, sums },
            Values::Histograms { bounds: same, counts: counts_now, sums: sums_now },
        ) if *bounds == same => {
            set(counts, rows, bounds.len() + 1, counts_now);
            set(sums, rows, 1, sums_now);
        }
        (
            Values::Summaries { objectives, counts, sums, windows },
            Values::Summaries {
                objectives: same,
                counts: counts_now,
                sums: sums_now,
                windows: windows_now,
            },
        ) if *objectives == same => {
            set(counts, rows, 1, counts_now);
            set(sums, rows, 1, sums_now);
            set(windows, rows, 1, windows_now);
        }
        _ => return Err("its buckets or objectives are others than before".into()),
    }
    Ok(())
}

/// Sets these rows of a column with so many values in each; those beyond its end are appended.
fn set<T>(column: &mut Vec<T>, rows: &[usize], width: usize, now: Vec<T>) {
    let places = rows.iter().flat_map(|row| row * width..(row + 1) * width);
    for (place, value) in places.zip(now) {
        match column.get_mut(place) {
            Some(before) => *before = value,
            None => column.push(value),
        }
    }
}

fn set_sparse<T: ?Sized>(column: &mut SparseColumn<T>, rows: &[usize], now: &SparseColumn<T>) {
    if !column.is_empty() || !now.is_empty() {
        rows.iter().enumerate().for_each(|(at, row)| column.set(*row, now.get(at).map(Arc::clone)));
    }
}
