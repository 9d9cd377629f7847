//! Snapshots: the whole file, and the content behind a frame that is right.
//!
//! A checksum proves that somebody wrote a file, not that it makes sense. What is
//! accepted can be continued from, served, written and read again as the same.

use migrations::{LATEST_VERSION, envelope};
use prom_stream_gateway::checkpoint::codec::{self, Meta, Part, Snapshot};
use prom_stream_gateway::checkpoint::head::Generation;
use prom_stream_gateway::store::{Cut, Store, TextColumn};

use super::through_the_store;

/// The bytes are a file.
pub(super) fn file(bytes: &[u8]) {
    let read = codec::decode(bytes);
    assert!(migrations::decode(bytes).is_ok() || read.is_err());
    if let Ok(snapshot) = read {
        holds_together(&snapshot);
    }
}

/// The bytes are the MessagePack of a file, of each version that there is.
pub(super) fn content(bytes: &[u8]) {
    for version in 0..=LATEST_VERSION + 1 {
        let file = envelope::seal(version, bytes).expect("content compresses");
        let read = codec::decode(&file);
        let known = (1..=LATEST_VERSION).contains(&version);
        assert!(known || read.is_err(), "version {version} was never released");
        match read {
            Ok(snapshot) => holds_together(&snapshot),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        with_parent(&file);
    }
}

/// What the file says has changed, if it does, put together with the snapshot it is about.
fn with_parent(file: &[u8]) {
    let whole = include_bytes!("../../../migrations/fixtures/v3/good.snap");
    let whole = Part::read(whole).expect("a fixture reads");
    let Ok(part) = Part::read(file) else { return };
    if part.parent().is_some()
        && let Ok(snapshot) = part.with_parents(vec![whole])
    {
        assert_eq!(snapshot.parents.len(), 1);
        holds_together(&snapshot);
    }
}

fn holds_together(snapshot: &Snapshot) {
    let once = content_of(snapshot, &snapshot.cut);
    let again = codec::decode(&envelope::seal(LATEST_VERSION, &once).expect("it compresses"));
    let again = again.expect("what was accepted is accepted again");
    assert_eq!(content_of(&again, &again.cut), once, "written and read, it is another");

    let store = Store::restore(snapshot.cut.clone(), u64::MAX);
    let cut = store.cut(snapshot.cut.taken_at);
    assert_eq!(cut.families.len(), snapshot.cut.families.len());
    assert_eq!(cut.sources.len(), snapshot.cut.sources.len());
    through_the_store::rendered(&store);
    if snapshot.cut.families.iter().all(|family| is_name(&family.name)) {
        let store = Store::restore(with_sound_labels(&snapshot.cut), u64::MAX);
        through_the_store::page(&store);
    }
}

/// That label texts are well-formed, and each there once, is for the store to see to when it makes
/// a series: looking at millions again would make every start longer.
fn with_sound_labels(cut: &Cut) -> Cut {
    let mut cut = cut.clone();
    for family in &mut cut.families {
        let mut labels = TextColumn::default();
        for row in 0..family.labels.len() {
            labels.push(&format!("row=\"{row}\""));
        }
        family.labels = labels;
    }
    cut
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

fn content_of(snapshot: &Snapshot, cut: &Cut) -> Vec<u8> {
    let meta = Meta { generation: Generation { epoch: 1, sequence: 1 }, ..snapshot.meta.clone() };
    let file = codec::encode(&meta, cut).expect("a cut can be encoded");
    envelope::open(&file, LATEST_VERSION).expect("encoded just now").content
}
