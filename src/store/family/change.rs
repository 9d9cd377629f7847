//! What pushes, and events with a mode, do to a row.
//!
//! Every step was tried before (see `DryRun`), so none can fail here.

use std::sync::Arc;

use super::{Family, Values, histogram};
use crate::model::{Combine, Exemplar, MetricType, Timestamp, WindowedValue};
use crate::store::decaying_window::DecayingWindow;
use crate::store::step::{HistogramStep, Step, SummaryStep, When};
use crate::store::summary::Window;

impl Family {
    /// Takes a step that fits. `created`: since when the series counts, if the producer says so.
    pub(in crate::store) fn take(
        &mut self,
        row: usize,
        step: &Step<'_>,
        created: Option<Timestamp>,
        when: When,
    ) {
        self.changes.note(row);
        match step {
            Step::Scalar { combine, value, exemplar } => {
                let before = self.scalar(row, when.at);
                let after = if *combine == Combine::Add { before + value } else { *value };
                self.set_scalar(row, after);
                self.windows.clear(row);
                if self.metric_type == MetricType::Counter {
                    let exemplars = exemplar.map(|exemplar| Arc::from([(0, Arc::clone(exemplar))]));
                    if *combine == Combine::Replace || exemplars.is_some() {
                        self.exemplars.set(row, exemplars);
                    }
                }
                self.note_start(row, *combine, created, after < before, when);
            }
            Step::Windowed { shows, window_seconds, value } => {
                self.take_windowed(row, *shows, *window_seconds, *value, when);
            }
            Step::Histogram(step) => self.take_histogram(row, step, created, when),
            Step::Summary(step) => self.take_summary(row, step, created, when),
            Step::Observe(value) => {
                self.record(row, *value, when.now).expect("tried before");
            }
        }
    }

    fn set_scalar(&mut self, row: usize, value: f64) {
        let Values::Scalars(values) = &mut self.values else {
            unreachable!("a step that suits the family's type");
        };
        values[row] = value;
    }

    /// A series that is replaced by less than it counted began anew.
    fn note_start(
        &mut self,
        row: usize,
        combine: Combine,
        created: Option<Timestamp>,
        fell: bool,
        when: When,
    ) {
        let Some(start) = self.created.get_mut(row) else { return };
        match (combine, created) {
            (Combine::Replace, Some(created)) => *start = created,
            (Combine::Replace, None) if fell => *start = when.started,
            _ => {}
        }
    }

    fn take_windowed(
        &mut self,
        row: usize,
        shows: WindowedValue,
        window_seconds: u32,
        value: f64,
        when: When,
    ) {
        let before = self.windows.get(row);
        let same = before
            .filter(|window| (window.shows, window.window_seconds) == (shows, window_seconds));
        let mut window =
            same.cloned().unwrap_or_else(|| Arc::new(DecayingWindow::new(shows, window_seconds)));
        self.windows.clear(row);
        Arc::make_mut(&mut window).observe(value, when.at, when.now);
        self.set_scalar(row, window.value(when.at));
        self.windows.set(row, Some(window));
        self.exemplars.clear(row);
    }

    fn take_histogram(
        &mut self,
        row: usize,
        step: &HistogramStep<'_>,
        created: Option<Timestamp>,
        when: When,
    ) {
        let Values::Histograms { bounds, counts, sums } = &mut self.values else {
            unreachable!("a step that suits the family's type");
        };
        let width = bounds.len() + 1;
        let own = &mut counts[row * width..(row + 1) * width];
        let before: u64 = own.iter().sum();
        if step.combine == Combine::Replace {
            own.fill(0);
            sums[row] = 0.0;
            self.exemplars.clear(row);
        }
        let same = **bounds == *step.bounds;
        let place = |bucket: usize| match step.bounds.get(bucket) {
            _ if same => bucket,
            Some(bound) => histogram::bucket(bounds, *bound),
            None => bounds.len(),
        };
        for (bucket, count) in step.counts.iter().enumerate() {
            own[place(bucket)] += count;
        }
        let after: u64 = own.iter().sum();
        sums[row] += step.sum;
        if !step.exemplars.is_empty() {
            // One that fell out of its bucket's range would contradict it.
            let placed = step.exemplars.iter().filter_map(|(bucket, exemplar)| {
                let place = place(*bucket as usize);
                (histogram::bucket(bounds, exemplar.value) == place)
                    .then(|| (place as u32, Arc::clone(exemplar)))
            });
            let latest = latest(self.exemplars.get(row), placed);
            self.exemplars.set(row, latest);
        }
        self.combine_native(row, step, before);
        self.note_start(row, step.combine, created, after < before, when);
    }

    /// The native buckets are kept as long as they hold every observation that the classic ones do.
    fn combine_native(&mut self, row: usize, step: &HistogramStep<'_>, before: u64) {
        let pushed_nothing = step.counts.iter().all(|count| *count == 0);
        let native = match (step.native, self.natives.get(row)) {
            (pushed, _) if step.combine == Combine::Replace || before == 0 => pushed.cloned(),
            (Some(pushed), Some(kept)) => {
                let mut sum = (**kept).clone();
                sum.add(pushed);
                Some(Arc::new(sum))
            }
            (None, Some(kept)) if pushed_nothing => Some(Arc::clone(kept)),
            _ => None,
        };
        self.natives.set(row, native);
    }

    fn take_summary(
        &mut self,
        row: usize,
        step: &SummaryStep<'_>,
        created: Option<Timestamp>,
        when: When,
    ) {
        let Values::Summaries { counts, sums, windows, .. } = &mut self.values else {
            unreachable!("a step that suits the family's type");
        };
        let before = counts[row];
        match step.combine {
            Combine::Add => {
                counts[row] += step.count;
                sums[row] += step.sum;
                self.quantiles.clear(row);
            }
            Combine::Replace => {
                counts[row] = step.count;
                sums[row] = step.sum;
                let estimated = windows.get_mut(row).map(|window| {
                    *window = Arc::new(Window::new(when.now));
                });
                let (quantiles, values) = step.quantiles.split_at(step.quantiles.len() / 2);
                // Without estimates, having no quantiles needs no word.
                let any = !quantiles.is_empty() || estimated.is_some();
                let pairs = || quantiles.iter().copied().zip(values.iter().copied()).collect();
                self.quantiles.set(row, any.then(pairs));
            }
        }
        let fell = counts[row] < before;
        self.note_start(row, step.combine, created, fell, when);
    }
}

/// Of each bucket one, ascending.
type Exemplars = [(u32, Arc<Exemplar>)];

/// Of each bucket the last exemplar.
fn latest(
    kept: Option<&Arc<Exemplars>>,
    new: impl Iterator<Item = (u32, Arc<Exemplar>)>,
) -> Option<Arc<Exemplars>> {
    let mut all: Vec<_> =
        kept.into_iter().flat_map(|kept| kept.iter().cloned()).chain(new).collect();
    // Stable, so of equal buckets the newest is last.
    all.sort_by_key(|(bucket, _)| *bucket);
    all.reverse();
    all.dedup_by_key(|(bucket, _)| *bucket);
    all.reverse();
    (!all.is_empty()).then(|| all.into())
}
