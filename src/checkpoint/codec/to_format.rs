//! Store to format: rows become columns, runs become differences.

use std::sync::Arc;

use migrations::v1;

use super::{CodecError, Meta};
use crate::model::{IdSet, Position, Reason, StreamId, Tally};
use crate::store::summary::{Objective, Window};
use crate::store::{Cut, Family, SourceState, Values};

pub(super) fn snapshot(meta: &Meta, cut: &Cut) -> Result<v1::Snapshot, CodecError> {
    Ok(v1::Snapshot {
        identity: meta.identity.clone(),
        epoch: meta.generation.epoch,
        sequence: meta.generation.sequence,
        created_at_milliseconds: meta.created_at.0,
        writer_version: meta.writer_version.clone(),
        clean_shutdown: meta.clean_shutdown,
        series: meta.series,
        sources: cut.sources.iter().map(source).collect(),
        families: cut.families.iter().map(family).collect::<Result<_, _>>()?,
    })
}

fn source(source: &SourceState) -> v1::Source {
    v1::Source {
        kind: source.key.kind.as_str().to_owned(),
        key: source.key.key.clone(),
        position: position(&source.position),
        tally: tally(&source.tally),
    }
}

fn position(position: &Position) -> v1::Position {
    match position {
        Position::List(list) => {
            v1::Position::List { segment: list.segment, remaining: list.remaining }
        }
        Position::Group(group) => v1::Position::Group {
            last: stream_id(group.last),
            trimmed_unread: group.trimmed_unread,
            unacknowledged: differences(&group.unacknowledged),
        },
        Position::Reader(reader) => v1::Position::Reader {
            last: stream_id(reader.last),
            entries_consumed: reader.entries_consumed,
        },
        Position::Push(_) => unimplemented!("version 1 has no pushes"),
    }
}

fn stream_id(id: StreamId) -> v1::StreamId {
    v1::StreamId { milliseconds: id.milliseconds, sequence: id.sequence }
}

/// Three small numbers for each run instead of three large ones.
fn differences(ids: &IdSet) -> Vec<u64> {
    let mut differences = Vec::with_capacity(ids.runs().len() * 3);
    let (mut milliseconds, mut last) = (0, 0);
    for run in ids.runs() {
        let same = run.milliseconds == milliseconds;
        differences.push(run.milliseconds - milliseconds);
        differences.push(if same { run.first - last } else { run.first });
        differences.push(run.last - run.first);
        (milliseconds, last) = (run.milliseconds, run.last);
    }
    differences
}

fn tally(tally: &Tally) -> v1::Tally {
    let dropped = Reason::ALL
        .into_iter()
        .map(|reason| (reason.as_str().to_owned(), tally.dropped[reason as usize]))
        .filter(|(_, count)| *count > 0)
        .collect();
    v1::Tally { processed: tally.processed, lost: tally.lost, dropped }
}

fn family(family: &Family) -> Result<v1::Family, CodecError> {
    let mut label_texts = String::new();
    let mut label_lengths = Vec::with_capacity(family.labels.len());
    for text in family.labels.iter() {
        label_lengths.push(count(text.len(), family, "bytes of labels")?);
        label_texts.push_str(text);
    }
    let values = match &family.values {
        Values::Scalars(values) => v1::Values::Scalars(values.clone()),
        Values::Histograms { bounds, counts, sums } => v1::Values::Histograms {
            bounds: bounds.to_vec(),
            counts: counts.clone(),
            sums: sums.clone(),
        },
        Values::Summaries { objectives, counts, sums, windows } => v1::Values::Summaries {
            objectives: objectives
                .iter()
                .map(|objective| v1::Objective {
                    quantile: objective.quantile,
                    epsilon: objective.epsilon,
                })
                .collect(),
            counts: counts.clone(),
            sums: sums.clone(),
            windows: windows_in_columns(family, objectives, windows)?,
        },
    };
    Ok(v1::Family {
        name: family.name.to_string(),
        metric_type: family.metric_type.as_str().to_owned(),
        help: family.help.to_string(),
        label_texts,
        label_lengths,
        values,
    })
}

fn windows_in_columns(
    family: &Family,
    objectives: &[Objective],
    windows: &[Arc<Window>],
) -> Result<v1::Windows, CodecError> {
    let mut columns = v1::Windows::default();
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

fn count(length: usize, family: &Family, of: &str) -> Result<u32, CodecError> {
    u32::try_from(length).map_err(|_| CodecError::Family {
        name: family.name.to_string(),
        what: format!("{length} {of} in one series, the format holds {}", u32::MAX),
    })
}
