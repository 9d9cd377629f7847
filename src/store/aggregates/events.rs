//! Events, one after the other, each for itself.
//!
//! A hit allocates nothing. Only a miss looks at names, types and limits; it
//! decides everything before it changes anything, so a refused event leaves no
//! trace, not even an empty family.

use std::ops::Range;

use super::{Aggregates, SeriesRef, small};
use crate::model::{BadEvent, Batch, Event, Mode, Reason};
use crate::store::Applied;
use crate::store::dry_run::DryRun;
use crate::store::family::Family;
use crate::store::refusal::{Refusal, check_labels, name_conflict, type_conflict};
use crate::store::step::{Step, When};

/// How many events are looked up together. Their probes do not depend on each
/// other, so the processor waits for many cache misses at once instead of one
/// after the other: with a million series a hit takes less than half the time.
const LOOKAHEAD: usize = 64;

impl Aggregates {
    pub(super) fn apply_events(
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
        let combine = event.metric_type.combine();
        combine.check(event.metric_type, event.value).map_err(|unfit| Refusal {
            reason: unfit.reason,
            detail: format!(
                "{} `{}`: value {}, expected {}",
                event.metric_type,
                batch.text(event.name),
                event.value,
                unfit.expected
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
            self.learned += u64::from(family.learn(batch.text(event.help), ""));
        }
        Ok(())
    }

    /// An event that says itself how it meets what is there.
    #[cold]
    fn apply_with_mode(
        &mut self,
        batch: &Batch,
        event: &Event,
        found: Option<SeriesRef>,
        when: When,
    ) -> Result<(), Refusal> {
        let (name, labels) = (batch.text(event.name), batch.text(event.labels));
        let step = Step::of_event(event);
        let mut dry_run = match found {
            Some(series) => {
                let family = &self.families[series.family as usize];
                check_type(family, event)?;
                DryRun::of(family, series.row as usize, when)
            }
            None => {
                let numbers = batch.numbers(event.numbers);
                DryRun::new(&Family::new(name, event.metric_type, numbers))
            }
        };
        let fault = dry_run.take(&step, when);
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
        self.limit.used = self.limit.used + dry_run.series - family.row_series(row);
        family.take(row, &step, None, when);
        self.learned += u64::from(family.learn(batch.text(event.help), ""));
        for other in others {
            self.remove((small(at), small(other)), when);
        }
        Ok(())
    }

    /// Makes the event's series, and its family if need be; returns family and row. So many series
    /// are about to go in its favour.
    #[cold]
    fn create(
        &mut self,
        batch: &Batch,
        event: &Event,
        leaving: u64,
        when: When,
    ) -> Result<(usize, usize), Refusal> {
        let name = batch.text(event.name);
        check_labels(name, batch.text(event.labels))?;
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
        let began = self.beginning(when);
        let family = &mut self.families[at as usize];
        let row = family.push(batch.text(event.labels), began, when.now);
        self.limit.used += family.series_per_row();
        let series = SeriesRef { hash: event.hash, family: at, row: small(row) };
        self.index.insert_unique(event.hash, series, |series| series.hash);
        Ok((at as usize, row))
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

fn check_owner(name: &str, owner: &Family) -> Result<(), Refusal> {
    if *owner.name == *name { Ok(()) } else { Err(name_conflict(name, owner)) }
}

fn check_type(family: &Family, event: &Event) -> Result<(), Refusal> {
    if family.metric_type == event.metric_type {
        return Ok(());
    }
    Err(type_conflict(family, event.metric_type, "event"))
}
