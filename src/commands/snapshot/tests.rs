//! The subcommands against a directory with two snapshots.

use clap::Parser;

use super::*;
use crate::checkpoint::tests::take;
use crate::model::{Advance, ListPosition, Position, SourceKey, SourceKind, Timestamp};
use crate::store::Store;
use crate::store::test_batch::BatchBuilder;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    opts: Opts,
}

const TAKEN_AT: Timestamp = Timestamp(1_700_000_000_000);

struct Place(tempfile::TempDir);

impl Place {
    async fn with_two_snapshots() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let storage = Storage::open(&place.0.path().into(), "default").unwrap();
        let mut checkpointer = take(storage, 2).await.unwrap().checkpointer;
        let store = Store::new(1000);
        let queue = SourceKey { kind: SourceKind::List, key: "queue".into() };
        store.reposition(&queue, |position| {
            *position = Some(Position::List(ListPosition { segment: 7, remaining: Some(4) }));
            2
        });
        checkpointer.write(store.cut(TAKEN_AT), false).await.unwrap();
        let batch = BatchBuilder::new(store.hasher())
            .counter("jobs_total", r#"job="a\"b\\\n",step="1""#, 3.0)
            .gauge("level", "", f64::NEG_INFINITY)
            .histogram("seconds", "", 0.5, &[0.1, 1.0])
            .summary("bytes", "", 8.0, &[0.5, 0.05])
            .build();
        let advance = Advance::List { segment: 7, from: 4, to: 0 };
        store.apply(&queue, &batch, &advance, TAKEN_AT, TAKEN_AT).unwrap();
        checkpointer.write(store.cut(TAKEN_AT), true).await.unwrap();
        place
    }

    fn file(&self, sequence: u64) -> std::path::PathBuf {
        let name = Generation { epoch: 1, sequence }.file_name();
        self.0.path().join("default/snapshots").join(name)
    }

    async fn run(&self, arguments: &[&str]) -> anyhow::Result<(String, bool)> {
        let line = std::iter::once(&"snapshot").chain(arguments);
        let command = Line::try_parse_from(line)?.opts.command;
        let open = || {
            let storage = Storage::open_existing(&self.0.path().into(), "default")?;
            Ok(super::Place { storage, keep: 2 })
        };
        let mut out = Vec::new();
        let sound = execute(command, open, &mut out).await?;
        Ok((String::from_utf8(out)?, sound))
    }
}

fn truncate(path: &Path) {
    let file = std::fs::read(path).unwrap();
    std::fs::write(path, &file[..file.len() - 9]).unwrap();
}

