//! The text format, version 0.0.4.
//!
//! Families come each once with `# HELP` (when there is one) and `# TYPE`, their
//! series in the order first seen.

use super::View;
use super::head::written;
use super::layout::Entry;
use super::samples::{Samples, Style, parts};
use super::units::Section;

const STYLE: Style = Style { float_labels: false, exemplars: false };

pub(super) fn sections<'a>(
    entries: &'a [Entry<'a>],
    view: View,
) -> impl Iterator<Item = Section<'a>> {
    entries.iter().map(move |entry| {
        let mut head = Vec::new();
        push_head(&mut head, entry);
        let samples = Samples::new(entry, view, STYLE);
        Section::new(head, samples, parts(&entry.family.values).to_vec())
    })
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
