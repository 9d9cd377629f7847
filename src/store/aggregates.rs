//! The families and the index that finds a series by its identity.
//!
//! Every event costs one probe of one table, keyed by the hash of name and
//! labels that decoding already made; so does every series of a push. A hit is
//! confirmed by comparing texts, so colliding hashes are harmless. How events are
//! applied stands in [`events`], pushes in [`push`] (first a [`plan`], then its
//! [`commit`]), and how series go in [`remove`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use hashbrown::HashTable;

use super::applied_keys::AppliedKeys;
use super::family::Family;
use super::groups::Groups;
use super::limits::SeriesLimit;
use super::step::When;
use super::{Applied, AppliedKey};
use crate::model::{BadEvent, Batch, ClockStep, SeriesHasher, Span, Timestamp, labels};

mod commit;
mod events;
mod once;
mod plan;
mod push;
mod remove;
mod stage;

/// By how much a start time lies before the first event. More than passes between the time that a
/// scrape is stamped with and the cut that it gets.
const LEAD_MILLISECONDS: u64 = 1000;

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
    /// Families that lost a series and may need sweeping.
    thinned: BTreeSet<u32>,
    /// Grows when a series goes or moves: what was looked up before may be wrong then.
    moves: u64,
    /// When one went last, as far as this process knows.
    removed_at: Timestamp,
    /// Grows when a family learns a help text or a unit.
    learned: u64,
}

/// Two that are equal tell that no series came or went in between, nor a family with its type, its
/// buckets and its texts.
#[derive(PartialEq, Eq)]
pub(super) struct Shape {
    rows: usize,
    series: u64,
    moves: u64,
    learned: u64,
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
            if !family.removed.is_empty() {
                family.sweep();
            }
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
            thinned: BTreeSet::new(),
            moves: 0,
            removed_at: Timestamp::default(),
            learned: 0,
        }
    }

    pub(super) fn families(&self) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(|family| family.live() > 0)
    }

    pub(super) fn families_mut(&mut self) -> impl Iterator<Item = &mut Family> {
        self.families.iter_mut().filter(|family| family.live() > 0)
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

    pub(super) fn shape(&self) -> Shape {
        let (rows, series) = (self.index.len(), self.limit.used);
        Shape { rows, series, moves: self.moves, learned: self.learned }
    }

    /// The clock was set: what has an age keeps it.
    pub(super) fn move_ages(&mut self, step: ClockStep) {
        self.keys.move_ages(step);
        self.families.iter_mut().for_each(|family| family.move_ages(step));
    }

    /// Nothing came later than now, whatever the snapshot says.
    pub(super) fn cap_ages(&mut self, now: Timestamp) {
        self.keys.cap_ages(now);
        self.families.iter_mut().for_each(|family| family.cap_ages(now));
    }

    /// Applies the events and the pushes among them in their order. Series that events make count
    /// since `started`.
    pub(super) fn apply(&mut self, batch: &Batch, now: Timestamp, started: Timestamp) -> Applied {
        let mut applied = Applied::default();
        let when = When { at: now, started, now };
        let mut done = 0;
        let mut once = batch.once.iter().peekable();
        for one in &batch.pushes {
            let next = one.after_events as usize;
            self.apply_each_once(batch, done..next, &mut once, when, &mut applied);
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
        self.apply_each_once(batch, done..batch.events.len(), &mut once, when, &mut applied);
        self.sweep();
        applied
    }

    /// Since when a series counts that is made now.
    ///
    /// A reader that takes start times sees a zero there, but only if its first sample is later:
    /// what begins in the millisecond that a scrape is stamped with would never show its first
    /// value. So it begins a while before its first event, when it was zero as well; but no earlier
    /// than a series went, for it might be the same one, and its last sample later.
    fn beginning(&self, when: When) -> Timestamp {
        let earlier = when.started.0.saturating_sub(LEAD_MILLISECONDS);
        Timestamp(earlier).max(self.removed_at.min(when.started))
    }

    fn is(&self, series: SeriesRef, name: &str, labels: &str) -> bool {
        let family = &self.families[series.family as usize];
        labels::same(family.labels.get(series.row as usize), labels) && &*family.name == name
    }

    fn find(&self, hash: u64, name: &str, labels: &str) -> Option<SeriesRef> {
        let same = |series: &SeriesRef| series.hash == hash && self.is(*series, name, labels);
        self.index.find(hash, same).copied()
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
}

/// Family and row numbers; the series limit keeps them small.
fn small(number: usize) -> u32 {
    u32::try_from(number).expect("no more rows or families than the series limit, below 2^32")
}

/// Takes all names that the family's samples are served under.
fn claim(names: &mut HashMap<Box<str>, u32>, family: &Family, at: u32) {
    names.extend(family.sample_names().map(|name| (name, at)));
}

#[cfg(test)]
mod tests;
