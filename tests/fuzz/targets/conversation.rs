//! What a producer says at the Redis-protocol port: whatever it is, in whatever pieces it arrives, it
//! has the same answers, and the same is kept.

use prom_stream_gateway::door::converse;
use prom_stream_gateway::model::RawEntry;

/// The first byte says where the others are cut.
pub(super) fn target(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let whole = converse([bytes]);
    let size = usize::from(*first % 64) + 1;
    let pieces = converse(bytes.chunks(size));
    assert_eq!(answers(&whole.0), answers(&pieces.0), "in pieces of {size}");
    assert_eq!(shown(&whole.1), shown(&pieces.1), "in pieces of {size}");
}

/// Without what differs from one conversation to another: who the server says it is, and how many
/// entries of one read stand before this one.
fn answers(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().filter(|line| !line.starts_with("run_id:") && !line.starts_with(':'));
    lines.collect::<Vec<_>>().join("\n")
}

fn shown(kept: &[RawEntry]) -> Vec<String> {
    kept.iter().map(|entry| format!("{:?}", entry.body)).collect()
}
