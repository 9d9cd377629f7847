//! What pushes do, rule by rule.

use super::test_batch::BatchBuilder;
use super::test_push::{PushBuilder, push_of};
use super::*;
use crate::model::push::{Group, Matching, Operation};
use crate::model::{Combine, MetricType, Mode, PushPosition, Reason, SourceKind};
use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};

mod groups;
mod histograms;
mod keys;
mod scalars;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1000)
}

/// When a series begins that is made at a time.
fn began(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - 1000)
}

/// A store behind a journal of pushes.
struct Fixture {
    store: Store,
    source: SourceKey,
    next: u64,
}

impl Fixture {
    fn new(max_series: u64) -> Self {
        let store = Store::new(max_series);
        let source = SourceKey { kind: SourceKind::Push, key: "journal".into() };
        store.reposition(&source, |position| {
            *position = Some(Position::Push(PushPosition { next: 0 }));
            0
        });
        Self { store, source, next: 0 }
    }

    fn builder(&self) -> PushBuilder {
        PushBuilder::new(self.store.hasher())
    }

    fn batch(&self) -> BatchBuilder {
        BatchBuilder::new(self.store.hasher())
    }

    fn apply(&mut self, batch: &Batch, now: Timestamp) -> Applied {
        let advance = Advance::Push { from: self.next, to: self.next + 1 };
        self.next += 1;
        self.store.apply(&self.source, batch, &advance, now, now).expect("the next record")
    }

    /// Applies one push at the time it was received; checks that checking says the same.
    fn push(&mut self, push: Push) -> Result<PushApplied, Reason> {
        let checked = self.store.check(&push);
        let now = push.at;
        let applied = self.apply(&self.batch().push(push).build(), now);
        let [result] = applied.pushes.try_into().expect("one push");
        assert_eq!(checked, result);
        let refused = result.as_ref().err().map(|refusal| refusal.reason);
        assert_eq!(applied.refused.first().map(|bad| bad.reason), refused);
        assert_eq!(applied.processed, result.as_ref().map_or(0, |applied| applied.series));
        result.map_err(|refusal| refusal.reason)
    }

    /// Builds a push and applies it.
    fn write(
        &mut self,
        at: Timestamp,
        build: impl FnOnce(PushBuilder) -> PushBuilder,
    ) -> Result<PushApplied, Reason> {
        let push = build(self.builder()).build(at);
        self.push(push)
    }

    fn family(&self, name: &str) -> Family {
        let families = self.store.scrape(NOW).families;
        let named = |family: &Family| &*family.name == name;
        families.into_iter().find(named).unwrap_or_else(|| panic!("there is no family `{name}`"))
    }

    /// Each series of a scalar family, in order.
    fn scalars(&self, name: &str, now: Timestamp) -> Vec<(String, f64)> {
        let family = self.family(name);
        let series = |row| (family.labels.get(row).to_owned(), family.scalar(row, now));
        family.rows().map(series).collect()
    }

    fn scalar(&self, name: &str, now: Timestamp) -> f64 {
        let [(_, value)] = self.scalars(name, now).try_into().expect("one series");
        value
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.store.cut(NOW).families.iter().map(|family| family.name.to_string()).collect();
        names.sort();
        names
    }

    fn dropped(&self, reason: Reason) -> u64 {
        self.store.tallies()[0].1.dropped[reason as usize]
    }
}

fn pairs(series: &[(&str, f64)]) -> Vec<(String, f64)> {
    series.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect()
}
