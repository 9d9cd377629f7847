//! A batch moves its source once, counts every event once, and leaves a page that a
//! strict reader accepts.

use std::ops::ControlFlow;

use prom_stream_gateway::expose::{self, PageFormat};
use prom_stream_gateway::model::{
    Advance, Batch, ListPosition, MetricType, Position, SourceKey, SourceKind, Timestamp,
};
use prom_stream_gateway::store::Store;

use super::label_text;
use super::page::Page;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The batch must have been decoded with the store's hasher, and the store be empty.
pub(super) fn check(store: &Store, batch: &Batch) {
    let source = SourceKey { kind: SourceKind::List, key: "queue".into() };
    let at = |remaining| Position::List(ListPosition { segment: 1, remaining: Some(remaining) });
    store.reposition(&source, |position| {
        *position = Some(at(1));
        0
    });
    let advance = Advance::List { segment: 1, from: 1, to: 0 };
    let applied = store.apply(&source, batch, &advance, NOW, NOW).expect("the step fits");
    assert_eq!(applied.processed as usize + applied.refused.len(), batch.events.len());
    for refused in &applied.refused {
        assert!(!refused.detail.is_empty(), "{refused:?}");
    }
    let counted = |store: &Store| {
        let tallies = store.tallies();
        let [(_, tally)] = tallies.as_slice() else { panic!("one source, {tallies:?}") };
        (tally.processed as usize, tally.dropped.iter().sum::<u64>() as usize, tally.lost)
    };
    let dropped = batch.bad.len() + applied.refused.len();
    let after = (applied.processed as usize, dropped, 0);
    assert_eq!((counted(store), store.position(&source)), (after, Some(at(0))));
    store.apply(&source, batch, &advance, NOW, NOW).expect_err("the same step a second time");
    assert_eq!((counted(store), store.position(&source)), (after, Some(at(0))));

    let page = page(store);
    if let [event] = batch.events.as_slice()
        && matches!(event.metric_type, MetricType::Counter | MetricType::Gauge)
    {
        let labels = label_text::read(batch.text(event.labels));
        let pairs: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let served = page.value(batch.text(event.name), &pairs).expect("its series is served");
        assert!(served == event.value || served.is_nan() && event.value.is_nan(), "{served}");
    }
}

/// What a scrape would get, read strictly.
pub(super) fn page(store: &Store) -> Page {
    let text = rendered(store);
    Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What a scrape would get.
pub(super) fn rendered(store: &Store) -> String {
    let mut page = Vec::new();
    let rendered = expose::render(&store.scrape(NOW), &[], NOW, PageFormat::TEXT, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(rendered.is_continue());
    String::from_utf8(page).expect("a page is UTF-8")
}
