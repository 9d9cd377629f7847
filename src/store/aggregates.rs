//! The families and the index that finds a series by its identity.
//!
//! Every event costs one probe of one table, keyed by the hash of name and
//! labels that decoding already made. A hit is confirmed by comparing texts, so
//! colliding hashes are harmless, and allocates nothing. Only a miss looks at
//! names, types and limits; it decides everything before it changes anything,
//! so a refused event leaves no trace, not even an empty family.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;

use super::applied_keys::AppliedKeys;
use super::family::{Family, check_value};
use super::groups::Groups;
use super::limits::SeriesLimit;
use super::outlook::Outlook;
use super::refusal::{Refusal, name_conflict, type_conflict};
use super::step::{Step, When};
use super::{Applied, AppliedKey};
use crate::model::{BadEvent, Batch, Event, Mode, Reason, SeriesHasher, Span, Timestamp, labels};

mod commit;
mod plan;
mod push;
mod remove;
mod stage;

/// How many events are looked up together. Their probes do not depend on each
/// other, so the processor waits for many cache misses at once instead of one
/// after the other: with a million series a hit takes less than half the time.
const LOOKAHEAD: usize = 64;

/// Where a series is.
#[derive(Clone, Copy, Debug)]
struct SeriesRef {
    hash: u64,
    family: u32,
    row: u32,
}

/// What is restored with the families.
pub(super) struct Remains {
    pub(super) families: Vec<Family>,
    pub(super) groups: Vec<Arc<str>>,
    pub(super) keys: Vec<AppliedKey>,
}

/// All families and series.
pub(super) struct Aggregates {
    hasher: SeriesHasher,
    /// In the order first seen, until a family goes: its place is empty then, and reused.
    families: Vec<Family>,
    /// Places in `families` without a family.
    vacant: Vec<u32>,
    /// Every name that a sample may be served under, with the family it belongs to.
    names: HashMap<Box<str>, u32>,
    index: HashTable<SeriesRef>,
    limit: SeriesLimit,
    groups: Groups,
    keys: AppliedKeys,
    /// Families that lost a series since the last sweep.
    thinned: Vec<u32>,
    /// Grows when a series goes or moves: what was looked up before may be wrong then.
    moves: u64,
}

impl Aggregates {
    /// Indexes the families of a snapshot.
    pub(super) fn restore(remains: Remains, max_series: u64, hasher: &SeriesHasher) -> Self {
        let Remains { mut families, groups, keys } = remains;
        families.retain(|family| family.live() > 0);
        let rows = families.iter().map(Family::live).sum();
        let mut index = HashTable::with_capacity(rows);
        let mut names = HashMap::with_capacity(families.len());
        let mut used = 0;
        for (at, family) in families.iter_mut().enumerate() {
            let at = small(at);
            family.sweep();
            if family.has_start_times() {
                family.created.resize(family.labels.len(), Timestamp::default());
            }
            claim(&mut names, family, at);
            used += family.series();
            for (row, text) in family.labels.iter().enumerate() {
                let hash = hasher.hash(&family.name, &labels::canonical(text));
                let series = SeriesRef { hash, family: at, row: small(row) };
                index.insert_unique(hash, series, |series| series.hash);
            }
        }
        let grouped = families.iter().enumerate().flat_map(|(at, family)| {
            let rows = 0..family.groups.len();
            rows.filter_map(move |row| Some((family.group(row)?, (small(at), small(row)))))
        });
        Self {
            groups: Groups::restore(groups, grouped),
            hasher: hasher.clone(),
            families,
            vacant: Vec::new(),
            names,
            index,
            limit: SeriesLimit::new(used, max_series),
            keys: AppliedKeys::restore(keys),
            thinned: Vec::new(),
            moves: 0,
        }
    }

