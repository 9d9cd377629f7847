//! Random pushes, events and removals against a model that is slow and obvious.
//!
//! The model keeps series in maps, tries a push on a copy of itself, and knows nothing of rows,
//! indexes or sweeping. After each batch the state is compared with it, and so are the answers to
//! every push, asked for before and given after.

use proptest::prelude::*;

use super::test_batch::BatchBuilder;
use super::test_push::{PushBuilder, push_of};
use super::*;
use crate::checkpoint::codec::{self, Meta};
use crate::checkpoint::head::Generation;
use crate::model::push::{Group, Matching, Operation};
use crate::model::{MetricType, Mode, NativeHistogram, PushPosition, Reason, SourceKind, labels};

mod chains;
mod changes;
mod inputs;
mod model;
mod played;

pub(crate) use inputs::steps;
use inputs::{Change, Doing, Event, OneFamily, OneSeries, Pushed, Write};
use model::{Model, Series, State};
pub(crate) use played::Played;

const START: Timestamp = Timestamp(1_700_000_000_000);
/// Small enough to be reached often.
const MOST_SERIES: u64 = 40;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_store_does_what_the_model_does(steps in inputs::steps()) {
        let mut store = new_store();
        let mut model = Model::new(MOST_SERIES);
        let mut now = START;
        for (step, inputs::Step { wait_seconds, restart, doings }) in (0_u64..).zip(steps) {
            now.0 += wait_seconds * 1000;
            if restart {
                store = Store::restore(stored(&store.cut(now)), MOST_SERIES);
                model.restart();
            }
            if let [Doing::Push(push)] = doings.as_slice() {
                let checked = store.check(&built(&store, push, now));
                let expected = model.clone().push(push, now);
                prop_assert_eq!(answer(checked), expected, "checking {:?}", push);
            }
            let mut refused_events = Vec::new();
            let mut answers = Vec::new();
            for doing in &doings {
                match doing {
                    Doing::Event(event) => refused_events.extend(model.event(event, now).err()),
                    Doing::Push(push) => answers.push(model.push(push, now)),
                }
            }
            let advance = Advance::Push { from: step, to: step + 1 };
            let applied = store.apply(&journal(), &batch(&store, &doings, now), &advance, now, now);
            let applied = applied.expect("the next record");
            let pushes: Vec<_> = applied.pushes.into_iter().map(answer).collect();
            let refused_pushes = answers.iter().filter_map(|answer| answer.err());
            let mut refused: Vec<Reason> = refused_events.into_iter().chain(refused_pushes).collect();
            let mut reasons: Vec<Reason> =
                applied.refused.iter().map(|bad| bad.reason).collect();
            refused.sort_by_key(|reason| *reason as usize);
            reasons.sort_by_key(|reason| *reason as usize);
            prop_assert_eq!(pushes, answers, "{:?}", &doings);
            prop_assert_eq!(reasons, refused, "{:?}", &doings);
            let cut = store.cut(now);
            prop_assert_eq!(shown(&cut, now), model.shown(now), "after {:?}", &doings);
            prop_assert_eq!(shown(&stored(&cut), now), model.shown(now), "stored: {:?}", &doings);
            prop_assert_eq!(store.size().series, model.served());
            prop_assert_eq!(store.size().families, cut.families.len() as u64);
            prop_assert_eq!(cut.series, model.served());
            prop_assert_eq!(cut.families.iter().map(Family::series).sum::<u64>(), model.served());
        }
    }
}

/// What a snapshot of the cut holds: every state that there can be must read back.
fn stored(cut: &Cut) -> Cut {
    let meta = Meta {
        identity: "model".into(),
        generation: Generation { epoch: 1, sequence: 1 },
        created_at: cut.taken_at,
        writer_version: "0".into(),
        clean_shutdown: false,
        series: cut.series,
    };
    codec::decode(&codec::encode(&meta, cut).expect("it has a form")).expect("a snapshot").cut
}

fn journal() -> SourceKey {
    SourceKey { kind: SourceKind::Push, key: "journal".into() }
}

fn new_store() -> Store {
    let store = Store::new(MOST_SERIES);
    store.reposition(&journal(), |position| {
        *position = Some(Position::Push(PushPosition { next: 0 }));
        0
    });
    store
}

/// A store to which steps are done, without a model.
struct Run {
    store: Store,
    now: Timestamp,
    /// The number of the next record.
    next: u64,
}

impl Run {
    fn new() -> Self {
        Self { store: new_store(), now: START, next: 0 }
    }

