//! What goes in comes out, and nothing that was crafted gets far enough to
//! make the store panic.

use std::sync::Arc;

use migrations::{Latest, v1};

use super::*;
use crate::model::{
    Advance, GroupPosition, IdSet, ListPosition, MetricType, Position, ReaderPosition, Reason,
    SourceKey, SourceKind, StreamId, Tally,
};
use crate::store::summary::{Objective, Window};
use crate::store::test_batch::BatchBuilder;
use crate::store::{Family, SourceState, Store, TextColumn, Values};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn meta() -> Meta {
    Meta {
        identity: "default".into(),
        generation: Generation { epoch: 2, sequence: 7 },
        created_at: NOW,
        writer_version: "0.1.0".into(),
        clean_shutdown: true,
        series: 12,
    }
}

fn source(kind: SourceKind, position: Position) -> SourceState {
    let mut tally = Tally { processed: 5, lost: 1, ..Tally::default() };
    tally.count_dropped(Reason::TooLarge);
    SourceState { key: SourceKey { kind, key: "key".into() }, position, tally }
}

fn sources() -> Vec<SourceState> {
    let id = StreamId::new;
    let ids = [id(5, 0), id(5, 1), id(5, 9), id(7, 3), id(7, 4), id(u64::MAX, u64::MAX)];
    let unacknowledged: Arc<IdSet> = Arc::new(ids.into_iter().collect());
    vec![
        source(SourceKind::List, Position::List(ListPosition { segment: 3, remaining: None })),
        source(
            SourceKind::Group,
            Position::Group(GroupPosition { last: id(9, 9), unacknowledged, trimmed_unread: 3 }),
        ),
        source(
            SourceKind::Reader,
            Position::Reader(ReaderPosition { last: id(1, 2), entries_consumed: Some(3) }),
        ),
    ]
}

fn cut() -> Cut {
    let store = Store::new(1000);
    let key = SourceKey { kind: SourceKind::List, key: "queue".into() };
    let batch = BatchBuilder::new(store.hasher())
        .counter("jobs_total", "job=\"\u{fc}\"", 2.5)
        .counter("jobs_total", "", 1.0)
        .gauge("level", "", f64::NAN)
        .histogram("seconds", "a=\"1\"", 0.5, &[0.1, 1.0])
        .summary("bytes", "", 8.0, &[0.5, 0.9, 0.05, 0.01])
        .summary("bytes", "", 2.0, &[0.5, 0.9, 0.05, 0.01])
        .summary("plain", "", 8.0, &[])
        .build();
    store.reposition(&key, |position| {
        *position = Some(Position::List(ListPosition { segment: 0, remaining: None }));
        0
    });
    let advance = Advance::List { segment: 0, from: 7, to: 0 };
    store.apply(&key, &batch, &advance, NOW, NOW).unwrap();
    let mut cut = store.cut(NOW);
    cut.sources = sources();
    cut
}

#[test]
fn what_goes_in_comes_out() {
    let before = cut();
    let after = decode(&encode(&meta(), &before).unwrap()).unwrap();
    assert_eq!(after.meta, meta());
    assert_eq!(after.cut.sources, before.sources);
    assert_eq!(after.cut.taken_at, NOW);
    // Types without equality are compared as the format writes them, NaN and all.
    assert!(content(&after.cut) == content(&before));
    assert_eq!(after.cut.families.len(), 5);

    let Values::Summaries { objectives, windows, .. } = &after.cut.families[3].values else {
        panic!("expected summaries, found {:?}", after.cut.families[3].values);
    };
    assert_eq!(windows[0].quantiles(objectives, NOW), [2.0, 8.0]);
}

fn content(cut: &Cut) -> Vec<u8> {
    migrations::to_messagepack(&to_format::snapshot(&meta(), cut).unwrap()).unwrap()
}

#[test]
fn a_restored_store_cuts_what_it_was_restored_from() {
    let restored = decode(&encode(&meta(), &cut()).unwrap()).unwrap().cut;
    let store = Store::restore(restored.clone(), 1000);
    assert_eq!(store.version(), restored.version, "nothing has changed yet");
    assert!(content(&store.cut(NOW)) == content(&restored));
}

/// Crafted content: the checksum is right and the content is not.
fn refused(change: impl FnOnce(&mut Latest)) -> String {
    let mut snapshot = to_format::snapshot(&meta(), &cut()).unwrap();
    change(&mut snapshot);
    let file = migrations::encode(&snapshot).unwrap();
    decode(&file).expect_err("crafted content").to_string()
}

fn family_change(index: usize, change: impl FnOnce(&mut v1::Family)) -> String {
    refused(|snapshot| change(&mut snapshot.families[index]))
}

#[test]
fn crafted_families_are_refused() {
    let cases = [
        family_change(0, |f| f.metric_type = "info".into()),
        family_change(0, |f| f.metric_type = "histogram".into()),
        family_change(0, |f| f.label_lengths.push(0)),
        family_change(0, |f| f.label_lengths[0] += 1),
        family_change(0, |f| f.label_lengths[0] = 6),
        family_change(0, |f| f.label_lengths = vec![u32::MAX, u32::MAX]),
        family_change(0, |f| f.label_texts.push('x')),
        refused(|snapshot| snapshot.families[1].name = "jobs_total".into()),
        refused(|snapshot| {
            snapshot.families[0].name = format!("{}_sum", snapshot.families[2].name);
        }),
    ];
    for error in cases {
        assert!(error.starts_with("family "), "{error}");
    }
}

