//! The text format, version 0.0.4.
//!
//! Families come each once with `# HELP` (when there is one) and `# TYPE`, their
//! series in the order first seen.

use std::ops::ControlFlow;

use super::chunks::Chunks;
use super::escaping::Escaping;
use super::layout::Entry;
use super::samples::{Samples, parts, push_name};
use crate::model::Timestamp;

pub(super) fn render<E: FnMut(Vec<u8>) -> ControlFlow<()>>(
    chunks: &mut Chunks<E>,
    entries: &[Entry<'_>],
    now: Timestamp,
    escaping: Escaping,
) -> ControlFlow<()> {
    for entry in entries {
        push_head(&mut chunks.out, entry);
        let samples = Samples::new(entry.family, &entry.name, now, escaping);
        samples.write(chunks, parts(&entry.family.values))?;
    }
    ControlFlow::Continue(())
}

fn push_head(out: &mut Vec<u8>, Entry { family, name }: &Entry<'_>) {
    if !family.help.is_empty() {
        out.extend_from_slice(b"# HELP ");
        push_name(out, name);
        out.push(b' ');
        for byte in family.help.bytes() {
            match byte {
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                _ => out.push(byte),
            }
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"# TYPE ");
    push_name(out, name);
    out.push(b' ');
    out.extend_from_slice(family.metric_type.as_str().as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
