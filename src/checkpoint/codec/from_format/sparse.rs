//! What only some rows of a family have: given to the rows that the columns list.

use std::sync::Arc;

use migrations::v3;

use super::family::texts;
use super::lengths::{ascending, expect_length, take, total};
use crate::model::mode::LONGEST_WINDOW_SECONDS;
use crate::model::{Exemplar, MetricType, NativeHistogram, Timestamp, WindowedValue};
use crate::store::decaying_window::{DecayingWindow, Slot};
use crate::store::{Family, Values};

/// The rows, ascending.
fn rows(skipped: &[u32], family: &Family) -> Result<Vec<usize>, String> {
    let rows = ascending(skipped)
        .filter(|rows| rows.last().is_none_or(|last| *last < family.labels.len()));
    rows.ok_or_else(|| format!("one of its columns goes beyond its {} rows", family.labels.len()))
}

fn only_for(what: &str, fits: bool, family: &Family) -> Result<(), String> {
    if fits { Ok(()) } else { Err(format!("{what} are not for a {}", family.metric_type)) }
}

pub(super) fn sliding_windows(
    family: &mut Family,
    columns: &v3::SlidingWindows,
) -> Result<(), String> {
    only_for("sliding windows", matches!(family.values, Values::Scalars(_)), family)?;
    let rows = rows(&columns.rows_skipped, family)?;
    let (windows, slots) = (Some(rows.len()), total(&columns.slot_counts));
    expect_length("kinds of windows", columns.shows_mean.len(), windows)?;
    expect_length("lengths of windows", columns.window_seconds.len(), windows)?;
    expect_length("slot counts", columns.slot_counts.len(), windows)?;
    expect_length("slot numbers", columns.slot_numbers.len(), slots)?;
    expect_length("slot sums", columns.sums.len(), slots)?;
    expect_length("counts of slots", columns.counts.len(), slots)?;
    let (mut numbers, mut sums) = (&columns.slot_numbers[..], &columns.sums[..]);
    let mut counts = &columns.counts[..];
    for (at, row) in rows.into_iter().enumerate() {
        let shows = if columns.shows_mean[at] { WindowedValue::Mean } else { WindowedValue::Sum };
        let window_seconds = columns.window_seconds[at];
        if !(1..=LONGEST_WINDOW_SECONDS).contains(&window_seconds) {
            return Err(format!(
                "a window of {window_seconds} s, expected 1 to {LONGEST_WINDOW_SECONDS}"
            ));
        }
        let number = columns.slot_counts[at];
        let slots = slots_of(
            take(&mut numbers, number),
            take(&mut sums, number),
            take(&mut counts, number),
        )
        .ok_or_else(|| "the slots of one of its windows do not hold together".to_owned())?;
        family.windows.set(row, Some(Arc::new(DecayingWindow { shows, window_seconds, slots })));
    }
    Ok(())
}

/// `None` unless they ascend, none is empty, and all together are a finite number.
fn slots_of(differences: &[u64], sums: &[f64], counts: &[u64]) -> Option<Vec<Slot>> {
    let mut slots: Vec<Slot> = Vec::with_capacity(sums.len());
    let (mut total, mut magnitude) = (0_u64, 0.0);
    for ((&difference, &sum), &count) in differences.iter().zip(sums).zip(counts) {
        let number = match slots.last() {
            Some(last) => last.number.checked_add(difference).filter(|_| difference > 0)?,
            None => difference,
        };
        total = total.checked_add(count).filter(|_| count > 0)?;
        magnitude += sum.abs();
        slots.push(Slot { number, sum, count });
    }
    magnitude.is_finite().then_some(slots)
}

pub(super) fn exemplars(family: &mut Family, columns: &v3::Exemplars) -> Result<(), String> {
    let buckets = match (&family.values, family.metric_type) {
        (Values::Histograms { bounds, .. }, _) => bounds.len() + 1,
        (_, MetricType::Counter) => 1,
        _ => 0,
    };
    only_for("exemplars", buckets > 0, family)?;
    let rows = rows(&columns.rows_skipped, family)?;
    let exemplars = total(&columns.exemplar_counts);
    expect_length("exemplar counts", columns.exemplar_counts.len(), Some(rows.len()))?;
    expect_length("exemplar buckets", columns.buckets.len(), exemplars)?;
    expect_length("exemplar labels", columns.label_lengths.len(), exemplars)?;
    expect_length("exemplar values", columns.values.len(), exemplars)?;
    expect_length("exemplar times", columns.at_milliseconds.len(), exemplars)?;
    let labels = texts([&*columns.label_texts], &columns.label_lengths)?;
    let mut all = columns.buckets.iter().enumerate().map(|(at, bucket)| {
        let exemplar = Exemplar {
            labels: labels.get(at).into(),
            value: columns.values[at],
            timestamp: columns.at_milliseconds[at].map(Timestamp),
        };
        (*bucket, Arc::new(exemplar))
    });
    for (row, count) in rows.into_iter().zip(&columns.exemplar_counts) {
        let own: Arc<[_]> = all.by_ref().take(*count as usize).collect();
        let valid = own.is_sorted_by(|a, b| a.0 < b.0)
            && own.last().is_some_and(|(bucket, _)| (*bucket as usize) < buckets);
        if !valid {
            let found: Vec<u32> = own.iter().map(|(bucket, _)| *bucket).collect();
            return Err(format!("exemplars in buckets {found:?}, expected some of {buckets}"));
        }
        family.exemplars.set(row, Some(own));
    }
    Ok(())
}

