//! The text format, version 0.0.4.
//!
//! Families come each once with `# HELP` (when there is one) and `# TYPE`, their
//! series in the order first seen.

use std::ops::ControlFlow;

use super::View;
use super::chunks::Chunks;
use super::head::written;
use super::layout::Entry;
use super::samples::{Samples, Style, parts};

const STYLE: Style = Style { float_labels: false, exemplars: false };

pub(super) fn render<E: FnMut(Vec<u8>) -> ControlFlow<()>>(
    chunks: &mut Chunks<E>,
    entries: &[Entry<'_>],
    view: View,
) -> ControlFlow<()> {
    for entry in entries {
        push_head(&mut chunks.out, entry);
        let samples = Samples::new(entry, view, STYLE);
        samples.write(chunks, parts(&entry.family.values))?;
    }
    ControlFlow::Continue(())
}

fn push_head(out: &mut Vec<u8>, Entry { family, name }: &Entry<'_>) {
    let name = written(name);
    if !family.help.is_empty() {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        out.extend_from_slice(format!("# HELP {name} {help}\n").as_bytes());
    }
    out.extend_from_slice(format!("# TYPE {name} {}\n", family.metric_type).as_bytes());
}

#[cfg(test)]
mod tests;