    fn step(&mut self, step: &inputs::Step) {
        self.now.0 += step.wait_seconds * 1000;
        let advance = Advance::Push { from: self.next, to: self.next + 1 };
        let batch = batch(&self.store, &step.doings, self.now);
        self.store.apply(&journal(), &batch, &advance, self.now, self.now).expect("the next");
        self.next += 1;
    }
}

fn batch(store: &Store, doings: &[Doing], now: Timestamp) -> Batch {
    let batch = BatchBuilder::new(store.hasher());
    let with = |batch: BatchBuilder, doing: &Doing| match doing {
        Doing::Event(event) => with_event(batch, event),
        Doing::Push(push) => batch.push(built(store, push, now)),
    };
    doings.iter().fold(batch, with).build()
}

fn answer(result: Result<PushApplied, PushRefusal>) -> Result<(u64, bool), Reason> {
    result.map(|push| (push.series, push.repeated)).map_err(|refusal| refusal.reason)
}

fn with_event(batch: BatchBuilder, event: &Event) -> BatchBuilder {
    let Event { metric_type, name, labels, value, numbers, help, mode } = event;
    batch.event(*metric_type, name, labels, *value, numbers).help(help).mode(*mode)
}

fn built(store: &Store, push: &Pushed, at: Timestamp) -> Push {
    match push {
        Pushed::Write(write) => written(PushBuilder::new(store.hasher()), write).build(at),
        Pushed::Events(events) => {
            let batch = events.iter().fold(BatchBuilder::new(store.hasher()), with_event);
            push_of(Operation::Events(Box::new(batch.build())), at)
        }
        Pushed::DeleteGroup(labels) => {
            push_of(Operation::DeleteGroup(Group { labels: (*labels).into() }), at)
        }
        Pushed::DeleteMatching(pairs, absent) => {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let (pairs, absent) = (owned(pairs), owned(absent));
            push_of(Operation::DeleteMatching(Matching { pairs, absent }), at)
        }
        Pushed::Wipe => push_of(Operation::Wipe, at),
    }
}

fn written(mut push: PushBuilder, write: &Write) -> PushBuilder {
    if let Some((labels, whole)) = write.group {
        push = push.group(labels, whole);
    }
    if let Some((key, fingerprint)) = write.key {
        push = push.key(key, fingerprint);
    }
    for family in &write.families {
        push = push.family(family.metric_type, family.name).help(family.help, family.unit);
        if family.clears {
            push = push.clears();
        }
        for series in &family.series {
            push = match &series.change {
                Change::Scalar { combine, value } => push.scalar(*combine, series.labels, *value),
                Change::Windowed { mean, seconds, value } => {
                    push.windowed(*mean, *seconds, series.labels, *value)
                }
                Change::Histogram { combine, bounds, counts, sum, native } => {
                    let push = push.histogram(*combine, series.labels, bounds, counts, *sum);
                    native.iter().cloned().fold(push, PushBuilder::native)
                }
                Change::Summary { combine, count, sum, quantiles } => {
                    push.summary(*combine, series.labels, *count, *sum, quantiles)
                }
            };
            if series.exemplar && matches!(&series.change, Change::Scalar { .. }) {
                push = push.exemplar(0, 0.5);
            }
            if let Some(created) = series.created {
                push = push.created(Timestamp(created));
            }
        }
    }
    push
}

/// What a cut holds, in the model's words.
fn shown(cut: &Cut, now: Timestamp) -> Vec<model::Shown> {
    let mut all = Vec::new();
    for family in &cut.families {
        for row in family.rows() {
            let state = match &family.values {
                Values::Scalars(_) => State::Scalar(family.scalar(row, now)),
                Values::Histograms { bounds, counts, sums } => State::Histogram {
                    counts: counts.chunks(bounds.len() + 1).nth(row).expect("a row").to_vec(),
                    sum: sums[row],
                    native: family.natives.get(row).map(|native| (**native).clone()),
                },
                Values::Summaries { counts, sums, .. } => State::Summary {
                    count: counts[row],
                    sum: sums[row],
                    quantiles: family.quantiles.get(row).map(|pairs| pairs.to_vec()),
                },
            };
            let series = Series {
                group: family.group(row).map(|group| cut.groups[group].to_string()),
                created: family.created.get(row).copied(),
                state,
            };
            all.push(model::Shown {
                name: family.name.to_string(),
                labels: labels::canonical(family.labels.get(row)).into_owned(),
                metric_type: family.metric_type.as_str(),
                help: family.help.to_string(),
                unit: family.unit.to_string(),
                series: format!("{series:?}"),
            });
        }
    }
    all.sort();
    all
}
