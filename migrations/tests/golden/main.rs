//! Snapshots that were written once and must be readable for ever, beside
//! damaged ones that must each say what is wrong with them.
//!
//! `cargo test -p prom-stream-gateway-migrations -- --ignored regenerate`
//! writes the fixtures of a *new* version; those of a released one stay.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use prom_stream_gateway_migrations as format;
use prom_stream_gateway_migrations::envelope::{self, HEADER_SIZE_BYTES};
use prom_stream_gateway_migrations::{Error, LATEST_VERSION, decode, encode, to_messagepack};

mod v1;
mod v2;
mod v3;

const ADVICE: &str = "The snapshot format has changed. Released snapshots would no longer read: \
                      undo the change, or add a version as migrations/README.md says.";

fn fixture(version: u32, name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", &format!("v{version}"), name].iter().collect()
}

fn read(version: u32, name: &str) -> Vec<u8> {
    let path = fixture(version, name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn expected(version: u32, name: &str) -> String {
    String::from_utf8(read(version, name)).expect("fixtures to read are UTF-8")
}

/// As in `expected.txt`.
fn shown(snapshot: &impl Debug) -> String {
    format!("{snapshot:#?}\n")
}

/// The content of a version's file, as its own structs read it.
fn content<T: serde::de::DeserializeOwned>(version: u32) -> T {
    let content =
        envelope::open(&read(version, "good.snap"), version).expect("a whole file").content;
    assert!(content == read(version, "good.msgpack"), "good.snap and good.msgpack differ");
    rmp_serde::from_slice(&content).expect("content of its version")
}

#[test]
fn a_version_1_snapshot_reads_as_it_always_did() {
    let snapshot: format::v1::Snapshot = content(1);
    assert_eq!(shown(&snapshot), expected(1, "expected.txt"));
    assert!(rmp_serde::to_vec_named(&v1::sample()).unwrap() == read(1, "good.msgpack"), "{ADVICE}");
}

#[test]
fn a_version_1_snapshot_is_a_version_2_snapshot_in_which_nobody_pushed() {
    let snapshot = format::v2::Snapshot::from(content::<format::v1::Snapshot>(1));
    assert_eq!(shown(&snapshot), expected(2, "from-v1.txt"));
    let before = v1::sample();
    assert_eq!(snapshot.sources.len(), before.sources.len());
    assert_eq!((snapshot.groups.len(), snapshot.idempotency_keys.keys.len()), (0, 0));
    for (family, before) in snapshot.families.iter().zip(&before.families) {
        assert_eq!(family.label_texts, before.label_texts);
        let rows = if family.metric_type == "gauge" { 0 } else { family.label_lengths.len() };
        assert_eq!(family.created_at_milliseconds, vec![0; rows], "{}", family.name);
    }
}

#[test]
fn a_version_2_snapshot_reads_as_it_always_did() {
    let snapshot: format::v2::Snapshot = content(2);
    assert_eq!(shown(&snapshot), expected(2, "expected.txt"));
    assert!(rmp_serde::to_vec_named(&v2::sample()).unwrap() == read(2, "good.msgpack"), "{ADVICE}");
}

#[test]
fn a_version_2_snapshot_is_a_version_3_snapshot_that_is_whole() {
    let snapshot = decode(&read(2, "good.snap")).unwrap();
    assert_eq!(shown(&snapshot), expected(3, "from-v2.txt"));
    let before = v2::sample();
    assert_eq!(snapshot.parent, None);
    assert_eq!(snapshot.groups.labels, before.groups);
    assert_eq!(snapshot.groups.indexes_skipped, [0, 0]);
    assert_eq!(snapshot.families.len(), before.families.len());
    assert!(snapshot.families.iter().all(|family| family.removed.is_none()));
    // Version 1 goes through both steps.
    let first = decode(&read(1, "good.snap")).unwrap();
    assert_eq!(first, format::v3::Snapshot::from(format::v2::Snapshot::from(v1::sample())));
}

#[test]
fn version_3_snapshots_read_as_they_always_did() {
    for name in ["good", "delta"] {
        let snapshot = decode(&read(3, &format!("{name}.snap"))).unwrap();
        assert_eq!(shown(&snapshot), expected(3, &format!("{name}.txt")));
    }
}

/// Fails when the structs of the latest version are changed in place. The content is compared
/// and not the file, since zstd may compress differently from one release to the next.
#[test]
fn the_format_has_not_moved_without_a_new_version() {
    assert_eq!(LATEST_VERSION, 3, "{ADVICE}");
    for (name, sample) in [("good", v3::sample()), ("delta", v3::delta())] {
        let written = to_messagepack(&sample).unwrap();
        assert!(written == read(3, &format!("{name}.msgpack")), "{name}: {ADVICE}");
    }
    assert_eq!(content::<format::Latest>(3), v3::sample());
}

#[test]
fn what_is_encoded_decodes() {
    for sample in [v3::sample(), v3::delta()] {
        assert_eq!(decode(&encode(&sample).unwrap()).unwrap(), sample);
    }
}

#[test]
fn damaged_snapshots_say_what_is_wrong() {
    for version in 1..=LATEST_VERSION {
        let message = |name: &str| decode(&read(version, name)).unwrap_err().to_string();
        let whole = read(version, "good.snap").len();
        assert_eq!(
            message("truncated.snap"),
            format!("truncated: {} bytes, expected {whole}", whole / 2),
        );
        assert!(
            matches!(
                decode(&read(version, "bit-flipped.snap")),
                Err(Error::ChecksumMismatch { .. })
            ),
            "{}",
            message("bit-flipped.snap"),
        );
        assert_eq!(
            message("future-version.snap"),
            format!(
                "format version 999, newest known is {LATEST_VERSION}: written by a newer \
                 version; upgrade the gateway"
            ),
        );
    }
}

#[test]
fn content_that_is_no_snapshot_is_refused() {
    for sealed in 1..=LATEST_VERSION {
        let file = envelope::seal(sealed, b"\x81\xa1a\x01").unwrap();
        let error = decode(&file).unwrap_err();
        assert!(matches!(error, Error::MessagePack { version, .. } if version == sealed));
    }
    let file = envelope::seal(0, b"").unwrap();
    assert!(matches!(decode(&file), Err(Error::UnknownVersion { found: 0 })));
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let content = [b"\x81\xa1a".repeat(100_000).as_slice(), b"\xc0"].concat();
    for version in 1..=LATEST_VERSION {
        let file = envelope::seal(version, &content).unwrap();
        assert!(matches!(decode(&file), Err(Error::MessagePack { .. })));
    }
}

#[test]
#[ignore = "writes the fixtures; only for a version that was not released yet"]
fn regenerate() {
    let write = |name: &str, content: &[u8]| fs::write(fixture(3, name), content).unwrap();
    for (name, snapshot) in [("good", v3::sample()), ("delta", v3::delta())] {
        write(&format!("{name}.snap"), &encode(&snapshot).unwrap());
        write(&format!("{name}.msgpack"), &to_messagepack(&snapshot).unwrap());
        write(&format!("{name}.txt"), shown(&snapshot).as_bytes());
    }
    let good = encode(&v3::sample()).unwrap();
    let content = to_messagepack(&v3::sample()).unwrap();
    let mut flipped = good.clone();
    flipped[HEADER_SIZE_BYTES + 100] ^= 0b100;
    write("from-v2.txt", shown(&decode(&read(2, "good.snap")).unwrap()).as_bytes());
    write("truncated.snap", &good[..good.len() / 2]);
    write("bit-flipped.snap", &flipped);
    write("future-version.snap", &envelope::seal(999, &content).unwrap());
}
