//! Format to store: every length and order that the store relies on is checked.

use std::collections::HashSet;
use std::sync::Arc;

use migrations::v1;

use super::{CodecError, Meta, Snapshot};
use crate::checkpoint::head::Generation;
use crate::model::id_set::Run;
use crate::model::{
    GroupPosition, IdSet, ListPosition, MetricType, Position, ReaderPosition, Reason, SourceKey,
    SourceKind, StreamId, Tally, Timestamp,
};
use crate::store::summary::{Objective, Sample, SketchParts, Window, WindowParts};
use crate::store::{Cut, Family, SourceState, TextColumn, Values};

pub(super) fn snapshot(read: v1::Snapshot) -> Result<Snapshot, CodecError> {
    let created_at = Timestamp(read.created_at_milliseconds);
    let mut keys = HashSet::new();
    let mut sources = Vec::with_capacity(read.sources.len());
    for stored in read.sources {
        let name = format!("{}:{}", stored.kind, stored.key);
        let state =
            source(stored).map_err(|what| CodecError::Source { key: name.clone(), what })?;
        if !keys.insert(state.key.clone()) {
            return Err(CodecError::Source { key: name, what: "stands there twice".into() });
        }
        sources.push(state);
    }
    let mut names = HashSet::new();
    let mut families = Vec::with_capacity(read.families.len());
    for stored in read.families {
        let name = stored.name.clone();
        let family =
            family(stored).map_err(|what| CodecError::Family { name: name.clone(), what })?;
        for sample in family.sample_names() {
            if let Some(sample) = names.replace(sample) {
                let what = format!("samples of the name `{sample}` stand there twice");
                return Err(CodecError::Family { name, what });
            }
        }
        families.push(family);
    }
    Ok(Snapshot {
        meta: Meta {
            identity: read.identity,
            generation: Generation { epoch: read.epoch, sequence: read.sequence },
            created_at,
            writer_version: read.writer_version,
            clean_shutdown: read.clean_shutdown,
            series: read.series,
        },
        // Versions count changes within one process: a restored state has none yet.
        cut: Cut {
            taken_at: created_at,
            version: 0,
            series: read.series,
            families,
            groups: Vec::new(),
            idempotency_keys: Vec::new(),
            sources,
        },
    })
}

fn source(stored: v1::Source) -> Result<SourceState, String> {
    let (kind, position) = match stored.position {
        v1::Position::List { segment, remaining } => {
            (SourceKind::List, Position::List(ListPosition { segment, remaining }))
        }
        v1::Position::Group { last, trimmed_unread, unacknowledged } => {
            let unacknowledged = Arc::new(id_set(&unacknowledged)?);
            let last = stream_id(last);
            (
                SourceKind::Group,
                Position::Group(GroupPosition { last, unacknowledged, trimmed_unread }),
            )
        }
        v1::Position::Reader { last, entries_consumed } => {
            let last = stream_id(last);
            (SourceKind::Reader, Position::Reader(ReaderPosition { last, entries_consumed }))
        }
    };
    if stored.kind != kind.as_str() {
        return Err(format!("its position is that of a {}", kind.as_str()));
    }
    Ok(SourceState {
        key: SourceKey { kind, key: stored.key },
        position,
        tally: tally(stored.tally)?,
    })
}

fn stream_id(id: v1::StreamId) -> StreamId {
    StreamId::new(id.milliseconds, id.sequence)
}

fn id_set(differences: &[u64]) -> Result<IdSet, String> {
    let (runs, rest) = differences.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(format!("{} numbers describe its ids, expected threes", differences.len()));
    }
    let mut before = Run { milliseconds: 0, first: 0, last: 0 };
    let runs = runs.iter().map(|&[milliseconds, first, length]| {
        let same = milliseconds == 0;
        let milliseconds = before.milliseconds.checked_add(milliseconds)?;
        let first = if same { before.last.checked_add(first)? } else { first };
        before = Run { milliseconds, first, last: first.checked_add(length)? };
        Some(before)
    });
    runs.collect::<Option<Vec<Run>>>()
        .and_then(IdSet::from_runs)
        .ok_or_else(|| "its unacknowledged ids do not ascend".to_owned())
}

