//! The rules once more, without any concern for speed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::push::Meet;
use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};

#[derive(Clone)]
pub(super) struct Model {
    most_series: u64,
    families: BTreeMap<String, ModelFamily>,
    /// Key, fingerprint, and when it was applied.
    keys: BTreeMap<u8, (u64, Timestamp)>,
}

#[derive(Clone)]
struct ModelFamily {
    metric_type: MetricType,
    help: String,
    unit: String,
    /// Bounds, or the number of objectives as that many numbers.
    shape: Vec<f64>,
    series: BTreeMap<String, Series>,
    /// What came into the windows of scalars: mean or sum, seconds, then times and values.
    windows: BTreeMap<String, (bool, u32, Vec<(Timestamp, f64)>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) group: Option<String>,
    pub(super) created: Option<Timestamp>,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Scalar(f64),
    Histogram { counts: Vec<u64>, sum: f64, native: Option<NativeHistogram> },
    Summary { count: u64, sum: f64, quantiles: Option<Vec<(f64, f64)>> },
}

/// A series as it is compared: as text, because NaN is unlike itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) labels: String,
    pub(super) metric_type: &'static str,
    pub(super) help: String,
    pub(super) unit: String,
    pub(super) series: String,
}

impl Model {
    pub(super) fn new(most_series: u64) -> Self {
        Self { most_series, families: BTreeMap::new(), keys: BTreeMap::new() }
    }

    pub(super) fn shown(&self, now: Timestamp) -> Vec<Shown> {
        let mut all = Vec::new();
        for (name, family) in &self.families {
            for (labels, series) in &family.series {
                let mut series = series.clone();
                if let State::Scalar(value) = &mut series.state {
                    *value = family.scalar(labels, *value, now);
                }
                all.push(Shown {
                    name: name.clone(),
                    labels: labels.clone(),
                    metric_type: family.metric_type.as_str(),
                    help: family.help.clone(),
                    unit: family.unit.clone(),
                    series: format!("{series:?}"),
                });
            }
        }
        all.sort();
        all
    }

    pub(super) fn served(&self) -> u64 {
        self.families.values().map(ModelFamily::served).sum()
    }

    /// An event by itself is what a push of this one event is, but for the answer.
    pub(super) fn event(&mut self, event: &Event, now: Timestamp) -> Result<(), Reason> {
        let mut tried = self.clone();
        let family = event.as_family();
        if event.mode == Mode::Natural && event.metric_type != Gauge {
            finite(event.value)?;
        }
        // What no series could take is refused for that, whatever else is wrong.
        let labels = &*labels::canonical(event.labels);
        let existing = self.families.get(event.name);
        let is_new = existing.is_none_or(|family| !family.series.contains_key(labels));
        if event.mode == Mode::Natural || is_new {
            ModelFamily::new(event.metric_type, Vec::new()).event(event, now)?;
        }
        if event.mode == Mode::Family
            && let Some(existing) = self.families.get(event.name)
            && existing.metric_type != event.metric_type
        {
            return Err(Reason::TypeConflict);
        }
        tried.write(&Write { group: None, key: None, families: vec![family] }, &[event], now)?;
        // Its family outlives the others' going.
        if let Some(before) = self.families.get(event.name) {
            let after = tried.families.get_mut(event.name).expect("just written");
            for (before, after) in
                [(&before.help, &mut after.help), (&before.unit, &mut after.unit)]
            {
                if !before.is_empty() {
                    after.clone_from(before);
                }
            }
        }
        *self = tried;
        Ok(())
    }