/// The line that begins with `start`, its columns separated by one space.
fn line(text: &str, start: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no line begins with `{start}`:\n{text}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn list_shows_every_snapshot_and_its_state() {
    let place = Place::with_two_snapshots().await;
    let (text, _) = place.run(&["list"]).await.unwrap();
    assert_eq!(line(&text, "GENERATION"), "GENERATION CREATED SIZE SERIES SINCE HEAD STATE");
    let size_bytes = std::fs::metadata(place.file(2)).unwrap().len();
    let expected = format!("1-2 2023-11-14T22:13:20Z {size_bytes} B 10 - yes valid");
    assert_eq!(line(&text, "1-2"), expected);
    truncate(&place.file(1));
    let (text, _) = place.run(&["list"]).await.unwrap();
    assert!(line(&text, "1-1").contains("yes truncated: "), "{text}");
}

#[tokio::test]
async fn verify_fails_when_a_retained_snapshot_is_bad() {
    let place = Place::with_two_snapshots().await;
    let sound = ("1-2: valid\n1-1: valid\n".to_owned(), true);
    assert_eq!(place.run(&["verify"]).await.unwrap(), sound);

    // One that is not retained counts only when asked for.
    let orphan = place.file(1).with_file_name(Generation { epoch: 1, sequence: 9 }.file_name());
    std::fs::write(orphan, "junk").unwrap();
    assert_eq!(place.run(&["verify"]).await.unwrap(), sound);
    let (text, sound) = place.run(&["verify", "--all"]).await.unwrap();
    assert!(!sound);
    assert!(text.contains("1-9: not a snapshot"), "{text}");

    truncate(&place.file(1));
    assert!(!place.run(&["verify"]).await.unwrap().1);
    std::fs::remove_file(place.file(1)).unwrap();
    let (text, sound) = place.run(&["verify"]).await.unwrap();
    assert!(!sound);
    assert!(text.contains("1-1: it does not exist"), "{text}");
}

#[tokio::test]
async fn verify_fails_when_head_is_damaged() {
    let place = Place::with_two_snapshots().await;
    std::fs::write(place.0.path().join("default/head"), "{").unwrap();
    let (text, sound) = place.run(&["verify"]).await.unwrap();
    assert!(!sound);
    assert!(text.starts_with("head: not a head: ") && text.contains("1-2: valid"), "{text}");
}

#[tokio::test]
async fn inspect_shows_positions_counts_and_families() {
    let place = Place::with_two_snapshots().await;
    let file = place.file(2);
    for which in ["latest", "1-2", file.to_str().unwrap()] {
        let (text, _) = place.run(&["inspect", which]).await.unwrap();
        assert_eq!(line(&text, "Generation:"), "Generation: 1-2");
        assert_eq!(line(&text, "At shutdown:"), "At shutdown: yes");
        assert_eq!(line(&text, "list:queue"), "list:queue segment 7, 0 items to go 4 2 -");
        assert_eq!(line(&text, "jobs_total"), "jobs_total counter 1");
        assert_eq!(line(&text, "seconds"), "seconds histogram 1");
    }
    let (text, _) = place.run(&["inspect", "1-1"]).await.unwrap();
    assert_eq!(line(&text, "list:queue"), "list:queue segment 7, 4 items to go 0 2 -");
}

#[tokio::test]
async fn what_cannot_be_shown_says_why() {
    let place = Place::with_two_snapshots().await;
    let error = |error: anyhow::Error| format!("{error:#}");
    let missing = error(place.run(&["inspect", "4-4"]).await.unwrap_err());
    assert!(missing.contains("4-4") && missing.contains("does not exist"), "{missing}");
    let neither = error(place.run(&["inspect", "nothing"]).await.unwrap_err());
    assert!(neither.contains("neither a generation"), "{neither}");
    truncate(&place.file(1));
    truncate(&place.file(2));
    let refused = error(place.run(&["export"]).await.unwrap_err());
    assert!(refused.contains("can be read") && refused.contains("truncated"), "{refused}");
}

#[tokio::test]
async fn export_is_what_a_scrape_would_have_served() {
    let place = Place::with_two_snapshots().await;
    let (text, _) = place.run(&["export"]).await.unwrap();
    for expected in [
        "# TYPE jobs_total counter\n",
        "jobs_total{job=\"a\\\"b\\\\\\n\",step=\"1\"} 3\n",
        "level -Inf\n",
        "seconds_bucket{le=\"1\"} 1\n",
        "bytes{quantile=\"0.5\"} 8\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}

#[tokio::test]
async fn export_as_json_has_labels_and_values_apart() {
    let place = Place::with_two_snapshots().await;
    let (text, _) = place.run(&["export", "--format", "json"]).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["snapshot"]["generation"], "1-2");
    let family = |name: &str| {
        let families = json["families"].as_array().unwrap();
        families.iter().find(|family| family["name"] == name).unwrap()["series"].clone()
    };
    let labels = serde_json::json!({ "job": "a\"b\\\n", "step": "1" });
    let jobs = serde_json::json!([
        { "labels": labels, "value": 3.0, "created_at_seconds": 1_699_999_999.0 },
    ]);
    assert_eq!(family("jobs_total"), jobs);
    assert_eq!(family("level")[0]["value"], "-Inf");
    let buckets = serde_json::json!([
        { "le": 0.1, "count": 0 }, { "le": 1.0, "count": 1 }, { "le": "+Inf", "count": 1 }
    ]);
    assert_eq!(family("seconds")[0]["buckets"], buckets);
    let quantiles = serde_json::json!([{ "quantile": 0.5, "value": 8.0 }]);
    assert_eq!(family("bytes")[0]["quantiles"], quantiles);
}

#[tokio::test]
async fn snapshots_of_what_changed_are_shown_with_what_they_build_upon() {
    let place = Place(tempfile::tempdir().unwrap());
    let storage = Storage::open(&place.0.path().into(), "default").unwrap();
    let mut checkpointer = take(storage, 2).await.unwrap().checkpointer;
    let store = Store::new(1000);
    let queue = SourceKey { kind: SourceKind::List, key: "queue".into() };
    let stand_at = |segment| {
        store.reposition(&queue, |position| {
            *position = Some(Position::List(ListPosition { segment, remaining: Some(100) }));
            0
        });
    };
    stand_at(1);
    let labels: Vec<_> = (0..50).map(|row| format!("row=\"{row}\"")).collect();
    let batch = BatchBuilder::new(store.hasher());
    let batch = labels.iter().fold(batch, |batch, labels| batch.counter("c", labels, 1.0));
    let advance = Advance::List { segment: 1, from: 100, to: 0 };
    store.apply(&queue, &batch.build(), &advance, TAKEN_AT, TAKEN_AT).unwrap();
    for segment in 2..=5 {
        stand_at(segment);
        checkpointer.write(store.cut(TAKEN_AT), false).await.unwrap();
    }

    let (text, _) = place.run(&["list"]).await.unwrap();
    assert!(line(&text, "1-4").ends_with(" 50 1-2 yes valid"), "{text}");
    assert!(line(&text, "1-2").ends_with(" 50 - for 1-4 valid"), "{text}");
    let file = place.file(4);
    for which in ["1-4", file.to_str().unwrap()] {
        let (text, _) = place.run(&["inspect", which]).await.unwrap();
        assert_eq!(line(&text, "Files:"), "Files: 2: 1-2, and what changed since");
        assert_eq!(line(&text, "c "), "c counter 50");
        assert_eq!(line(&text, "list:queue"), "list:queue segment 5, 100 items to go 50 0 -");
    }
    assert_eq!(place.run(&["verify"]).await.unwrap(), ("1-4: valid\n1-3: valid\n".into(), true));

    std::fs::remove_file(place.file(2)).unwrap();
    let (text, sound) = place.run(&["verify"]).await.unwrap();
    assert_eq!(text, "1-4: it builds upon 1-2: it does not exist\n1-3: valid\n");
    assert!(!sound);
    let error = place.run(&["inspect", file.to_str().unwrap()]).await.unwrap_err();
    assert!(format!("{error:#}").ends_with("it builds upon 1-2: it does not exist"), "{error:#}");
}
