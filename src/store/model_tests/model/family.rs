//! One family of the model: what each change does to a series.

use super::*;
use MetricType::{Counter, Untyped};

/// Mean or sum, seconds, then times and values.
type Window = (bool, u32, Vec<(Timestamp, f64)>);

#[derive(Clone)]
pub(super) struct ModelFamily {
    pub(super) metric_type: MetricType,
    pub(super) help: String,
    pub(super) unit: String,
    /// Bounds, or the number of objectives as that many numbers.
    pub(super) shape: Vec<f64>,
    pub(super) series: BTreeMap<String, Series>,
    /// Of scalars, what came into their windows.
    pub(super) windows: BTreeMap<String, Window>,
}

impl ModelFamily {
    pub(super) fn new(metric_type: MetricType, shape: Vec<f64>) -> Self {
        Self {
            metric_type,
            help: String::new(),
            unit: String::new(),
            shape,
            series: BTreeMap::new(),
            windows: BTreeMap::new(),
        }
    }

    pub(super) fn served(&self) -> u64 {
        let of = |series: &Series| match &series.state {
            State::Scalar(_) => 1,
            State::Histogram { counts, .. } => counts.len() + 2,
            State::Summary { quantiles: Some(quantiles), .. } => quantiles.len() + 2,
            State::Summary { .. } => self.shape.len() + 2,
        };
        self.series.values().map(|series| of(series) as u64).sum()
    }

    pub(super) fn scalar(&self, labels: &str, value: f64, now: Timestamp) -> f64 {
        let Some((mean, seconds, all)) = self.windows.get(labels) else { return value };
        let slots = slots(*seconds, all, now);
        // Not `sum`, which begins at -0.
        let sum = slots.values().fold(0.0, |sum, values| sum + values.iter().sum::<f64>());
        let count = slots.values().map(Vec::len).sum::<usize>();
        match (mean, count) {
            (false, _) => sum,
            (true, 0) => 0.0,
            (true, count) => sum / count as f64,
        }
    }

    fn entry(&mut self, labels: &str, group: Option<&String>, began: Timestamp) -> &mut Series {
        let state = match self.metric_type {
            Counter | Gauge | Untyped => State::Scalar(0.0),
            Histogram => {
                State::Histogram { counts: vec![0; self.shape.len() + 1], sum: 0.0, native: None }
            }
            Summary => State::Summary { count: 0, sum: 0.0, quantiles: None },
        };
        let counts = !matches!(self.metric_type, Gauge | Untyped);
        let new = Series { group: group.cloned(), created: counts.then_some(began), state };
        self.series.entry(labels.to_owned()).or_insert(new)
    }

    fn set(
        &mut self,
        labels: &str,
        combine: Combine,
        value: f64,
        now: Timestamp,
    ) -> Result<bool, Reason> {
        let State::Scalar(before) = self.series[labels].state else { panic!("not a scalar") };
        let before = self.scalar(labels, before, now);
        let total = before + value;
        let is_counter = self.metric_type == Counter;
        if combine == Combine::Add {
            finite(value)?;
            if is_counter && value < 0.0 {
                return Err(Reason::NegativeCounter);
            }
            if !total.is_finite() && (is_counter || before.is_finite()) {
                return Err(Reason::InvalidValue);
            }
        }
        let after = if combine == Combine::Add { total } else { value };
        self.windows.remove(labels);
        self.series.get_mut(labels).expect("made").state = State::Scalar(after);
        Ok(combine == Combine::Replace && after < before)
    }

    fn window(
        &mut self,
        labels: &str,
        mean: bool,
        seconds: u32,
        value: f64,
        now: Timestamp,
    ) -> Result<(), Reason> {
        finite(value)?;
        if self.metric_type == Counter && value < 0.0 {
            return Err(Reason::NegativeCounter);
        }
        let (_, _, mut all) = self
            .windows
            .remove(labels)
            .filter(|window| (window.0, window.1) == (mean, seconds))
            .unwrap_or((mean, seconds, Vec::new()));
        all.push((now, value));
        let of_slot = |values: &Vec<f64>| values.iter().sum::<f64>().abs();
        finite(slots(seconds, &all, now).values().map(of_slot).sum())?;
        self.windows.insert(labels.to_owned(), (mean, seconds, all));
        Ok(())
    }