    pub(super) fn families(&self) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(|family| family.live() > 0)
    }

    /// How many families there are.
    pub(super) fn family_count(&self) -> usize {
        self.families.len() - self.vacant.len()
    }

    /// The labels of each group, by index.
    pub(super) fn groups(&self) -> &[Arc<str>] {
        self.groups.labels()
    }

    pub(super) fn keys(&self) -> &AppliedKeys {
        &self.keys
    }

    pub(super) fn keys_mut(&mut self) -> &mut AppliedKeys {
        &mut self.keys
    }

    /// Served time series that there may be.
    pub(super) fn max_series(&self) -> u64 {
        self.limit.max()
    }

    /// Served time series.
    pub(super) fn series(&self) -> u64 {
        self.limit.used
    }

    /// Applies the events and the pushes among them in their order. Series that events make count
    /// since `started`.
    pub(super) fn apply(&mut self, batch: &Batch, now: Timestamp, started: Timestamp) -> Applied {
        let mut applied = Applied::default();
        let when = When { at: now, started, now };
        let mut done = 0;
        for one in &batch.pushes {
            let next = one.after_events as usize;
            self.apply_events(batch, done..next, when, &mut applied);
            done = next;
            let result = self.apply_push(&one.push, now);
            match &result {
                Ok(push) => applied.processed += push.series,
                Err(refusal) => applied.refused.push(BadEvent {
                    entry: one.entry,
                    raw: Span::default(),
                    reason: refusal.reason,
                    detail: refusal.detail.clone(),
                }),
            }
            applied.pushes.push(result);
        }
        self.apply_events(batch, done..batch.events.len(), when, &mut applied);
        self.sweep();
        applied
    }

    fn apply_events(
        &mut self,
        batch: &Batch,
        range: Range<usize>,
        when: When,
        applied: &mut Applied,
    ) {
        for events in batch.events[range].chunks(LOOKAHEAD) {
            let mut hits = [None; LOOKAHEAD];
            self.look_ahead(batch, events, &mut hits);
            let moves = self.moves;
            for (event, hit) in events.iter().zip(hits) {
                let hit = hit.filter(|_| self.moves == moves);
                match self.apply_one(batch, event, hit, when) {
                    Ok(()) => applied.processed += 1,
                    Err(Refusal { reason, detail }) => {
                        let (entry, raw) = (event.entry, event.raw);
                        applied.refused.push(BadEvent { entry, raw, reason, detail });
                    }
                }
            }
        }
    }

    /// Finds those of the events' series that exist already; what is found here stays right while
    /// earlier events are applied, unless one of them removes series.
    fn look_ahead(&self, batch: &Batch, events: &[Event], hits: &mut [Option<SeriesRef>]) {
        for (event, hit) in events.iter().zip(&mut *hits) {
            *hit = self.index.find(event.hash, |series| series.hash == event.hash).copied();
        }
        for (event, hit) in events.iter().zip(hits) {
            let (name, labels) = (batch.text(event.name), batch.text(event.labels));
            *hit = hit.filter(|series| self.is(*series, name, labels));
        }
    }

    fn is(&self, series: SeriesRef, name: &str, labels: &str) -> bool {
        let family = &self.families[series.family as usize];
        labels::same(family.labels.get(series.row as usize), labels) && &*family.name == name
    }

    fn find(&self, hash: u64, name: &str, labels: &str) -> Option<SeriesRef> {
        let same = |series: &SeriesRef| series.hash == hash && self.is(*series, name, labels);
        self.index.find(hash, same).copied()
    }

    fn apply_one(
        &mut self,
        batch: &Batch,
        event: &Event,
        hit: Option<SeriesRef>,
        when: When,
    ) -> Result<(), Refusal> {
        // A miss may have become a hit: an earlier event of this batch can have made the series.
        let found =
            hit.or_else(|| self.find(event.hash, batch.text(event.name), batch.text(event.labels)));
        if event.mode != Mode::Natural {
            return self.apply_with_mode(batch, event, found, when);
        }
        check_value(event.metric_type, event.value).map_err(|reason| Refusal {
            reason,
            detail: format!(
                "{} `{}`: value {} is not one it can take",
                event.metric_type,
                batch.text(event.name),
                event.value
            ),
        })?;
        let (at, row) = match found {
            Some(series) => {
                let family = &self.families[series.family as usize];
                check_type(family, event)?;
                (series.family as usize, series.row as usize)
            }
            None => self.create(batch, event, 0, when)?,
        };
        let family = &mut self.families[at];
        let quantiles = family.quantiles.get(row).map(|pushed| pushed.len() as u64);
        family.record(row, event.value, when.now).map_err(|overflow| Refusal {
            reason: Reason::InvalidValue,
            detail: format!(
                "{} `{}`: adding {} to {} leaves the finite numbers",
                family.metric_type, family.name, event.value, overflow.sum
            ),
        })?;
        if let Some(pushed) = quantiles {
            self.limit.used = self.limit.used + family.series_per_row() - (pushed + 2);
        }
        if !event.help.is_empty() {
            family.learn(batch.text(event.help), "");
        }
        Ok(())
    }

    /// An event that says itself how it meets what is there.
    fn apply_with_mode(
        &mut self,
        batch: &Batch,
        event: &Event,
        found: Option<SeriesRef>,
        when: When,
    ) -> Result<(), Refusal> {
        let (name, labels) = (batch.text(event.name), batch.text(event.labels));
        let step = Step::of_event(event);
        let mut outlook = match found {
            Some(series) => {
                let family = &self.families[series.family as usize];
                check_type(family, event)?;
                Outlook::of(family, series.row as usize, when)
            }
            None => {
                let numbers = batch.numbers(event.numbers);
                Outlook::new(&Family::new(name, event.metric_type, numbers))
            }
        };
        let fault = outlook.take(&step, when);
        fault.map_err(|fault| fault.of(event.metric_type, name, labels))?;
        let others = self.names.get(name).filter(|_| event.mode == Mode::Family);
        let others: Vec<usize> = others.map_or_else(Vec::new, |owner| {
            let rows = self.families[*owner as usize].rows();
            rows.filter(|row| found.is_none_or(|series| series.row as usize != *row)).collect()
        });
        let (at, row) = match found {
            Some(series) => (series.family as usize, series.row as usize),
            // Family and scalar: each of the others makes room for one.
            None => self.create(batch, event, others.len() as u64, when)?,
        };
        let family = &mut self.families[at];
        self.limit.used = self.limit.used + outlook.series - family.row_series(row);
        family.take(row, &step, None, when);
        family.learn(batch.text(event.help), "");
        for other in others {
            self.remove((small(at), small(other)));
        }
        Ok(())
    }

    /// Makes the event's series, and its family if need be; returns family and row. So many series
    /// are about to go in its favour.
    fn create(
        &mut self,
        batch: &Batch,
        event: &Event,
        leaving: u64,
        when: When,
    ) -> Result<(usize, usize), Refusal> {
        let name = batch.text(event.name);
        let at = match self.names.get(name) {
            Some(&owner) => {
                let family = &self.families[owner as usize];
                check_owner(name, family)?;
                check_type(family, event)?;
                self.check_room(family, leaving)?;
                owner
            }
            None => {
                let numbers = batch.numbers(event.numbers);
                let family = Family::new(name, event.metric_type, numbers);
                for sample in family.sample_names() {
                    if let Some(&owner) = self.names.get(&sample) {
                        return Err(name_conflict(&sample, &self.families[owner as usize]));
                    }
                }
                self.check_room(&family, leaving)?;
                self.settle(family)
            }
        };
        let family = &mut self.families[at as usize];
        let row = family.push(batch.text(event.labels), when.started, when.now);
        self.limit.used += family.series_per_row();
        let series = SeriesRef { hash: event.hash, family: at, row: small(row) };
        self.index.insert_unique(event.hash, series, |series| series.hash);
        Ok((at as usize, row))
    }

    /// Gives a new family a place, and its names.
    fn settle(&mut self, family: Family) -> u32 {
        let at = self.vacant.pop().unwrap_or_else(|| small(self.families.len()));
        claim(&mut self.names, &family, at);
        if at as usize == self.families.len() {
            self.families.push(family);
        } else {
            self.families[at as usize] = family;
        }
        at
    }

    fn check_room(&self, family: &Family, leaving: u64) -> Result<(), Refusal> {
        let series = family.series_per_row();
        if leaving >= series || self.limit.has_room(series - leaving) {
            return Ok(());
        }
        Err(Refusal {
            reason: Reason::SeriesLimit,
            detail: format!(
                "a new series of `{}` is served as {series}, and {} of at most {} are in use",
                family.name,
                self.limit.used,
                self.limit.max()
            ),
        })
    }
}

/// Family and row numbers; the series limit keeps them small.
fn small(number: usize) -> u32 {
    u32::try_from(number).expect("no more rows or families than the series limit, below 2^32")
}

/// Takes all names that the family's samples are served under.
fn claim(names: &mut HashMap<Box<str>, u32>, family: &Family, at: u32) {
    names.extend(family.sample_names().map(|name| (name, at)));
}

fn check_owner(name: &str, owner: &Family) -> Result<(), Refusal> {
    if *owner.name == *name { Ok(()) } else { Err(name_conflict(name, owner)) }
}

fn check_type(family: &Family, event: &Event) -> Result<(), Refusal> {
    if family.metric_type == event.metric_type {
        return Ok(());
    }
    Err(type_conflict(family, event.metric_type, "event"))
}

#[cfg(test)]
mod tests;