    pub(super) fn push(&mut self, push: &Pushed, now: Timestamp) -> Result<(u64, bool), Reason> {
        let mut tried = self.clone();
        let mut count = 0;
        match push {
            Pushed::Write(write) => {
                if let Some((key, fingerprint)) = write.key {
                    let known = self.keys.get(&key);
                    let known = known.filter(|(_, at)| now.since(*at).as_secs() <= 600);
                    match known {
                        Some((known, _)) if *known == fingerprint => return Ok((0, true)),
                        Some(_) => return Err(Reason::KeyReused),
                        None => drop(tried.keys.insert(key, (fingerprint, now))),
                    }
                }
                tried.write(write, &[], now)?;
                count = write.families.iter().map(|family| family.series.len() as u64).sum();
            }
            Pushed::Events(events) => {
                let mut families: Vec<OneFamily> = Vec::new();
                for event in events {
                    let new = event.as_family();
                    let Some(family) = families.iter_mut().find(|family| family.name == new.name)
                    else {
                        families.push(new);
                        continue;
                    };
                    if family.metric_type != new.metric_type {
                        return Err(Reason::TypeConflict);
                    }
                    family.clears |= new.clears;
                    if family.help.is_empty() {
                        family.help = new.help;
                    }
                }
                let events: Vec<&Event> = events.iter().collect();
                tried.write(&Write { group: None, key: None, families }, &events, now)?;
                count = events.len() as u64;
            }
            Pushed::DeleteGroup(labels) => {
                tried.retain(|_, _, series| series.group.as_deref() != Some(labels));
            }
            Pushed::DeleteMatching(pairs) => tried.retain(|_, labels, _| {
                !pairs.iter().all(|wanted| labels::pairs(labels).any(|pair| pair == *wanted))
            }),
            Pushed::Wipe => tried.families.clear(),
        }
        *self = tried;
        Ok((count, false))
    }

    fn retain(&mut self, keep: impl Fn(&str, &str, &Series) -> bool) {
        for (name, family) in &mut self.families {
            family.series.retain(|labels, series| keep(name, labels, series));
            let series = &family.series;
            family.windows.retain(|labels, _| series.contains_key(labels));
        }
        self.families.retain(|_, family| !family.series.is_empty());
    }

    /// Writes metrics, or, if there are any, events.
    fn write(&mut self, write: &Write, events: &[&Event], now: Timestamp) -> Result<(), Reason> {
        let served_before = self.served();
        let group = write.group.map(|(group, _)| group.to_owned());
        let mut pushed = BTreeSet::new();
        for family in &write.families {
            let same_type = |existing: &&ModelFamily| existing.metric_type == family.metric_type;
            let existing = self.families.get(family.name).filter(same_type);
            let of_events = events.iter().filter(|event| event.name == family.name);
            let labels = family.series.iter().map(|series| series.labels);
            for labels in labels.chain(of_events.map(|event| event.labels)) {
                let labels = labels::canonical(labels).into_owned();
                let there = existing.and_then(|existing| existing.series.get(&labels));
                let is_elsewhere = there.is_some_and(|series| series.group != group);
                let is_new = pushed.insert((family.name, labels));
                if write.group.is_some() && (is_elsewhere || !is_new) {
                    return Err(Reason::Inconsistent);
                }
            }
        }
        let types: BTreeMap<&str, &OneFamily> =
            write.families.iter().map(|family| (family.name, family)).collect();
        let before = self.clone();
        self.retain(|name, labels, series| {
            let in_push = types.get(name);
            let whole = write.group.is_some_and(|(_, whole)| whole);
            let in_group = group.is_some() && series.group == group;
            let goes = in_group && (whole || in_push.is_some())
                || in_push.is_some_and(|family| family.clears);
            let is_written = in_push.is_some_and(|family| {
                family.metric_type == before.families[name].metric_type
                    && pushed.contains(&(family.name, labels.to_owned()))
            });
            !goes || is_written
        });
        for family in &write.families {
            let of_events: Vec<&&Event> =
                events.iter().filter(|event| event.name == family.name).collect();
            if family.series.is_empty() && of_events.is_empty() {
                continue;
            }
            self.settle(family, of_events.first().map(|event| &*event.numbers))?;
            let known = self.families.get_mut(family.name).expect("just settled");
            for (known, new) in [(&mut known.help, family.help), (&mut known.unit, family.unit)] {
                if known.is_empty() {
                    *known = new.to_owned();
                }
            }
        }
        for family in &write.families {
            for series in &family.series {
                let known = self.families.get_mut(family.name).expect("just settled");
                known.change(series, group.as_ref(), now)?;
            }
        }
        for event in events {
            self.families.get_mut(event.name).expect("just settled").event(event, now)?;
        }
        let served = self.served();
        if served > served_before && served > self.most_series {
            return Err(Reason::SeriesLimit);
        }
        Ok(())
    }

