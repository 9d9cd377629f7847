//! One of everything that version 2 can hold and version 1 cannot, beside some of what both can.

use std::collections::BTreeMap;

use prom_stream_gateway_migrations::v2::{
    Exemplars, Family, IdempotencyKeys, NativeHistograms, Objective, Position, Quantiles,
    RowGroups, SlidingWindows, Snapshot, Source, StreamId, Tally, Values, Windows,
};

fn source(kind: &str, position: Position, dropped: &[(&str, u64)]) -> Source {
    let dropped: BTreeMap<_, _> = dropped.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect();
    let tally = Tally { processed: 300, lost: 2, dropped };
    Source { kind: kind.into(), key: "key".into(), position, tally }
}

fn family(name: &str, metric_type: &str, labels: &[&str], values: Values) -> Family {
    let has_start = !matches!(metric_type, "gauge" | "untyped");
    let first = i64::from(has_start) * 1_700_000_000_000;
    let created = [first, 0, -25, i64::MIN];
    Family {
        name: name.into(),
        metric_type: metric_type.into(),
        help: "What it says.\nAll of it.".into(),
        unit: String::new(),
        label_texts: labels.concat(),
        label_lengths: labels.iter().map(|text| text.len() as u32).collect(),
        values,
        created_at_milliseconds: created[..labels.len() * usize::from(has_start)].to_vec(),
        sliding_windows: None,
        exemplars: None,
        quantiles: None,
        native_histograms: None,
        groups: None,
    }
}

pub(crate) fn sample() -> Snapshot {
    let id = |milliseconds, sequence| StreamId { milliseconds, sequence };
    Snapshot {
        identity: "default".into(),
        epoch: 3,
        sequence: 41,
        created_at_milliseconds: 1_700_000_000_123,
        writer_version: "0.2.0".into(),
        clean_shutdown: true,
        series: 21,
        sources: vec![
            source("list", Position::List { segment: 7, remaining: Some(1200) }, &[]),
            source(
                "group",
                Position::Group {
                    last: id(1_700_000_000_100, 4),
                    trimmed_unread: 7,
                    unacknowledged: vec![1_700_000_000_000, 0, 9, 0, 2, 0, 100, 3, 1],
                },
                &[],
            ),
            source(
                "reader",
                Position::Reader { last: id(1_700_000_000_050, 1), entries_consumed: None },
                &[],
            ),
            source(
                "push",
                Position::Push { next: 5_000_000_000 },
                &[("inconsistent", 4), ("invalid_exposition", 1), ("key_reused", 2)],
            ),
        ],
        groups: vec!["job=\"a\"".into(), "instance=\"\",job=\"\u{fc}\"".into()],
        idempotency_keys: IdempotencyKeys {
            keys: vec![[1, u64::MAX], [0x0102_0304_0506_0708, 0]],
            fingerprints: vec![7, u64::MAX],
            applied_at_milliseconds: vec![1_700_000_000_000, -1],
        },
        families: vec![
            counters(),
            gauges(),
            family("pushed", "untyped", &[""], Values::Scalars(vec![f64::INFINITY])),
            histograms(),
            summaries(),
        ],
    }
}

fn counters() -> Family {
    let labels = ["", "job=\"a\"", "instance=\"\",job=\"\u{fc}\""];
    Family {
        unit: "jobs".into(),
        exemplars: Some(Exemplars {
            rows_skipped: vec![1],
            exemplar_counts: vec![1],
            buckets: vec![0],
            label_texts: "trace_id=\"4bf9\"".into(),
            label_lengths: vec![15],
            values: vec![1.0],
            at_milliseconds: vec![None],
        }),
        groups: Some(RowGroups { rows_skipped: vec![1, 0], groups: vec![0, 1] }),
        ..family("jobs_total", "counter", &labels, Values::Scalars(vec![0.0, 12.0, 0.1]))
    }
}

fn gauges() -> Family {
    let labels = ["room=\"1\"", "room=\"2\"", "room=\"3\""];
    Family {
        sliding_windows: Some(SlidingWindows {
            rows_skipped: vec![0, 1],
            shows_mean: vec![true, false],
            window_seconds: vec![300, 86_400],
            slot_counts: vec![2, 0],
            slot_numbers: vec![340_000_000, 3],
            sums: vec![-3.5, 10.0],
            counts: vec![1, 4],
        }),
        ..family("temperature_celsius", "gauge", &labels, Values::Scalars(vec![1.3, 9.0, 0.0]))
    }
}

fn histograms() -> Family {
    let values = Values::Histograms {
        bounds: vec![0.1, 1.0],
        counts: vec![1, 0, 300, 70_000, 5_000_000_000, 2],
        sums: vec![12.5, 1e300],
    };
    Family {
        exemplars: Some(Exemplars {
            rows_skipped: vec![0, 0],
            exemplar_counts: vec![2, 1],
            buckets: vec![0, 2, 1],
            label_texts: "a=\"1\"a=\"2\"".into(),
            label_lengths: vec![5, 0, 5],
            values: vec![0.05, 7.5, 0.5],
            at_milliseconds: vec![Some(1_700_000_000_000), None, Some(0)],
        }),
        native_histograms: Some(NativeHistograms {
            rows_skipped: vec![0],
            schemas: vec![-4],
            zero_thresholds: vec![1e-128],
            zero_counts: vec![1],
            positive_bucket_counts: vec![2],
            negative_bucket_counts: vec![1],
            indexes: vec![-3, 8, i32::MIN],
            counts: vec![100, 150, 50],
        }),
        ..family("duration_seconds", "histogram", &["", "path=\"/\""], values)
    }
}

fn summaries() -> Family {
    let sketches = Windows {
        turns_at_milliseconds: vec![1_700_000_120_000, 1_700_000_120_000],
        sketch_counts: vec![5, 5],
        observations: vec![3, 3, 0, 0, 0, 0, 0, 0, 0, 0],
        sample_counts: vec![2, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        values: vec![0.25, 4.0, 0.25, 4.0],
        gaps: vec![1, 2, 1, 2],
        deltas: vec![0; 4],
    };
    let values = Values::Summaries {
        objectives: vec![Objective { quantile: 0.5, epsilon: 0.05 }],
        counts: vec![3, 9],
        sums: vec![8.25, 1.5],
        windows: sketches,
    };
    Family {
        quantiles: Some(Quantiles {
            rows_skipped: vec![1],
            quantile_counts: vec![2],
            quantiles: vec![0.5, 0.9],
            values: vec![0.1, f64::INFINITY],
        }),
        ..family("size_bytes", "summary", &["path=\"/\"", "path=\"/2\""], values)
    }
}
