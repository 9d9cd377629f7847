//! Rendering of a cut as the pages that Prometheus reads.
//!
//! Rendering works on a copy, outside of the store's lock, and delivers chunks,
//! so a page of any size needs little memory of its own. What stands on a page,
//! and under which names, is the same question for every format (`layout`);
//! how a family is written is the format's own.

use std::ops::ControlFlow;

use crate::model::Timestamp;
use crate::store::{Cut, Family};

mod chunks;
mod escaping;
mod exemplar;
mod head;
mod label_names;
mod layout;
pub mod number;
mod openmetrics;
pub mod own_metrics;
mod protobuf;
mod samples;
#[cfg(test)]
mod speed;
#[cfg(test)]
pub(crate) mod test_cut;
mod text;
mod units;

use chunks::Chunks;
pub use escaping::Escaping;
use layout::Entry;
pub use units::Unit;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0, which readers of 0.0.1 can read.
    OpenMetrics,
    /// Delimited protobuf, which alone has native histograms.
    Protobuf,
}

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFormat {
    pub format: Format,
    /// What becomes of names that not every reader can take.
    pub escaping: Escaping,
    /// Whether OpenMetrics gets `_created` samples.
    pub created_samples: bool,
}

impl PageFormat {
    /// What every reader understands.
    pub const TEXT: Self =
        Self { format: Format::Text, escaping: Escaping::Underscores, created_samples: false };
}

/// What every family on a page is seen with.
#[derive(Clone, Copy, Debug)]
struct View {
    now: Timestamp,
    escaping: Escaping,
}

/// Renders the cut as of `now`, merged with our `own` families, in chunks. Stops early when `emit`
/// breaks.
pub fn render(
    cut: &Cut,
    own: &[Family],
    now: Timestamp,
    form: PageFormat,
    emit: impl FnMut(Vec<u8>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut chunks = Chunks::new(emit);
    let entries = layout::entries(&cut.families, own, form.escaping);
    let view = View { now, escaping: form.escaping };
    if form.format == Format::Protobuf {
        protobuf::render(&mut chunks, &entries, view)?;
    } else {
        each_unit(&entries, view, form, |unit| {
            unit.render(&mut chunks.out);
            chunks.hand_out_if_full()
        })?;
    }
    chunks.finish()
}

/// Shows the units of the page that [`render`] would render, in their order; in one of the text
/// formats. Stops early when `show` breaks.
pub fn units(
    cut: &Cut,
    own: &[Family],
    now: Timestamp,
    form: PageFormat,
    show: impl FnMut(Unit<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let entries = layout::entries(&cut.families, own, form.escaping);
    each_unit(&entries, View { now, escaping: form.escaping }, form, show)
}

fn each_unit(
    entries: &[Entry<'_>],
    view: View,
    form: PageFormat,
    show: impl FnMut(Unit<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match form.format {
        Format::Text => units::units(text::sections(entries, view), &[]).try_for_each(show),
        Format::OpenMetrics => {
            let sections = openmetrics::sections(entries, view, form.created_samples);
            units::units(sections, openmetrics::END).try_for_each(show)
        }
        Format::Protobuf => unreachable!("a family is one message, whose length comes first"),
    }
}

/// The whole page as text, for tests.
#[cfg(test)]
pub(crate) fn page(cut: &Cut, now: Timestamp) -> String {
    String::from_utf8(bytes(cut, &[], now, PageFormat::TEXT)).expect("texts are UTF-8")
}

#[cfg(test)]
fn bytes(cut: &Cut, own: &[Family], now: Timestamp, form: PageFormat) -> Vec<u8> {
    let mut page = Vec::new();
    let flow = render(cut, own, now, form, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    page
}