    fn settle(&mut self, family: &OneFamily, numbers: Option<&[f64]>) -> Result<(), Reason> {
        if let Some(existing) = self.families.get(family.name) {
            let same = existing.metric_type == family.metric_type;
            return if same { Ok(()) } else { Err(Reason::TypeConflict) };
        }
        let names = samples(family.name, family.metric_type);
        for (name, other) in &self.families {
            if samples(name, other.metric_type).iter().any(|sample| names.contains(sample)) {
                return Err(Reason::NameConflict);
            }
        }
        let pushed = family.series.first().map(|series| match &series.change {
            Change::Histogram { bounds, .. } => bounds.clone(),
            _ => Vec::new(),
        });
        let shape = match (pushed, numbers) {
            (Some(bounds), _) => bounds,
            (None, Some(numbers)) if family.metric_type == Summary => {
                numbers[..numbers.len() / 2].to_vec()
            }
            (None, numbers) => numbers.unwrap_or_default().to_vec(),
        };
        let new = ModelFamily::new(family.metric_type, shape);
        self.families.insert(family.name.to_owned(), new);
        Ok(())
    }
}

impl ModelFamily {
    fn new(metric_type: MetricType, shape: Vec<f64>) -> Self {
        Self {
            metric_type,
            help: String::new(),
            unit: String::new(),
            shape,
            series: BTreeMap::new(),
            windows: BTreeMap::new(),
        }
    }

    fn served(&self) -> u64 {
        let of = |series: &Series| match &series.state {
            State::Scalar(_) => 1,
            State::Histogram { counts, .. } => counts.len() + 2,
            State::Summary { quantiles: Some(quantiles), .. } => quantiles.len() + 2,
            State::Summary { .. } => self.shape.len() + 2,
        };
        self.series.values().map(|series| of(series) as u64).sum()
    }

