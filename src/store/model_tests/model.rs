//! The rules once more, without any concern for speed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::Combine;
use MetricType::{Gauge, Histogram, Summary};

mod family;

use family::ModelFamily;

#[derive(Clone)]
pub(super) struct Model {
    most_series: u64,
    families: BTreeMap<String, ModelFamily>,
    /// Key, fingerprint, and when it was applied.
    keys: BTreeMap<u8, (u64, Timestamp)>,
    /// When a series went last, since the store was restored.
    removed_at: Timestamp,
}

/// When something is done, and since when a series counts that is made by it.
#[derive(Clone, Copy)]
struct Moment {
    now: Timestamp,
    began: Timestamp,
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
        Self {
            most_series,
            families: BTreeMap::new(),
            keys: BTreeMap::new(),
            removed_at: Timestamp::default(),
        }
    }

    /// The store was restored from a snapshot.
    pub(super) fn restart(&mut self) {
        self.removed_at = Timestamp::default();
    }

    /// A new series begins a second before it came, but not before one went.
    fn moment(&self, now: Timestamp) -> Moment {
        Moment { now, began: Timestamp(now.0 - 1000).max(self.removed_at) }
    }

    /// What was tried is so.
    fn accept(&mut self, mut tried: Self, now: Timestamp) {
        let stays = self.families.iter().all(|(name, before)| {
            let after = tried.families.get(name);
            let after = after.filter(|after| after.metric_type == before.metric_type);
            let is_there = |labels| after.is_some_and(|after| after.series.contains_key(labels));
            before.series.keys().all(is_there)
        });
        if !stays {
            tried.removed_at = now;
        }
        *self = tried;
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
            ModelFamily::new(event.metric_type, Vec::new()).event(event, self.moment(now))?;
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
        self.accept(tried, now);
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
                count = tried.events(events, families, now)?;
            }
            Pushed::DeleteGroup(labels) => {
                tried.retain(|_, _, series| series.group.as_deref() != Some(labels));
            }
            Pushed::DeleteMatching(pairs, absent) => tried.retain(|_, labels, _| {
                let has = |wanted: &&str| labels::pairs(labels).any(|pair| pair == *wanted);
                let names =
                    |name: &&str| labels::pairs(labels).any(|pair| labels::split(pair).0 == *name);
                !pairs.iter().all(has) || absent.iter().any(names)
            }),
            Pushed::Wipe => tried.families.clear(),
        }
        self.accept(tried, now);
        Ok((count, false))
    }

    /// Events one after the other, but that what a later one takes away is not looked at. Returns
    /// how many there are.
    fn events(
        &mut self,
        events: &[Event],
        families: Vec<OneFamily>,
        now: Timestamp,
    ) -> Result<u64, Reason> {
        let clears = |at: usize, of: &Event| {
            let event: &Event = &events[at];
            event.mode == Mode::Family
                && event.name == of.name
                && !labels::same(event.labels, of.labels)
        };
        let mut staged: Vec<&Event> = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if !(at..events.len()).any(|later| clears(later, event)) {
                staged.push(event);
            }
        }
        let before = self.clone();
        let mut goes = false;
        for event in &staged {
            if (0..events.len()).any(|at| clears(at, event))
                && let Some(family) = self.families.get_mut(event.name)
            {
                let labels = &*labels::canonical(event.labels);
                goes |= family.series.remove(labels).is_some();
                family.windows.remove(labels);
            }
        }
        self.write(&Write { group: None, key: None, families }, &staged, now)?;
        if goes {
            self.removed_at = now;
        }
        for (name, known) in &before.families {
            if let Some(after) = self.families.get_mut(name)
                && events.iter().any(|event| event.name == name)
            {
                for (known, after) in
                    [(&known.help, &mut after.help), (&known.unit, &mut after.unit)]
                {
                    if !known.is_empty() {
                        after.clone_from(known);
                    }
                }
            }
        }
        Ok(events.len() as u64)
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
        let moment = self.moment(now);
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
        // Events leave a family what it was, though all of its series go.
        for (name, known) in before.families.iter().filter(|_| !events.is_empty()) {
            let without =
                ModelFamily { series: BTreeMap::new(), windows: BTreeMap::new(), ..known.clone() };
            self.families.entry(name.clone()).or_insert(without);
        }
        self.reshape(write, &pushed, now);
        for family in &write.families {
            let of_events: Vec<&&Event> =
                events.iter().filter(|event| event.name == family.name).collect();
            if family.series.is_empty() && of_events.is_empty() {
                continue;
            }
            self.settle(family, of_events.first().map(|event| &*event.numbers))?;
            let known = self.families.get_mut(family.name).expect("just settled");
            for (known, new) in [(&mut known.help, family.help), (&mut known.unit, family.unit)] {
                if known.is_empty() || (group.is_some() && !new.is_empty()) {
                    *known = new.to_owned();
                }
            }
        }
        for family in &write.families {
            for series in &family.series {
                let known = self.families.get_mut(family.name).expect("just settled");
                known.change(series, group.as_ref(), moment)?;
            }
        }
        for event in events {
            self.families.get_mut(event.name).expect("just settled").event(event, moment)?;
        }
        // Of a family that is one group's alone, what that says of it counts.
        for family in write.families.iter().filter(|_| group.is_some()) {
            if let Some(known) = self.families.get_mut(family.name)
                && !family.series.is_empty()
                && known.series.values().all(|series| series.group == group)
            {
                (known.help, known.unit) = (family.help.to_owned(), family.unit.to_owned());
            }
        }
        let served = self.served();
        if served > served_before && served > self.most_series {
            return Err(Reason::SeriesLimit);
        }
        Ok(())
    }

    /// A histogram that a group pushes in other buckets has them, if its family is nobody else's.
    fn reshape(&mut self, write: &Write, pushed: &BTreeSet<(&str, String)>, now: Timestamp) {
        for family in write.families.iter().filter(|_| write.group.is_some()) {
            let Some(OneSeries { change: Change::Histogram { bounds, .. }, .. }) =
                family.series.first()
            else {
                continue;
            };
            let Some(known) = self.families.get_mut(family.name) else { continue };
            let all =
                known.series.keys().all(|labels| pushed.contains(&(family.name, labels.clone())));
            if known.metric_type != Histogram || known.shape == *bounds || !all {
                continue;
            }
            known.shape.clone_from(bounds);
            self.removed_at = now;
            for (labels, series) in &mut known.series {
                let State::Histogram { counts, sum, native } = &mut series.state else { continue };
                let before: u64 = counts.iter().sum();
                let new = family.series.iter().find(|new| labels::same(new.labels, labels));
                let goes_on = new.is_some_and(|new| match &new.change {
                    Change::Histogram { combine, counts, .. } => {
                        *combine == Combine::Replace && counts.iter().sum::<u64>() >= before
                    }
                    _ => false,
                });
                if !goes_on {
                    series.created = Some(now);
                }
                *counts = vec![0; bounds.len() + 1];
                (*sum, *native) = (0.0, None);
            }
        }
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