fn tally(stored: v1::Tally) -> Result<Tally, String> {
    let mut tally = Tally { processed: stored.processed, lost: stored.lost, ..Tally::default() };
    for (name, count) in stored.dropped {
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| format!("events were dropped for the unknown reason `{name}`"))?;
        tally.dropped[reason as usize] = count;
    }
    Ok(tally)
}

fn family(stored: v1::Family) -> Result<Family, String> {
    let rows = stored.label_lengths.len();
    let labels = texts(&stored.label_texts, &stored.label_lengths)?;
    let types =
        [MetricType::Counter, MetricType::Gauge, MetricType::Histogram, MetricType::Summary];
    let metric_type = types
        .into_iter()
        .find(|metric_type| metric_type.as_str() == stored.metric_type)
        .ok_or_else(|| format!("unknown type `{}`", stored.metric_type))?;
    let values = match (metric_type, stored.values) {
        (MetricType::Counter | MetricType::Gauge, v1::Values::Scalars(values)) => {
            expect_length("values", values.len(), Some(rows))?;
            Values::Scalars(values)
        }
        (MetricType::Histogram, v1::Values::Histograms { bounds, counts, sums }) => {
            histograms(rows, bounds, counts, sums)?
        }
        (MetricType::Summary, v1::Values::Summaries { objectives, counts, sums, windows }) => {
            expect_length("counts", counts.len(), Some(rows))?;
            expect_length("sums", sums.len(), Some(rows))?;
            let objectives = self::objectives(&objectives)?;
            let windows = self::windows(&windows)?;
            let expected = if objectives.is_empty() { 0 } else { rows };
            expect_length("windows", windows.len(), Some(expected))?;
            Values::Summaries { objectives, counts, sums, windows }
        }
        _ => return Err(format!("its values are not those of a {metric_type}")),
    };
    let help = stored.help.into();
    Ok(Family { help, labels, values, ..Family::empty(&stored.name, metric_type) })
}

fn texts(blob: &str, lengths: &[u32]) -> Result<TextColumn, String> {
    let mut column = TextColumn::default();
    let mut rest = blob;
    for &length in lengths {
        let (text, after) = rest
            .split_at_checked(length as usize)
            .ok_or_else(|| format!("its {} bytes of labels end within a series", blob.len()))?;
        column.push(text);
        rest = after;
    }
    if rest.is_empty() {
        Ok(column)
    } else {
        Err(format!("{} bytes of its labels belong to no series", rest.len()))
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

fn objectives(stored: &[v1::Objective]) -> Result<Arc<[Objective]>, String> {
    let within = |number: f64| number > 0.0 && number < 1.0;
    let valid = stored.iter().all(|o| within(o.quantile) && within(o.epsilon))
        && stored.is_sorted_by(|a, b| a.quantile < b.quantile);
    if !valid {
        return Err(format!("its objectives {stored:?} are not ascending between 0 and 1"));
    }
    let objectives = stored.iter().map(|o| Objective { quantile: o.quantile, epsilon: o.epsilon });
    Ok(objectives.collect())
}

fn windows(columns: &v1::Windows) -> Result<Vec<Arc<Window>>, String> {
    let total = |counts: &[u32]| counts.iter().try_fold(0_usize, |n, c| n.checked_add(*c as usize));
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

/// `expected` is `None` when it does not fit into memory's address space.
fn expect_length(what: &str, have: usize, expected: Option<usize>) -> Result<(), String> {
    match expected {
        Some(expected) if have == expected => Ok(()),
        Some(expected) => Err(format!("{have} {what}, expected {expected}")),
        None => Err(format!("{have} {what}, expected more than fit into memory")),
    }
}