    fn scalar(&self, labels: &str, value: f64, now: Timestamp) -> f64 {
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

    fn entry(&mut self, labels: &str, group: Option<&String>, now: Timestamp) -> &mut Series {
        let state = match self.metric_type {
            Counter | Gauge | Untyped => State::Scalar(0.0),
            Histogram => {
                State::Histogram { counts: vec![0; self.shape.len() + 1], sum: 0.0, native: None }
            }
            Summary => State::Summary { count: 0, sum: 0.0, quantiles: None },
        };
        let counts = !matches!(self.metric_type, Gauge | Untyped);
        let new = Series { group: group.cloned(), created: counts.then_some(now), state };
        self.series.entry(labels.to_owned()).or_insert(new)
    }

    fn set(
        &mut self,
        labels: &str,
        meet: Meet,
        value: f64,
        now: Timestamp,
    ) -> Result<bool, Reason> {
        let State::Scalar(before) = self.series[labels].state else { panic!("not a scalar") };
        let before = self.scalar(labels, before, now);
        let total = before + value;
        let is_counter = self.metric_type == Counter;
        if meet == Meet::Add && is_counter && value < 0.0 {
            return Err(Reason::NegativeCounter);
        }
        let were_finite = before.is_finite() && value.is_finite();
        if meet == Meet::Add && !total.is_finite() && (is_counter || were_finite) {
            return Err(Reason::InvalidValue);
        }
        let after = if meet == Meet::Add { total } else { value };
        self.windows.remove(labels);
        self.series.get_mut(labels).expect("made").state = State::Scalar(after);
        Ok(meet == Meet::Replace && after < before)
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

    fn change(
        &mut self,
        series: &OneSeries,
        group: Option<&String>,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let labels = &*labels::canonical(series.labels);
        let shape = self.shape.clone();
        let objectives = if self.metric_type == Summary { shape.len() } else { 0 };
        let state = &mut self.entry(labels, group, now).state;
        let (replaces, fell) = match (&series.change, state) {
            (Change::Scalar { meet, value }, _) => {
                (*meet == Meet::Replace, self.set(labels, *meet, *value, now)?)
            }
            (Change::Windowed { mean, seconds, value }, _) => {
                self.window(labels, *mean, *seconds, *value, now)?;
                (false, false)
            }
            (
                Change::Histogram { meet, bounds, counts, sum, native },
                State::Histogram { counts: own, sum: own_sum, native: own_native },
            ) => {
                let before: u64 = own.iter().sum();
                if *meet == Meet::Replace {
                    own.fill(0);
                    (*own_sum, *own_native) = (0.0, None);
                }
                let was_empty = own.iter().all(|count| *count == 0);
                finite(*sum)?;
                *own_sum += sum;
                finite(*own_sum)?;
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
                (*meet == Meet::Replace, own.iter().sum::<u64>() < before)
            }
            (
                Change::Summary { meet, count, sum, quantiles },
                State::Summary { count: own, sum: own_sum, quantiles: own_quantiles },
            ) => {
                let before = *own;
                finite(*sum)?;
                if *meet == Meet::Replace {
                    (*own, *own_sum) = (0, 0.0);
                }
                *own += count;
                *own_sum += sum;
                finite(*own_sum)?;
                let (at, values) = quantiles.split_at(quantiles.len() / 2);
                let pairs: Vec<(f64, f64)> =
                    at.iter().copied().zip(values.iter().copied()).collect();
                let instead = *meet == Meet::Replace && (objectives > 0 || !pairs.is_empty());
                *own_quantiles = instead.then_some(pairs);
                (*meet == Meet::Replace, *own < before)
            }
            other => panic!("{other:?}"),
        };
        let known = &mut self.series.get_mut(labels).expect("made").created;
        if let Some(known) = known.as_mut().filter(|_| replaces) {
            *known = series.created.map_or(if fell { now } else { *known }, Timestamp);
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, now: Timestamp) -> Result<(), Reason> {
        let labels = &*labels::canonical(event.labels);
        let shape = self.shape.clone();
        match &mut self.entry(labels, None, now).state {
            State::Scalar(_) => {
                let replaces = matches!(event.mode, Mode::Replace | Mode::Family)
                    || (event.mode, self.metric_type) == (Mode::Natural, Gauge);
                let meet = if replaces { Meet::Replace } else { Meet::Add };
                match event.mode {
                    Mode::Mean { window_seconds } => {
                        self.window(labels, true, window_seconds, event.value, now)?;
                    }
                    Mode::Sum { window_seconds } => {
                        self.window(labels, false, window_seconds, event.value, now)?;
                    }
                    _ => {
                        let fell = self.set(labels, meet, event.value, now)?;
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

impl Event {
    /// The event's family, as if it were pushed without series.
    fn as_family(&self) -> OneFamily {
        OneFamily {
            name: self.name,
            metric_type: self.metric_type,
            help: self.help,
            unit: "",
            clears: self.mode == Mode::Family,
            series: Vec::new(),
        }
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

fn samples(name: &str, metric_type: MetricType) -> Vec<String> {
    let suffixes: &[&str] = match metric_type {
        Histogram => &["", "_bucket", "_sum", "_count"],
        Summary => &["", "_sum", "_count"],
        _ => &[""],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

fn finite(value: f64) -> Result<(), Reason> {
    if value.is_finite() { Ok(()) } else { Err(Reason::InvalidValue) }
}