pub(super) fn quantiles(family: &mut Family, columns: &v3::Quantiles) -> Result<(), String> {
    only_for("quantiles", family.metric_type == MetricType::Summary, family)?;
    let rows = rows(&columns.rows_skipped, family)?;
    let pairs = total(&columns.quantile_counts);
    expect_length("quantile counts", columns.quantile_counts.len(), Some(rows.len()))?;
    expect_length("quantiles", columns.quantiles.len(), pairs)?;
    expect_length("values of quantiles", columns.values.len(), pairs)?;
    let mut all = columns.quantiles.iter().copied().zip(columns.values.iter().copied());
    for (row, count) in rows.into_iter().zip(&columns.quantile_counts) {
        let own: Arc<[(f64, f64)]> = all.by_ref().take(*count as usize).collect();
        let is_number = own.iter().all(|(quantile, _)| !quantile.is_nan());
        if !is_number || !own.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(format!("its quantiles {own:?} do not ascend"));
        }
        family.quantiles.set(row, Some(own));
    }
    Ok(())
}

pub(super) fn native_histograms(
    family: &mut Family,
    columns: &v3::NativeHistograms,
) -> Result<(), String> {
    let rows = rows(&columns.rows_skipped, family)?;
    let Values::Histograms { bounds, counts: classic, sums } = &family.values else {
        return only_for("native histograms", false, family);
    };
    let histograms = Some(rows.len());
    let (positive, negative) =
        (&columns.positive_bucket_counts[..], &columns.negative_bucket_counts[..]);
    let buckets = total(positive).zip(total(negative)).and_then(|(a, b)| a.checked_add(b));
    expect_length("schemas", columns.schemas.len(), histograms)?;
    expect_length("zero thresholds", columns.zero_thresholds.len(), histograms)?;
    expect_length("zero counts", columns.zero_counts.len(), histograms)?;
    expect_length("counts of positive buckets", positive.len(), histograms)?;
    expect_length("counts of negative buckets", negative.len(), histograms)?;
    expect_length("bucket indexes", columns.indexes.len(), buckets)?;
    expect_length("bucket counts", columns.counts.len(), buckets)?;
    let (mut indexes, mut counts) = (&columns.indexes[..], &columns.counts[..]);
    let mut side = |number| {
        let (indexes, counts) = (take(&mut indexes, number), take(&mut counts, number));
        indexes.iter().copied().zip(counts.iter().copied()).collect()
    };
    let mut natives = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let native = NativeHistogram {
            schema: columns.schemas[at],
            zero_threshold: columns.zero_thresholds[at],
            zero_count: columns.zero_counts[at],
            positive: side(positive[at]),
            negative: side(negative[at]),
        };
        let width = bounds.len() + 1;
        let observations = classic[row * width..(row + 1) * width].iter().sum();
        if !is_sound(&native, observations, sums[row]) {
            return Err(format!("a native histogram that does not hold together: {native:?}"));
        }
        natives.push((row, Arc::new(native)));
    }
    for (row, native) in natives {
        family.natives.set(row, Some(native));
    }
    Ok(())
}

/// Its buckets hold the same observations as the classic ones do.
fn is_sound(native: &NativeHistogram, observations: u64, sum: f64) -> bool {
    let ascends = |buckets: &[(i32, u64)]| {
        buckets.is_sorted_by(|a, b| a.0 < b.0) && buckets.iter().all(|(_, count)| *count > 0)
    };
    (-4..=8).contains(&native.schema)
        && native.zero_threshold.is_finite()
        && native.zero_threshold >= 0.0
        && ascends(&native.positive)
        && ascends(&native.negative)
        && native.holds(observations, sum)
}

pub(super) fn groups(family: &mut Family, columns: &v3::RowGroups) -> Result<(), String> {
    let rows = rows(&columns.rows_skipped, family)?;
    expect_length("rows in groups", columns.groups.len(), Some(rows.len()))?;
    family.groups = vec![0; rows.last().map_or(0, |last| last + 1)];
    for (row, group) in rows.into_iter().zip(&columns.groups) {
        let above = group.checked_add(1);
        family.groups[row] = above.ok_or_else(|| format!("a row of group {group}"))?;
    }
    Ok(())
}

pub(super) fn removed(family: &mut Family, columns: &v3::RemovedRows) -> Result<(), String> {
    for row in rows(&columns.rows_skipped, family)? {
        family.removed.insert(row);
    }
    Ok(())
}
