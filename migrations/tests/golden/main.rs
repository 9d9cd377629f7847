//! Snapshots that were written once and must be readable for ever, beside
//! damaged ones that must each say what is wrong with them.
//!
//! `cargo test -p prom-stream-gateway-migrations -- --ignored regenerate`
//! writes the fixtures of a *new* version; those of a released one stay.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use prom_stream_gateway_migrations::envelope::{self, HEADER_SIZE_BYTES};
use prom_stream_gateway_migrations::{Error, LATEST_VERSION, decode, encode, to_messagepack};

mod v1;
mod v2;

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
    let snapshot: prom_stream_gateway_migrations::v1::Snapshot = content(1);
    assert_eq!(shown(&snapshot), expected(1, "expected.txt"));
    assert!(rmp_serde::to_vec_named(&v1::sample()).unwrap() == read(1, "good.msgpack"), "{ADVICE}");
}

#[test]
fn a_version_1_snapshot_is_a_version_2_snapshot_in_which_nobody_pushed() {
    let snapshot = decode(&read(1, "good.snap")).unwrap();
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
    let snapshot = decode(&read(2, "good.snap")).unwrap();
    assert_eq!(shown(&snapshot), expected(2, "expected.txt"));
}

/// Fails when the structs of the latest version are changed in place. The content is compared
/// and not the file, since zstd may compress differently from one release to the next.
#[test]
fn the_format_has_not_moved_without_a_new_version() {
    assert_eq!(LATEST_VERSION, 2, "{ADVICE}");
    assert!(to_messagepack(&v2::sample()).unwrap() == read(2, "good.msgpack"), "{ADVICE}");
    assert_eq!(content::<prom_stream_gateway_migrations::Latest>(2), v2::sample());
}

#[test]
fn what_is_encoded_decodes() {
    assert_eq!(decode(&encode(&v2::sample()).unwrap()).unwrap(), v2::sample());
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
    let write = |name: &str, content: &[u8]| fs::write(fixture(2, name), content).unwrap();
    let snapshot = v2::sample();
    let content = to_messagepack(&snapshot).unwrap();
    let good = encode(&snapshot).unwrap();
    let mut flipped = good.clone();
    flipped[HEADER_SIZE_BYTES + 100] ^= 0b100;
    write("good.msgpack", &content);
    write("expected.txt", shown(&snapshot).as_bytes());
    write("from-v1.txt", shown(&decode(&read(1, "good.snap")).unwrap()).as_bytes());
    write("truncated.snap", &good[..good.len() / 2]);
    write("bit-flipped.snap", &flipped);
    write("future-version.snap", &envelope::seal(999, &content).unwrap());
    write("good.snap", &good);
}
