//! What goes in comes out, and nothing that was crafted gets far enough to
//! make the store panic.

use std::sync::Arc;

use super::*;
use crate::model::{
    Advance, GroupPosition, IdSet, ListPosition, Position, PushPosition, ReaderPosition, Reason,
    SourceKey, SourceKind, StreamId, Tally,
};
use crate::store::test_batch::BatchBuilder;
use crate::store::{SourceState, Store, Values};

mod changes;
mod crafted;
mod pushed;
mod speed;

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
    tally.count_dropped(Reason::KeyReused);
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
            Position::Group(GroupPosition { last: id(9, 9), unacknowledged, claimed_lost: 3 }),
        ),
        source(
            SourceKind::Reader,
            Position::Reader(ReaderPosition { last: id(1, 2), entries_consumed: Some(3) }),
        ),
        source(SourceKind::Push, Position::Push(PushPosition { next: u64::MAX })),
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
    migrations::to_messagepack(&to_format::snapshot(&meta(), cut, None).unwrap()).unwrap()
}

#[test]
fn a_restored_store_cuts_what_it_was_restored_from() {
    let restored = decode(&encode(&meta(), &cut()).unwrap()).unwrap().cut;
    let store = Store::restore(restored.clone(), 1000);
    assert_eq!(store.version(), restored.version, "nothing has changed yet");
    assert!(content(&store.cut(NOW)) == content(&restored));
}
