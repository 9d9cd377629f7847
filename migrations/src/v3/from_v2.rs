//! The step from version 2, in which every snapshot was whole and had no removed rows.

use crate::v2;
use crate::v3::{
    Exemplars, Family, Groups, IdempotencyKeys, NativeHistograms, Objective, Position, Quantiles,
    RowGroups, SlidingWindows, Snapshot, Source, StreamId, Tally, Values, Windows,
};

impl From<v2::Snapshot> for Snapshot {
    fn from(before: v2::Snapshot) -> Self {
        let v2::IdempotencyKeys { keys, fingerprints, applied_at_milliseconds } =
            before.idempotency_keys;
        Self {
            identity: before.identity,
            epoch: before.epoch,
            sequence: before.sequence,
            parent: None,
            created_at_milliseconds: before.created_at_milliseconds,
            writer_version: before.writer_version,
            clean_shutdown: before.clean_shutdown,
            series: before.series,
            sources: before.sources.into_iter().map(source).collect(),
            groups: Groups { indexes_skipped: vec![0; before.groups.len()], labels: before.groups },
            idempotency_keys: IdempotencyKeys {
                forgotten: 0,
                keys,
                fingerprints,
                applied_at_milliseconds,
            },
            families: before.families.into_iter().map(family).collect(),
            families_gone: Vec::new(),
            families_changed: Vec::new(),
        }
    }
}

fn source(before: v2::Source) -> Source {
    let v2::Tally { processed, lost, dropped } = before.tally;
    Source {
        kind: before.kind,
        key: before.key,
        position: position(before.position),
        tally: Tally { processed, lost, dropped },
    }
}

fn position(before: v2::Position) -> Position {
    let stream_id = |v2::StreamId { milliseconds, sequence }| StreamId { milliseconds, sequence };
    match before {
        v2::Position::List { segment, remaining } => Position::List { segment, remaining },
        v2::Position::Group { last, trimmed_unread, unacknowledged } => {
            Position::Group { last: stream_id(last), trimmed_unread, unacknowledged }
        }
        v2::Position::Reader { last, entries_consumed } => {
            Position::Reader { last: stream_id(last), entries_consumed }
        }
        v2::Position::Push { next } => Position::Push { next },
    }
}

fn family(before: v2::Family) -> Family {
    Family {
        name: before.name,
        metric_type: before.metric_type,
        help: before.help,
        unit: before.unit,
        label_texts: vec![before.label_texts.into()],
        label_lengths: before.label_lengths,
        values: values(before.values),
        created_at_milliseconds: before.created_at_milliseconds,
        sliding_windows: before.sliding_windows.map(sliding_windows),
        exemplars: before.exemplars.map(exemplars),
        quantiles: before.quantiles.map(quantiles),
        native_histograms: before.native_histograms.map(native_histograms),
        groups: before
            .groups
            .map(|v2::RowGroups { rows_skipped, groups }| RowGroups { rows_skipped, groups }),
        removed: None,
    }
}

fn values(before: v2::Values) -> Values {
    match before {
        v2::Values::Scalars(values) => Values::Scalars(values),
        v2::Values::Histograms { bounds, counts, sums } => {
            Values::Histograms { bounds, counts, sums }
        }
        v2::Values::Summaries { objectives, counts, sums, windows } => {
            let objective = |v2::Objective { quantile, epsilon }| Objective { quantile, epsilon };
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

fn sliding_windows(before: v2::SlidingWindows) -> SlidingWindows {
    SlidingWindows {
        rows_skipped: before.rows_skipped,
        shows_mean: before.shows_mean,
        window_seconds: before.window_seconds,
        slot_counts: before.slot_counts,
        slot_numbers: before.slot_numbers,
        sums: before.sums,
        counts: before.counts,
    }
}

fn exemplars(before: v2::Exemplars) -> Exemplars {
    Exemplars {
        rows_skipped: before.rows_skipped,
        exemplar_counts: before.exemplar_counts,
        buckets: before.buckets,
        label_texts: before.label_texts,
        label_lengths: before.label_lengths,
        values: before.values,
        at_milliseconds: before.at_milliseconds,
    }
}

fn quantiles(before: v2::Quantiles) -> Quantiles {
    Quantiles {
        rows_skipped: before.rows_skipped,
        quantile_counts: before.quantile_counts,
        quantiles: before.quantiles,
        values: before.values,
    }
}

fn native_histograms(before: v2::NativeHistograms) -> NativeHistograms {
    NativeHistograms {
        rows_skipped: before.rows_skipped,
        schemas: before.schemas,
        zero_thresholds: before.zero_thresholds,
        zero_counts: before.zero_counts,
        positive_bucket_counts: before.positive_bucket_counts,
        negative_bucket_counts: before.negative_bucket_counts,
        indexes: before.indexes,
        counts: before.counts,
    }
}
