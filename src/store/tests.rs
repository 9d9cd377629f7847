use super::test_batch::BatchBuilder;
use super::*;
use crate::expose::page;
use crate::model::{ListPosition, Reason, SourceKind};

mod decided;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn key() -> SourceKey {
    SourceKey { kind: SourceKind::List, key: "queue".into() }
}

fn at(remaining: u64) -> Position {
    Position::List(ListPosition { segment: 1, remaining: Some(remaining) })
}

fn step(from: u64, to: u64) -> Advance {
    Advance::List { segment: 1, from, to }
}

/// A store whose only source has 100 items to go.
fn store() -> Store {
    let store = Store::new(1000);
    store.reposition(&key(), |position| {
        *position = Some(at(100));
        0
    });
    store
}

fn batch(store: &Store) -> BatchBuilder {
    BatchBuilder::new(store.hasher())
}

fn mixed(store: &Store) -> Batch {
    batch(store)
        .counter("requests_total", r#"b="2",a="1""#, 2.0)
        .help("Requests.")
        .gauge("temperature", "", -1.5)
        .histogram("duration", r#"a="1""#, 0.3, &[0.1, 0.5])
        .summary("size", "", 7.0, &[0.5, 0.05])
        .build()
}

#[test]
fn applying_moves_the_position_and_counts() {
    let store = store();
    let mut batch = mixed(&store);
    let refused = BatchBuilder::new(store.hasher()).gauge("requests_total", "", 1.0).build();
    batch.bad.push(BadEvent {
        entry: 0,
        raw: Default::default(),
        reason: Reason::InvalidJson,
        detail: "not JSON".into(),
    });
    let before = store.version();
    let applied = store.apply(&key(), &batch, &step(100, 96), NOW, NOW).expect("fits");
    assert_eq!((applied.processed, applied.refused.len()), (4, 0));
    let applied = store.apply(&key(), &refused, &step(96, 95), NOW, NOW).expect("fits");
    assert_eq!((applied.processed, applied.refused.len()), (0, 1));
    assert!(store.version() > before);
    assert_eq!(store.position(&key()), Some(at(95)));
    let [(_, tally)] = store.tallies().try_into().expect("one source");
    assert_eq!((tally.processed, tally.dropped.iter().sum::<u64>(), tally.lost), (4, 2, 0));
    assert_eq!(tally.dropped[Reason::InvalidJson as usize], 1);
    assert_eq!(tally.dropped[Reason::TypeConflict as usize], 1);
    assert_eq!(store.size(), StoreSize { series: 1 + 1 + 5 + 3, families: 4 });
}

#[test]
fn a_step_that_does_not_fit_changes_nothing() {
    let store = store();
    store.apply(&key(), &mixed(&store), &step(100, 96), NOW, NOW).expect("fits");
    let (before, page_before) = (store.cut(NOW), page(&store.cut(NOW), NOW));
    let unknown = SourceKey { kind: SourceKind::Reader, key: "stream".into() };
    let error =
        store.apply(&key(), &mixed(&store), &step(100, 96), NOW, NOW).expect_err("applied twice");
    assert!(matches!(error, ApplyError::Mismatch { source_key, .. } if source_key == key()));
    let error =
        store.apply(&unknown, &mixed(&store), &step(96, 92), NOW, NOW).expect_err("unknown");
    assert_eq!(error, ApplyError::UnknownSource(unknown));
    let after = store.cut(NOW);
    assert_eq!(after.version, before.version);
    assert_eq!(after.sources, before.sources);
    assert_eq!(page(&after, NOW), page_before);
}

#[test]
fn a_cut_does_not_see_what_comes_later() {
    let store = store();
    store.apply(&key(), &mixed(&store), &step(100, 96), NOW, NOW).expect("fits");
    let cut = store.cut(NOW);
    let before = page(&cut, NOW);
    let more = batch(&store)
        .counter("requests_total", r#"a="1",b="2""#, 5.0)
        .counter("requests_total", r#"a="new""#, 5.0)
        .histogram("duration", r#"a="1""#, 0.01, &[0.1, 0.5])
        .summary("size", "", 9.0, &[])
        .gauge("new", "", 1.0)
        .build();
    store.apply(&key(), &more, &step(96, 91), NOW, NOW).expect("fits");
    assert_eq!(page(&cut, NOW), before);
    assert_eq!(cut.sources[0].position, at(96));
    assert_ne!(page(&store.cut(NOW), NOW), before);
    assert!(store.scrape(NOW).sources.is_empty());
}

#[test]
fn a_restored_store_serves_the_same_and_goes_on() {
    let store = store();
    store.apply(&key(), &mixed(&store), &step(100, 96), NOW, NOW).expect("fits");
    let restored = Store::restore(store.cut(NOW), 1000);
    assert_eq!(page(&restored.cut(NOW), NOW), page(&store.cut(NOW), NOW));
    assert_eq!(restored.cut(NOW).sources, store.cut(NOW).sources);
    assert_eq!(restored.version(), store.version());
    assert_eq!(restored.size(), store.size());
    for store in [&store, &restored] {
        let more = batch(store)
            .counter("requests_total", r#"a="1",b="2""#, 5.0)
            .gauge("size_count", "", 1.0)
            .build();
        let applied = store.apply(&key(), &more, &step(96, 94), NOW, NOW).expect("fits");
        assert_eq!(applied.processed, 1);
        assert_eq!(applied.refused[0].reason, Reason::NameConflict);
    }
    assert_eq!(page(&restored.cut(NOW), NOW), page(&store.cut(NOW), NOW));
}

#[test]
fn restoring_keeps_series_beyond_the_limit_and_refuses_new_ones() {
    let store = store();
    store.apply(&key(), &mixed(&store), &step(100, 96), NOW, NOW).expect("fits");
    let restored = Store::restore(store.cut(NOW), 2);
    let batch = batch(&restored)
        .counter("requests_total", r#"a="1",b="2""#, 5.0)
        .counter("requests_total", r#"a="2""#, 5.0)
        .build();
    let applied = restored.apply(&key(), &batch, &step(96, 94), NOW, NOW).expect("fits");
    assert_eq!(applied.processed, 1);
    assert_eq!(applied.refused[0].reason, Reason::SeriesLimit);
    assert_eq!(restored.size(), store.size());
}

#[test]
fn repositioning_meters_losses_and_only_counts_as_a_change_when_it_is_one() {
    let store = store();
    let version = store.version();
    store.reposition(&key(), |_| 0);
    assert_eq!(store.version(), version);
    store.reposition(&key(), |position| {
        *position = Some(at(7));
        3
    });
    assert!(store.version() > version);
    assert_eq!(store.position(&key()), Some(at(7)));
    assert_eq!(store.tallies()[0].1.lost, 3);
    store.reposition(&key(), |position| {
        *position = None;
        0
    });
    assert_eq!(store.position(&key()), None);
    assert!(store.tallies().is_empty());
}

#[test]
fn every_cut_holds_exactly_the_events_up_to_its_position() {
    const STEPS: u64 = 20_000;
    let store = Store::new(1000);
    store.reposition(&key(), |position| {
        *position = Some(at(STEPS));
        0
    });
    let one = batch(&store).counter("requests_total", "", 1.0).build();
    std::thread::scope(|scope| {
        let applying = scope.spawn(|| {
            for remaining in (0..STEPS).rev() {
                store.apply(&key(), &one, &step(remaining + 1, remaining), NOW, NOW).expect("fits");
            }
        });
        let mut cuts = 0_u32;
        while !applying.is_finished() || cuts == 0 {
            let cut = store.cut(NOW);
            let Some(family) = cut.families.first() else { continue };
            let Values::Scalars(values) = &family.values else { panic!("a counter") };
            let source = &cut.sources[0];
            assert_eq!(source.position, at(STEPS - values[0] as u64));
            assert_eq!(source.tally.processed, values[0] as u64);
            cuts += 1;
        }
    });
}
