//! One of everything that version 1 can hold.

use std::collections::BTreeMap;

use prom_stream_gateway_migrations::v1::{
    Family, Objective, Position, Snapshot, Source, StreamId, Tally, Values, Windows,
};

fn source(kind: &str, key: &str, position: Position, dropped: &[(&str, u64)]) -> Source {
    let dropped: BTreeMap<_, _> = dropped.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect();
    let tally = Tally { processed: 300, lost: 2, dropped };
    Source { kind: kind.into(), key: key.into(), position, tally }
}

fn family(name: &str, metric_type: &str, help: &str, labels: &[&str], values: Values) -> Family {
    Family {
        name: name.into(),
        metric_type: metric_type.into(),
        help: help.into(),
        label_texts: labels.concat(),
        label_lengths: labels.iter().map(|text| text.len() as u32).collect(),
        values,
    }
}

pub(crate) fn sample() -> Snapshot {
    let id = |milliseconds, sequence| StreamId { milliseconds, sequence };
    let windows = Windows {
        turns_at_milliseconds: vec![1_700_000_120_000],
        sketch_counts: vec![5],
        observations: vec![3, 3, 0, 0, 0],
        sample_counts: vec![2, 2, 0, 0, 0],
        values: vec![0.25, 4.0, 0.25, 4.0],
        gaps: vec![1, 2, 1, 2],
        deltas: vec![0; 4],
    };
    Snapshot {
        identity: "default".into(),
        epoch: 3,
        sequence: 41,
        created_at_milliseconds: 1_700_000_000_123,
        writer_version: "0.1.0".into(),
        clean_shutdown: true,
        series: 19,
        sources: vec![
            source(
                "list",
                "queue",
                Position::List { segment: 7, remaining: Some(1200) },
                &[("invalid_json", 4), ("series_limit", 1)],
            ),
            source("list", "unseen", Position::List { segment: 0, remaining: None }, &[]),
            source(
                "group",
                "stream",
                Position::Group {
                    last: id(1_700_000_000_100, 4),
                    trimmed_unread: 7,
                    unacknowledged: vec![1_700_000_000_000, 0, 9, 0, 2, 0, 100, 3, 1],
                },
                &[],
            ),
            source(
                "reader",
                "other",
                Position::Reader { last: id(1_700_000_000_050, 1), entries_consumed: Some(77) },
                &[],
            ),
        ],
        families: vec![
            family(
                "jobs_total",
                "counter",
                "Jobs that ran.\nAll of them.",
                &["", "job=\"a\\\\b\"", "job=\"\u{fc}\",step=\"2\""],
                Values::Scalars(vec![0.0, 12.0, 0.1]),
            ),
            family(
                "temperature_celsius",
                "gauge",
                "",
                &["room=\"1\"", "room=\"2\""],
                Values::Scalars(vec![-3.5, f64::INFINITY]),
            ),
            family(
                "duration_seconds",
                "histogram",
                "How long.",
                &["", "path=\"/\""],
                Values::Histograms {
                    bounds: vec![0.1, 1.0],
                    counts: vec![1, 0, 300, 70_000, 5_000_000_000, 2],
                    sums: vec![12.5, 1e300],
                },
            ),
            family(
                "size_bytes",
                "summary",
                "How big.",
                &["path=\"/\""],
                Values::Summaries {
                    objectives: vec![
                        Objective { quantile: 0.5, epsilon: 0.05 },
                        Objective { quantile: 0.99, epsilon: 0.001 },
                    ],
                    counts: vec![3],
                    sums: vec![8.25],
                    windows,
                },
            ),
            family(
                "plain_bytes",
                "summary",
                "",
                &[""],
                Values::Summaries {
                    objectives: vec![],
                    counts: vec![9],
                    sums: vec![1.5],
                    windows: Windows::default(),
                },
            ),
        ],
    }
}