#[test]
fn crafted_values_are_refused() {
    let histograms = |change: fn(&mut Vec<f64>, &mut Vec<u64>, &mut Vec<f64>)| {
        family_change(2, |family| match &mut family.values {
            v1::Values::Histograms { bounds, counts, sums } => change(bounds, counts, sums),
            other => panic!("expected histograms, found {other:?}"),
        })
    };
    let summaries = |change: fn(&mut Vec<v1::Objective>, &mut v1::Windows)| {
        family_change(3, |family| match &mut family.values {
            v1::Values::Summaries { objectives, windows, .. } => change(objectives, windows),
            other => panic!("expected summaries, found {other:?}"),
        })
    };
    let cases = [
        histograms(|bounds, _, _| bounds.push(2.0)),
        histograms(|bounds, _, _| bounds.swap(0, 1)),
        histograms(|bounds, _, _| bounds[1] = f64::NAN),
        histograms(|bounds, _, _| bounds[1] = f64::INFINITY),
        histograms(|_, counts, _| counts.truncate(2)),
        histograms(|_, counts, _| counts.fill(u64::MAX)),
        histograms(|_, _, sums| sums.clear()),
        summaries(|objectives, _| objectives.clear()),
        summaries(|objectives, _| objectives.swap(0, 1)),
        summaries(|objectives, _| objectives[1].quantile = objectives[0].quantile),
        summaries(|objectives, _| objectives[0].epsilon = 0.0),
        summaries(|_, windows| *windows = v1::Windows::default()),
        summaries(|_, windows| windows.sketch_counts[0] = u32::MAX),
        summaries(|_, windows| windows.sample_counts[0] += 1),
        summaries(|_, windows| windows.observations.truncate(1)),
        summaries(|_, windows| windows.gaps.clear()),
        summaries(|_, windows| windows.observations[0] += 1),
        summaries(|_, windows| windows.values[0] = f64::NAN),
    ];
    for (index, error) in cases.into_iter().enumerate() {
        assert!(error.starts_with("family "), "case {index}: {error}");
    }
}

#[test]
fn crafted_sources_are_refused() {
    let ids = |ids: &'static [u64]| {
        refused(|snapshot| {
            let last = v1::StreamId { milliseconds: 0, sequence: 0 };
            snapshot.sources[1].position =
                v1::Position::Group { last, trimmed_unread: 0, unacknowledged: ids.to_vec() };
        })
    };
    let cases = [
        refused(|snapshot| snapshot.sources[0].kind = "group".into()),
        refused(|snapshot| snapshot.sources[0].kind = "push".into()),
        refused(|snapshot| snapshot.sources.push(snapshot.sources[0].clone())),
        refused(|snapshot| {
            snapshot.sources[0].tally.dropped.insert("unheard_of".into(), 1);
        }),
        ids(&[1, 2]),
        ids(&[1, u64::MAX, 1]),
        ids(&[5, 0, 0, u64::MAX, 0, 0]),
        ids(&[5, 0, 3, 0, 0, 1]),
    ];
    for (index, error) in cases.into_iter().enumerate() {
        assert!(error.starts_with("source "), "case {index}: {error}");
    }
}

#[test]
#[ignore = "a measurement: cargo test --release --lib -- --ignored --nocapture a_million_series"]
fn a_million_series() {
    const ROWS: u64 = 1_000_000;
    let labels = || -> TextColumn {
        let mut column = TextColumn::default();
        for row in 0..ROWS {
            column.push(&format!("instance=\"host-{}\",path=\"/api/v1/{row}\"", row % 1000));
        }
        column
    };
    let family = |name: &str, metric_type, labels, values| Family {
        help: "Help.".into(),
        labels,
        values,
        ..Family::empty(name, metric_type)
    };
    let random = |row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let scalars = (0..ROWS).map(|row| random(row) as f64).collect();
    let counters = family("a_total", MetricType::Counter, labels(), Values::Scalars(scalars));
    measure("1M counters", Cut { families: vec![counters], ..Cut::default() });

    let histograms = Values::Histograms {
        bounds: [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].into(),
        counts: (0..ROWS * 11).map(|at| random(at) % 1000).collect(),
        sums: (0..ROWS).map(|row| random(row) as f64 / 7.0).collect(),
    };
    let histograms = family("b", MetricType::Histogram, labels(), histograms);
    measure("1M histograms of 10 buckets", Cut { families: vec![histograms], ..Cut::default() });

    let objectives: Arc<[Objective]> =
        [0.5, 0.9, 0.99].map(|quantile| Objective { quantile, epsilon: 0.01 }).into();
    let window = |row: u64| {
        let mut window = Window::new(NOW);
        for at in 0..10 {
            window.observe(&objectives, random(row * 10 + at) as f64, NOW);
        }
        Arc::new(window)
    };
    let rows = 100_000;
    let summaries = Values::Summaries {
        objectives: objectives.clone(),
        counts: vec![10; rows],
        sums: vec![1.5; rows],
        windows: (0..rows as u64).map(window).collect(),
    };
    let mut column = TextColumn::default();
    for row in 0..rows {
        column.push(&format!("path=\"/{row}\""));
    }
    let summaries = family("c", MetricType::Summary, column, summaries);
    measure(
        "100k summaries of 10 observations",
        Cut { families: vec![summaries], ..Cut::default() },
    );
}

fn measure(what: &str, cut: Cut) {
    let started = tokio::time::Instant::now();
    let file = encode(&meta(), &cut).unwrap();
    let encoded = started.elapsed();
    let started = tokio::time::Instant::now();
    let decoded = decode(&file).unwrap();
    println!(
        "{what}: encode {encoded:?}, decode {:?}, {:.1} MiB",
        started.elapsed(),
        file.len() as f64 / f64::from(1 << 20),
    );
    assert_eq!(decoded.cut.families[0].labels.len(), cut.families[0].labels.len());
}
