//! Snapshots that were written once and must be readable for ever, beside
//! damaged ones that must each say what is wrong with them.
//!
//! `cargo test -p prom-stream-gateway-migrations -- --ignored regenerate`
//! writes the fixtures of a *new* version; those of a released one stay.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use prom_stream_gateway_migrations::envelope::{self, HEADER_SIZE_BYTES};
use prom_stream_gateway_migrations::v1::{
    Family, Objective, Position, Snapshot, Source, StreamId, Tally, Values, Windows,
};
use prom_stream_gateway_migrations::{Error, LATEST_VERSION, decode, encode, to_messagepack};

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "v1", name].iter().collect()
}

fn read(name: &str) -> Vec<u8> {
    let path = fixture(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

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

/// One of everything that version 1 can hold.
fn sample() -> Snapshot {
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

#[test]
fn a_version_1_snapshot_reads_as_it_always_did() {
    let snapshot = decode(&read("good.snap")).unwrap();
    let expected = String::from_utf8(read("expected.txt")).unwrap();
    assert_eq!(format!("{snapshot:#?}\n"), expected);
}

/// Fails when the structs of the latest version are changed in place. The content is compared
/// and not the file, since zstd may compress differently from one release to the next.
#[test]
fn the_format_has_not_moved_without_a_new_version() {
    let advice = "The snapshot format has changed. Released snapshots would no longer read: \
                  undo the change, or add a version as migrations/README.md says.";
    assert_eq!(LATEST_VERSION, 1, "{advice}");
    assert!(to_messagepack(&sample()).unwrap() == read("good.msgpack"), "{advice}");
    let content = envelope::open(&read("good.snap"), 1).unwrap().content;
    assert!(content == read("good.msgpack"), "good.snap and good.msgpack differ");
}

#[test]
fn what_is_encoded_decodes() {
    assert_eq!(decode(&encode(&sample()).unwrap()).unwrap(), sample());
}

#[test]
fn damaged_snapshots_say_what_is_wrong() {
    let message = |name: &str| decode(&read(name)).unwrap_err().to_string();
    let whole = read("good.snap").len();
    assert_eq!(
        message("truncated.snap"),
        format!("truncated: {} bytes, expected {whole}", whole / 2),
    );
    assert!(
        matches!(decode(&read("bit-flipped.snap")), Err(Error::ChecksumMismatch { .. })),
        "{}",
        message("bit-flipped.snap"),
    );
    assert_eq!(
        message("future-version.snap"),
        format!(
            "format version 999, newest known is {LATEST_VERSION}: written by a newer version; \
             upgrade the gateway"
        ),
    );
}

#[test]
fn content_that_is_no_snapshot_is_refused() {
    let file = envelope::seal(1, b"\x81\xa1a\x01").unwrap();
    assert!(matches!(decode(&file), Err(Error::MessagePack { version: 1, .. })));
    let file = envelope::seal(0, b"").unwrap();
    assert!(matches!(decode(&file), Err(Error::UnknownVersion { found: 0 })));
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let content = [b"\x81\xa1a".repeat(100_000).as_slice(), b"\xc0"].concat();
    let file = envelope::seal(1, &content).unwrap();
    assert!(matches!(decode(&file), Err(Error::MessagePack { version: 1, .. })));
}

#[test]
#[ignore = "writes the fixtures; only for a version that was not released yet"]
fn regenerate() {
    let snapshot = sample();
    let content = to_messagepack(&snapshot).unwrap();
    let good = encode(&snapshot).unwrap();
    let mut flipped = good.clone();
    flipped[HEADER_SIZE_BYTES + 100] ^= 0b100;
    fs::write(fixture("good.msgpack"), &content).unwrap();
    fs::write(fixture("expected.txt"), format!("{snapshot:#?}\n")).unwrap();
    fs::write(fixture("truncated.snap"), &good[..good.len() / 2]).unwrap();
    fs::write(fixture("bit-flipped.snap"), flipped).unwrap();
    fs::write(fixture("future-version.snap"), envelope::seal(999, &content).unwrap()).unwrap();
    fs::write(fixture("good.snap"), good).unwrap();
}
