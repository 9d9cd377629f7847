//! The text format, version 0.0.4.
//!
//! Families stand in the order of their names, each once with `# HELP` and
//! `# TYPE`; series in the order first seen. `le` and `quantile` follow the
//! producer's labels. Bucket counts become cumulative here, so `_count` is the
//! `+Inf` bucket by construction.
//!
//! The gateway's own families come in already rendered and are merged by name.
//! Should a producer use one of those names, the producer's family is served:
//! both on one page would make Prometheus reject all of it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::number::{push_number, push_whole};
use crate::model::Timestamp;
use crate::store::summary::{Objective, Window};
use crate::store::{Cut, Family, Values};

/// The `Content-Type` of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A chunk is handed out as soon as it has grown to this size.
const CHUNK_BYTES: usize = 256 * 1024;
/// Room for the sample that fills a chunk beyond its size.
const CHUNK_SLACK_BYTES: usize = 4 * 1024;

/// Renders the cut as of `now`, merged with our `own` families (name and rendered
/// text, in any order), in chunks. Stops early when `emit` breaks.
pub fn render_chunks(
    cut: &Cut,
    now: Timestamp,
    own: &[(String, String)],
    emit: impl FnMut(Vec<u8>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut families: Vec<&Family> = cut.families.iter().collect();
    families.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut own: Vec<(&str, &str)> = own.iter().map(|(name, text)| (&**name, &**text)).collect();
    own.sort_by_key(|(name, _)| *name);
    let mut own = own.into_iter().peekable();

    let mut page = Page { chunk: new_chunk(), emit };
    for family in families {
        while let Some((name, text)) = own.next_if(|(name, _)| *name <= &*family.name) {
            if name.cmp(&family.name) == Ordering::Less {
                page.chunk.extend_from_slice(text.as_bytes());
                page.hand_out_if_full()?;
            }
        }
        page.family(family, now)?;
    }
    for (_, text) in own {
        page.chunk.extend_from_slice(text.as_bytes());
        page.hand_out_if_full()?;
    }
    page.finish()
}

fn new_chunk() -> Vec<u8> {
    Vec::with_capacity(CHUNK_BYTES + CHUNK_SLACK_BYTES)
}

struct Page<E> {
    chunk: Vec<u8>,
    emit: E,
}

impl<E: FnMut(Vec<u8>) -> ControlFlow<()>> Page<E> {
    fn hand_out_if_full(&mut self) -> ControlFlow<()> {
        if self.chunk.len() < CHUNK_BYTES {
            return ControlFlow::Continue(());
        }
        (self.emit)(std::mem::replace(&mut self.chunk, new_chunk()))
    }

    fn finish(mut self) -> ControlFlow<()> {
        if self.chunk.is_empty() {
            return ControlFlow::Continue(());
        }
        (self.emit)(self.chunk)
    }

    fn family(&mut self, family: &Family, now: Timestamp) -> ControlFlow<()> {
        push_head(&mut self.chunk, family);
        match &family.values {
            Values::Scalars(values) => self.scalars(family, values),
            Values::Histograms { bounds, counts, sums } => {
                self.histograms(family, bounds, counts, sums)
            }
            Values::Summaries { objectives, counts, sums, windows } => {
                self.summaries(family, objectives, counts, sums, windows, now)
            }
        }
    }

    fn scalars(&mut self, family: &Family, values: &[f64]) -> ControlFlow<()> {
        let sample = Sample::new(&family.name, "");
        for (labels, value) in family.labels.iter().zip(values) {
            sample.push(&mut self.chunk, labels);
            push_number(&mut self.chunk, *value);
            self.chunk.push(b'\n');
            self.hand_out_if_full()?;
        }
        ControlFlow::Continue(())
    }

    fn histograms(
        &mut self,
        family: &Family,
        bounds: &[f64],
        counts: &[u64],
        sums: &[f64],
    ) -> ControlFlow<()> {
        let bucket = Sample::new(&family.name, "_bucket");
        let sum = Sample::new(&family.name, "_sum");
        let count = Sample::new(&family.name, "_count");
        let with_infinity = bounds.iter().copied().chain([f64::INFINITY]);
        let les: Vec<Vec<u8>> = with_infinity.map(|bound| extra_label("le", bound)).collect();
        let rows = counts.chunks_exact(bounds.len() + 1).zip(sums);
        for (labels, (counts, sum_of_row)) in family.labels.iter().zip(rows) {
            let mut cumulative = 0;
            for (own, le) in counts.iter().zip(&les) {
                cumulative += own;
                bucket.push_with(&mut self.chunk, labels, le);
                push_whole(&mut self.chunk, cumulative);
                self.chunk.push(b'\n');
            }
            sum.push(&mut self.chunk, labels);
            push_number(&mut self.chunk, *sum_of_row);
            self.chunk.push(b'\n');
            count.push(&mut self.chunk, labels);
            push_whole(&mut self.chunk, cumulative);
            self.chunk.push(b'\n');
            self.hand_out_if_full()?;
        }
        ControlFlow::Continue(())
    }

    fn summaries(
        &mut self,
        family: &Family,
        objectives: &[Objective],
        counts: &[u64],
        sums: &[f64],
        windows: &[std::sync::Arc<Window>],
        now: Timestamp,
    ) -> ControlFlow<()> {
        let quantile = Sample::new(&family.name, "");
        let sum = Sample::new(&family.name, "_sum");
        let count = Sample::new(&family.name, "_count");
        let names: Vec<Vec<u8>> = objectives
            .iter()
            .map(|objective| extra_label("quantile", objective.quantile))
            .collect();
        for (row, labels) in family.labels.iter().enumerate() {
            let window = windows.get(row);
            let estimates = window.map(|window| window.quantiles(objectives, now));
            for (name, estimate) in names.iter().zip(estimates.into_iter().flatten()) {
                quantile.push_with(&mut self.chunk, labels, name);
                push_number(&mut self.chunk, estimate);
                self.chunk.push(b'\n');
            }
            sum.push(&mut self.chunk, labels);
            push_number(&mut self.chunk, sums[row]);
            self.chunk.push(b'\n');
            count.push(&mut self.chunk, labels);
            push_whole(&mut self.chunk, counts[row]);
            self.chunk.push(b'\n');
            self.hand_out_if_full()?;
        }
        ControlFlow::Continue(())
    }
}

/// `# HELP` (when there is one) and `# TYPE`.
fn push_head(out: &mut Vec<u8>, family: &Family) {
    let name = family.name.as_bytes();
    if !family.help.is_empty() {
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(name);
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
    out.extend_from_slice(name);
    out.push(b' ');
    out.extend_from_slice(family.metric_type.as_str().as_bytes());
    out.push(b'\n');
}

/// `le="0.5"`: the label that a sample has besides its series' labels.
fn extra_label(name: &str, value: f64) -> Vec<u8> {
    let mut label = format!("{name}=\"").into_bytes();
    push_number(&mut label, value);
    label.push(b'"');
    label
}

/// The samples of one name, up to and including the space before their value.
struct Sample {
    /// The name and an opening brace.
    open: Vec<u8>,
}

impl Sample {
    fn new(name: &str, suffix: &str) -> Self {
        Self { open: format!("{name}{suffix}{{").into_bytes() }
    }

    fn push(&self, out: &mut Vec<u8>, labels: &str) {
        if labels.is_empty() {
            out.extend_from_slice(&self.open[..self.open.len() - 1]);
            out.push(b' ');
        } else {
            out.extend_from_slice(&self.open);
            out.extend_from_slice(labels.as_bytes());
            out.extend_from_slice(b"} ");
        }
    }

    fn push_with(&self, out: &mut Vec<u8>, labels: &str, extra: &[u8]) {
        out.extend_from_slice(&self.open);
        if !labels.is_empty() {
            out.extend_from_slice(labels.as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(extra);
        out.extend_from_slice(b"} ");
    }
}

/// The whole page, for tests.
#[cfg(test)]
pub(crate) fn page(cut: &Cut, now: Timestamp) -> String {
    page_with(cut, now, &[])
}

#[cfg(test)]
fn page_with(cut: &Cut, now: Timestamp, own: &[(String, String)]) -> String {
    let mut page = Vec::new();
    let flow = render_chunks(cut, now, own, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    String::from_utf8(page).expect("labels, names and help texts are UTF-8")
}

#[cfg(test)]
mod tests;