    pub(super) fn change(
        &mut self,
        series: &OneSeries,
        group: Option<&String>,
        Moment { now, began }: Moment,
    ) -> Result<(), Reason> {
        let labels = &*labels::canonical(series.labels);
        let shape = self.shape.clone();
        let objectives = if self.metric_type == Summary { shape.len() } else { 0 };
        let state = &mut self.entry(labels, group, began).state;
        let (replaces, fell) = match (&series.change, state) {
            (Change::Scalar { combine, value }, _) => {
                (*combine == Combine::Replace, self.set(labels, *combine, *value, now)?)
            }
            (Change::Windowed { mean, seconds, value }, _) => {
                self.window(labels, *mean, *seconds, *value, now)?;
                (false, false)
            }
            (
                Change::Histogram { combine, bounds, counts, sum, native },
                State::Histogram { counts: own, sum: own_sum, native: own_native },
            ) => {
                let before: u64 = own.iter().sum();
                if *combine == Combine::Replace {
                    own.fill(0);
                    (*own_sum, *own_native) = (0.0, None);
                }
                let was_empty = own.iter().all(|count| *count == 0);
                *own_sum += sum;
                if *combine == Combine::Add {
                    finite(*sum)?;
                    finite(*own_sum)?;
                }
                for (bound, count) in bounds.iter().chain([&f64::INFINITY]).zip(counts) {
                    let place = shape.iter().position(|family| bound <= family);
                    own[place.unwrap_or(shape.len())] += count;
                }
                let adds_nothing = counts.iter().all(|count| *count == 0);
                *own_native = match (own_native.take(), native) {
                    (Some(mut kept), Some(native)) => {
                        kept.add(native);
                        Some(kept)
                    }
                    (None, Some(native)) if was_empty => Some(native.clone()),
                    (Some(kept), None) if adds_nothing && !was_empty => Some(kept),
                    _ => None,
                };
                (*combine == Combine::Replace, own.iter().sum::<u64>() < before)
            }
            (
                Change::Summary { combine, count, sum, quantiles },
                State::Summary { count: own, sum: own_sum, quantiles: own_quantiles },
            ) => {
                let before = *own;
                if *combine == Combine::Replace {
                    (*own, *own_sum) = (0, 0.0);
                }
                *own += count;
                *own_sum += sum;
                if *combine == Combine::Add {
                    finite(*sum)?;
                    finite(*own_sum)?;
                }
                let (at, values) = quantiles.split_at(quantiles.len() / 2);
                let pairs: Vec<(f64, f64)> =
                    at.iter().copied().zip(values.iter().copied()).collect();
                let instead = *combine == Combine::Replace && (objectives > 0 || !pairs.is_empty());
                *own_quantiles = instead.then_some(pairs);
                (*combine == Combine::Replace, *own < before)
            }
            other => panic!("{other:?}"),
        };
        let known = &mut self.series.get_mut(labels).expect("made").created;
        if let Some(known) = known.as_mut().filter(|_| replaces) {
            *known = series.created.map_or(if fell { now } else { *known }, Timestamp);
        }
        Ok(())
    }

    pub(super) fn event(
        &mut self,
        event: &Event,
        Moment { now, began }: Moment,
    ) -> Result<(), Reason> {
        let labels = &*labels::canonical(event.labels);
        let shape = self.shape.clone();
        match &mut self.entry(labels, None, began).state {
            State::Scalar(_) => {
                let replaces = matches!(event.mode, Mode::Replace | Mode::Family)
                    || (event.mode, self.metric_type) == (Mode::Natural, Gauge);
                let combine = if replaces { Combine::Replace } else { Combine::Add };
                match event.mode {
                    Mode::Mean { window_seconds } => {
                        self.window(labels, true, window_seconds, event.value, now)?;
                    }
                    Mode::Sum { window_seconds } => {
                        self.window(labels, false, window_seconds, event.value, now)?;
                    }
                    _ => {
                        let fell = self.set(labels, combine, event.value, now)?;
                        let series = self.series.get_mut(labels).expect("made");
                        series.created = series.created.map(|known| if fell { now } else { known });
                    }
                }
            }
            State::Histogram { counts, sum, native } => {
                finite(*sum + event.value)?;
                *sum += event.value;
                let place = shape.iter().position(|bound| event.value <= *bound);
                counts[place.unwrap_or(shape.len())] += 1;
                *native = None;
            }
            State::Summary { count, sum, quantiles } => {
                finite(*sum + event.value)?;
                *sum += event.value;
                *count += 1;
                *quantiles = None;
            }
        }
        Ok(())
    }
}

/// What is not older than the window, by slot.
fn slots(seconds: u32, all: &[(Timestamp, f64)], now: Timestamp) -> BTreeMap<u64, Vec<f64>> {
    let length = (u64::from(seconds) * 1000 / 60).max(1000);
    let mut slots: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (at, value) in all {
        if at.0 / length + u64::from(seconds) * 1000 / length >= now.0 / length {
            slots.entry(at.0 / length).or_default().push(*value);
        }
    }
    slots
}
