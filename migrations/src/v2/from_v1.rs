//! The step from version 1, which knew no pushes: nothing has a group, and of no series is known
//! since when it counts.

use crate::v1;
use crate::v2::{
    Family, IdempotencyKeys, Objective, Position, Snapshot, Source, StreamId, Tally, Values,
    Windows,
};

impl From<v1::Snapshot> for Snapshot {
    fn from(before: v1::Snapshot) -> Self {
        Self {
            identity: before.identity,
            epoch: before.epoch,
            sequence: before.sequence,
            created_at_milliseconds: before.created_at_milliseconds,
            writer_version: before.writer_version,
            clean_shutdown: before.clean_shutdown,
            series: before.series,
            sources: before.sources.into_iter().map(source).collect(),
            groups: Vec::new(),
            idempotency_keys: IdempotencyKeys::default(),
            families: before.families.into_iter().map(family).collect(),
        }
    }
}

fn source(before: v1::Source) -> Source {
    let v1::Tally { processed, lost, dropped } = before.tally;
    Source {
        kind: before.kind,
        key: before.key,
        position: position(before.position),
        tally: Tally { processed, lost, dropped },
    }
}

fn position(before: v1::Position) -> Position {
    let stream_id = |v1::StreamId { milliseconds, sequence }| StreamId { milliseconds, sequence };
    match before {
        v1::Position::List { segment, remaining } => Position::List { segment, remaining },
        v1::Position::Group { last, trimmed_unread, unacknowledged } => {
            Position::Group { last: stream_id(last), trimmed_unread, unacknowledged }
        }
        v1::Position::Reader { last, entries_consumed } => {
            Position::Reader { last: stream_id(last), entries_consumed }
        }
    }
}

fn family(before: v1::Family) -> Family {
    let has_start = matches!(&*before.metric_type, "counter" | "histogram" | "summary");
    let rows = if has_start { before.label_lengths.len() } else { 0 };
    Family {
        name: before.name,
        metric_type: before.metric_type,
        help: before.help,
        unit: String::new(),
        label_texts: before.label_texts,
        label_lengths: before.label_lengths,
        values: values(before.values),
        created_at_milliseconds: vec![0; rows],
        sliding_windows: None,
        exemplars: None,
        quantiles: None,
        native_histograms: None,
        groups: None,
    }
}

fn values(before: v1::Values) -> Values {
    match before {
        v1::Values::Scalars(values) => Values::Scalars(values),
        v1::Values::Histograms { bounds, counts, sums } => {
            Values::Histograms { bounds, counts, sums }
        }
        v1::Values::Summaries { objectives, counts, sums, windows } => {
            let objective = |v1::Objective { quantile, epsilon }| Objective { quantile, epsilon };
            Values::Summaries {
                objectives: objectives.into_iter().map(objective).collect(),
                counts,
                sums,
                windows: Windows {
                    turns_at_milliseconds: windows.turns_at_milliseconds,
                    sketch_counts: windows.sketch_counts,
                    observations: windows.observations,
                    sample_counts: windows.sample_counts,
                    values: windows.values,
                    gaps: windows.gaps,
                    deltas: windows.deltas,
                },
            }
        }
    }
}
