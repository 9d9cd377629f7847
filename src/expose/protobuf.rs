//! Delimited protobuf: messages `io.prometheus.client.MetricFamily`, each after its length.
//!
//! The only format with native histograms. A family is one message, so its
//! length must be known before its first byte; a family may be larger than all
//! memory we want to spend on a page. So it is encoded twice, at first only to
//! measure it ([`wire`]), and no message ever stands in memory as a tree.
//!
//! Field numbers stand beside the functions that write their message.

use std::ops::ControlFlow;

use super::View;
use super::chunks::Chunks;
use super::layout::Entry;
use crate::model::MetricType;

mod metric;
mod native;
mod wire;

use metric::Metrics;
use wire::{Length, Sink};

// Fields of `MetricFamily`.
const NAME: u32 = 1;
const HELP: u32 = 2;
const TYPE: u32 = 3;
const METRIC: u32 = 4;
const UNIT: u32 = 5;

pub(super) fn render<E: FnMut(Vec<u8>) -> ControlFlow<()>>(
    chunks: &mut Chunks<E>,
    entries: &[Entry<'_>],
    view: View,
) -> ControlFlow<()> {
    for entry in entries {
        let metrics = Metrics::new(entry, view);
        let mut length = Length::default();
        head(&mut length, entry);
        for row in entry.family.rows() {
            length.message(METRIC, |metric| metrics.write(metric, row));
        }
        chunks.out.varint(length.0);
        head(&mut chunks.out, entry);
        for row in entry.family.rows() {
            chunks.out.message(METRIC, |metric| metrics.write(metric, row));
            chunks.hand_out_if_full()?;
        }
    }
    ControlFlow::Continue(())
}

fn head(sink: &mut impl Sink, entry: &Entry<'_>) {
    let Entry { family, name } = entry;
    sink.string(NAME, name);
    if !family.help.is_empty() {
        sink.string(HELP, &family.help);
    }
    sink.uint(
        TYPE,
        match family.metric_type {
            MetricType::Counter => 0,
            MetricType::Gauge => 1,
            MetricType::Summary => 2,
            MetricType::Untyped => 3,
            MetricType::Histogram => 4,
        },
    );
    if let Some(unit) = entry.unit() {
        sink.string(UNIT, unit);
    }
}

#[cfg(test)]
mod tests;
