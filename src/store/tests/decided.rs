//! What a replay may decide otherwise is noted; what it cannot is not, or pages would wait for it.

use super::*;
use crate::model::push::{Matching, Operation};
use crate::model::{Combine, MetricType, Mode};
use crate::store::test_push::{PushBuilder, push_of};

type Build = fn(BatchBuilder, PushBuilder) -> BatchBuilder;

/// Applied one after the other, each with whether it decides something.
const STEPS: [(&str, bool, Build); 16] = [
    ("a new family", true, |batch, _| batch.counter("x", "", 1.0)),
    ("a known series", false, |batch, _| batch.counter("x", "", 1.0)),
    ("a value that takes the place of one", false, |batch, _| {
        batch.counter("x", "", 7.0).mode(Mode::Replace)
    }),
    ("a help text", true, |batch, _| batch.counter("x", "", 1.0).help("First.")),
    ("another help text", false, |batch, _| batch.counter("x", "", 1.0).help("Second.")),
    ("a new series", true, |batch, _| batch.counter("x", "a=\"1\"", 1.0)),
    ("another type", true, |batch, _| batch.gauge("x", "", 1.0)),
    ("a new family of a push", true, |batch, push| {
        let push = push.family(MetricType::Summary, "s");
        batch.push(push.summary(Combine::Replace, "", 1, 1.0, &[0.5, 1.0]).build(NOW))
    }),
    ("the same push", false, |batch, push| {
        let push = push.family(MetricType::Summary, "s");
        batch.push(push.summary(Combine::Replace, "", 1, 1.0, &[0.5, 1.0]).build(NOW))
    }),
    ("more quantiles, which are series", true, |batch, push| {
        let push = push.family(MetricType::Summary, "s");
        batch.push(push.summary(Combine::Replace, "", 1, 1.0, &[0.5, 0.9, 1.0, 2.0]).build(NOW))
    }),
    ("fewer quantiles and as many more series", true, |batch, push| {
        let push = push.family(MetricType::Summary, "s");
        let push = push.summary(Combine::Replace, "", 1, 1.0, &[0.5, 1.0]);
        let push = push.family(MetricType::Counter, "y").scalar(Combine::Add, "", 1.0);
        batch.push(push.build(NOW))
    }),
    ("a push that is refused", true, |batch, push| {
        let push = push.family(MetricType::Gauge, "x").scalar(Combine::Add, "", 1.0);
        batch.push(push.build(NOW))
    }),
    ("one series in another's place", true, |batch, _| {
        batch.counter("x", "a=\"2\"", 1.0).mode(Mode::Family)
    }),
    ("a series that goes", true, |batch, _| {
        batch.push(push_of(Operation::DeleteMatching(matching()), NOW))
    }),
    ("nothing that would go", false, |batch, _| {
        batch.push(push_of(Operation::DeleteMatching(matching()), NOW))
    }),
    ("everything goes", true, |batch, _| batch.push(push_of(Operation::Wipe, NOW))),
];

fn matching() -> Matching {
    Matching { pairs: vec!["a=\"2\"".into()], absent: Vec::new() }
}

#[test]
fn a_scrape_tells_when_something_was_decided_last() {
    let store = store();
    assert_eq!(store.scrape(NOW).decided_at, 0);
    let mut from = 100;
    for (what, decides, build) in STEPS {
        let before = store.scrape(NOW).decided_at;
        let batch = build(batch(&store), PushBuilder::new(store.hasher())).build();
        store.apply(&key(), &batch, &step(from, from - 1), NOW, NOW).expect("fits");
        from -= 1;
        let cut = store.scrape(NOW);
        let expected = if decides { cut.version } else { before };
        assert_eq!(cut.decided_at, expected, "{what}");
        assert_eq!(store.cut(NOW).decided_at, expected, "{what}");
    }
    assert_eq!(Store::restore(store.cut(NOW), 1000).scrape(NOW).decided_at, 0);
}

#[test]
fn a_series_that_is_refused_at_the_limit_is_decided() {
    let store = Store::new(1);
    store.reposition(&key(), |position| {
        *position = Some(at(100));
        0
    });
    let one = |labels| batch(&store).counter("x", labels, 1.0).build();
    store.apply(&key(), &one(""), &step(100, 99), NOW, NOW).expect("fits");
    store.apply(&key(), &one("a=\"1\""), &step(99, 98), NOW, NOW).expect("fits");
    let cut = store.scrape(NOW);
    assert_eq!(cut.decided_at, cut.version);
}

#[test]
fn a_loss_that_was_found_is_decided() {
    let store = store();
    let reposition = |segment: u64, lost: u64| {
        store.reposition(&key(), |position| {
            *position = Some(Position::List(ListPosition { segment, remaining: None }));
            lost
        });
        let cut = store.scrape(NOW);
        cut.decided_at == cut.version
    };
    assert!(!reposition(2, 0));
    assert!(reposition(3, 1));
    assert!(!reposition(4, 0));
}
