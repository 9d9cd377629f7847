//! What a group says of its last pushes: when one succeeded, and when one failed.
//!
//! Both are gauges with the group's labels. Each push sets one and makes sure that the other is
//! there, by adding nothing to it.

use super::Dialect;
use super::path_labels::PathLabels;
use super::series_labels::SeriesLabels;
use crate::decode::DecodeOptions;
use crate::model::exposition::Exposition;
use crate::model::push::{Change, PUSH_FAILURE_TIME, PUSH_TIME, PushedFamily, PushedSeries, Write};
use crate::model::{Combine, MetricType, PushRefusal, Span, Timestamp};

/// Appends both families to a write that belongs to the path's group.
pub(super) fn append(
    write: &mut Write,
    path: &PathLabels<'_>,
    succeeded: bool,
    at: Timestamp,
    options: &DecodeOptions,
) -> Result<(), PushRefusal> {
    let families = [
        (PUSH_TIME, "When the last successful push to this group came, as a Unix time.", succeeded),
        (
            PUSH_FAILURE_TIME,
            "When the last refused push to this group came, as a Unix time; 0 for never.",
            !succeeded,
        ),
    ];
    let no_body = Exposition::default();
    let mut labels = SeriesLabels::new(path, Dialect::Replace, options);
    for (name, help, is_now) in families {
        let name_at = write.text.len();
        write.text.push_str(name);
        let help_at = write.text.len();
        write.text.push_str(help);
        let labels_at = write.text.len();
        let Ok(written) = labels.append(name, &no_body, &[], &mut write.text) else {
            unreachable!("only labels of a body can be duplicates");
        };
        let (combine, value) =
            if is_now { (Combine::Replace, at.as_seconds()) } else { (Combine::Add, 0.0) };
        let first = u32::try_from(write.series.len()).expect("fewer series than bytes of text");
        write.series.push(PushedSeries {
            labels: Span::new(labels_at, write.text.len()),
            hash: written.hash,
            change: Change::Scalar { combine, value, exemplar: None },
            created: None,
        });
        write.families.push(PushedFamily {
            name: Span::new(name_at, help_at),
            metric_type: MetricType::Gauge,
            help: Span::new(help_at, labels_at),
            unit: Span::default(),
            clears: false,
            prevails: true,
            series: first..first + 1,
        });
    }
    Ok(())
}
