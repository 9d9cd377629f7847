//! The families and the index that finds a series by its identity.
//!
//! Every event costs one probe of one table, keyed by the hash of name and
//! labels that decoding already made. A hit is confirmed by comparing texts, so
//! colliding hashes are harmless, and allocates nothing. Only a miss looks at
//! names, types and limits; it decides everything before it changes anything,
//! so a refused event leaves no trace, not even an empty family.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::Applied;
use super::family::{Family, check_value};
use super::limits::{SeriesLimit, suffixes};
use crate::model::{BadEvent, Batch, Event, Reason, SeriesHasher, Timestamp, labels};

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

/// Why an event was refused.
struct Refusal {
    reason: Reason,
    detail: String,
}

/// All families and series.
pub(super) struct Aggregates {
    families: Vec<Family>,
    /// Every name that a sample may be served under, with the family it belongs to.
    names: HashMap<Box<str>, u32>,
    index: HashTable<SeriesRef>,
    limit: SeriesLimit,
}

impl Aggregates {
    /// Indexes the families of a snapshot.
    pub(super) fn restore(families: Vec<Family>, max_series: u64, hasher: &SeriesHasher) -> Self {
        let rows = families.iter().map(|family| family.labels.len()).sum();
        let mut index = HashTable::with_capacity(rows);
        let mut names = HashMap::with_capacity(families.len());
        let mut used = 0;
        for (at, family) in families.iter().enumerate() {
            let at = small(at);
            claim(&mut names, family, at);
            used += family.series();
            for (row, text) in family.labels.iter().enumerate() {
                let hash = hasher.hash(&family.name, &labels::canonical(text));
                let series = SeriesRef { hash, family: at, row: small(row) };
                index.insert_unique(hash, series, |series| series.hash);
            }
        }
        Self { families, names, index, limit: SeriesLimit::new(used, max_series) }
    }

    pub(super) fn families(&self) -> &[Family] {
        &self.families
    }

    /// Served time series that there may be.
    pub(super) fn max_series(&self) -> u64 {
        self.limit.max()
    }

    /// Served time series.
    pub(super) fn series(&self) -> u64 {
        self.limit.used
    }

    /// Applies the events in their order.
    pub(super) fn apply(&mut self, batch: &Batch, now: Timestamp) -> Applied {
        let mut applied = Applied::default();
        for events in batch.events.chunks(LOOKAHEAD) {
            let mut hits = [None; LOOKAHEAD];
            self.look_ahead(batch, events, &mut hits);
            for (event, hit) in events.iter().zip(hits) {
                match self.apply_one(batch, event, hit, now) {
                    Ok(()) => applied.processed += 1,
                    Err(Refusal { reason, detail }) => {
                        let (entry, raw) = (event.entry, event.raw);
                        applied.refused.push(BadEvent { entry, raw, reason, detail });
                    }
                }
            }
        }
        applied
    }

    /// Finds those of the events' series that exist already; rows never move,
    /// so what is found here stays right while earlier events are applied.
    fn look_ahead(&self, batch: &Batch, events: &[Event], hits: &mut [Option<SeriesRef>]) {
        for (event, hit) in events.iter().zip(&mut *hits) {
            *hit = self.index.find(event.hash, |series| series.hash == event.hash).copied();
        }
        for (event, hit) in events.iter().zip(hits) {
            *hit = hit.filter(|series| self.is(*series, batch, event));
        }
    }

    fn is(&self, series: SeriesRef, batch: &Batch, event: &Event) -> bool {
        let family = &self.families[series.family as usize];
        labels::same(family.labels.get(series.row as usize), batch.text(event.labels))
            && &*family.name == batch.text(event.name)
    }

    fn find(&self, batch: &Batch, event: &Event) -> Option<SeriesRef> {
        let same = |series: &SeriesRef| series.hash == event.hash && self.is(*series, batch, event);
        self.index.find(event.hash, same).copied()
    }

    fn apply_one(
        &mut self,
        batch: &Batch,
        event: &Event,
        hit: Option<SeriesRef>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_value(event.metric_type, event.value).map_err(|reason| Refusal {
            reason,
            detail: format!(
                "{} `{}`: value {} is not one it can take",
                event.metric_type,
                batch.text(event.name),
                event.value
            ),
        })?;
        // A miss may have become a hit: an earlier event of this batch can have made the series.
        let (at, row) = match hit.or_else(|| self.find(batch, event)) {
            Some(series) => {
                let family = &self.families[series.family as usize];
                check_type(family, event)?;
                (series.family as usize, series.row as usize)
            }
            None => self.create(batch, event, now)?,
        };
        let family = &mut self.families[at];
        family.record(row, event.value, now).map_err(|overflow| Refusal {
            reason: Reason::InvalidValue,
            detail: format!(
                "{} `{}`: adding {} to {} leaves the finite numbers",
                family.metric_type, family.name, event.value, overflow.sum
            ),
        })?;
        if family.help.is_empty() && !event.help.is_empty() {
            family.help = batch.text(event.help).into();
        }
        Ok(())
    }

    /// Makes the event's series, and its family if need be; returns family and row.
    fn create(
        &mut self,
        batch: &Batch,
        event: &Event,
        now: Timestamp,
    ) -> Result<(usize, usize), Refusal> {
        let name = batch.text(event.name);
        let at = match self.names.get(name) {
            Some(&owner) => {
                let family = &self.families[owner as usize];
                check_owner(name, family)?;
                check_type(family, event)?;
                self.check_room(family)?;
                owner as usize
            }
            None => {
                for suffix in suffixes(event.metric_type) {
                    let sample = format!("{name}{suffix}");
                    if let Some(&owner) = self.names.get(&*sample) {
                        return Err(name_conflict(&sample, &self.families[owner as usize]));
                    }
                }
                let family = Family::new(name, event.metric_type, batch.numbers(event.numbers));
                self.check_room(&family)?;
                let at = self.families.len();
                claim(&mut self.names, &family, small(at));
                self.families.push(family);
                at
            }
        };
        let family = &mut self.families[at];
        let row = family.push(batch.text(event.labels), now);
        self.limit.used += family.series_per_row();
        let series = SeriesRef { hash: event.hash, family: small(at), row: small(row) };
        self.index.insert_unique(event.hash, series, |series| series.hash);
        Ok((at, row))
    }

    fn check_room(&self, family: &Family) -> Result<(), Refusal> {
        let series = family.series_per_row();
        if self.limit.has_room(series) {
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

fn name_conflict(sample: &str, owner: &Family) -> Refusal {
    Refusal {
        reason: Reason::NameConflict,
        detail: format!("`{sample}` is served already by {} `{}`", owner.metric_type, owner.name),
    }
}

fn check_type(family: &Family, event: &Event) -> Result<(), Refusal> {
    if family.metric_type == event.metric_type {
        return Ok(());
    }
    Err(Refusal {
        reason: Reason::TypeConflict,
        detail: format!(
            "`{}` is a {}, the event says {}",
            family.name, family.metric_type, event.metric_type
        ),
    })
}

#[cfg(test)]
mod tests;
