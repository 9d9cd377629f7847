//! The page of a store, letter by letter and as a whole.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use proptest::prelude::*;

use crate::expose::chunks::{CHUNK_BYTES, CHUNK_SLACK_BYTES};
use crate::expose::{self, Escaping, PageFormat, page, render, test_cut};
use crate::model::{Advance, ListPosition, MetricType, Position, SourceKey, SourceKind, Timestamp};
use crate::store::test_batch::BatchBuilder;
use crate::store::{Cut, Store};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A cut of a store that the events were applied to.
fn cut_of(events: impl FnOnce(BatchBuilder) -> BatchBuilder) -> Cut {
    let store = Store::new(10_000);
    let source = SourceKey { kind: SourceKind::List, key: "queue".into() };
    store.reposition(&source, |position| {
        *position = Some(Position::List(ListPosition { segment: 0, remaining: None }));
        0
    });
    let batch = events(BatchBuilder::new(store.hasher())).build();
    let advance = Advance::List { segment: 0, from: 1, to: 0 };
    store.apply(&source, &batch, &advance, NOW, NOW).expect("the first step fits");
    store.cut(NOW)
}

#[test]
fn the_page_is_what_prometheus_expects() {
    let cut = cut_of(|batch| {
        batch
            .histogram("request_seconds", r#"path="/""#, 0.3, &[0.1, 0.5, 1.0])
            .histogram("request_seconds", r#"path="/""#, 7.0, &[])
            .histogram("request_seconds", r#"path="/""#, 1.0, &[])
            .help("Durations:\n\"C:\\\" and more.")
            .counter("hits_total", "", 11.0)
            .counter("hits_total", r#"b="1",a="x\"y""#, 0.5)
            .gauge("z", "", f64::NEG_INFINITY)
            .summary("size_bytes", r#"a="1""#, 3.0, &[0.5, 0.99, 0.05, 0.001])
            .summary("plain", "", 3.0, &[])
    });
    let expected = r##"# TYPE hits_total counter
hits_total 11
hits_total{b="1",a="x\"y"} 0.5
# TYPE plain summary
plain_sum 3
plain_count 1
# HELP request_seconds Durations:\n"C:\\" and more.
# TYPE request_seconds histogram
request_seconds_bucket{path="/",le="0.1"} 0
request_seconds_bucket{path="/",le="0.5"} 1
request_seconds_bucket{path="/",le="1"} 2
request_seconds_bucket{path="/",le="+Inf"} 3
request_seconds_sum{path="/"} 8.3
request_seconds_count{path="/"} 3
# TYPE size_bytes summary
size_bytes{a="1",quantile="0.5"} 3
size_bytes{a="1",quantile="0.99"} 3
size_bytes_sum{a="1"} 3
size_bytes_count{a="1"} 1
# TYPE z gauge
z -Inf
"##;
    assert_eq!(page(&cut, NOW), expected);
    let later = Timestamp(NOW.0 + 11 * 60 * 1000);
    let expected = expected.replace("\"0.5\"} 3\nsize", "\"0.5\"} NaN\nsize");
    let expected = expected.replace("\"0.99\"} 3\n", "\"0.99\"} NaN\n");
    assert_eq!(page(&cut, later), expected, "the window is empty after ten minutes");
}

#[test]
fn everything_that_a_page_can_hold() {
    let form = |escaping| PageFormat { escaping, ..PageFormat::TEXT };
    let page = |escaping| {
        let bytes = expose::bytes(&test_cut::cut(), &[], test_cut::NOW, form(escaping));
        String::from_utf8(bytes).expect("UTF-8")
    };
    let escaped = r##"# TYPE bytes counter
bytes 1e21
# HELP jobs_total Jobs "done".\nAll of them: C:\\
# TYPE jobs_total counter
jobs_total{job="a"} 3
jobs_total{job="",instance=""} 0.5
# TYPE load_ratio gauge
load_ratio -1.5
load_ratio{w="1"} 2.5
# TYPE my__name__total counter
my__name__total 1
my__name__total{U__l_2e_a="\"",U__l_20_a="2",b="="} 2
my__name__total{l_a="4"} 3
# TYPE native histogram
native_bucket{n="1",le="+Inf"} 11
native_sum{n="1"} 7.5
native_count{n="1"} 11
native_bucket{n="2",le="+Inf"} 0
native_sum{n="2"} 0
native_count{n="2"} 0
# TYPE size summary
size{quantile="0.5"} 4
size_sum 4
size_count 1
size{q="1",quantile="0.9"} 2.5
size{q="1",quantile="1"} NaN
size_sum{q="1"} 70
size_count{q="1"} 7
# TYPE thing untyped
thing NaN
# TYPE wait_seconds histogram
wait_seconds_bucket{path="/",le="0.25"} 1
wait_seconds_bucket{path="/",le="1"} 1
wait_seconds_bucket{path="/",le="10"} 3
wait_seconds_bucket{path="/",le="+Inf"} 4
wait_seconds_sum{path="/"} 30.5
wait_seconds_count{path="/"} 4
wait_seconds_bucket{le="0.25"} 0
wait_seconds_bucket{le="1"} 0
wait_seconds_bucket{le="10"} 0
wait_seconds_bucket{le="+Inf"} 0
wait_seconds_sum 0
wait_seconds_count 0
"##;
    assert_eq!(page(Escaping::Underscores), escaped);
    let as_it_is = escaped
        .replace("# TYPE my__name__total", r#"# TYPE "my.\"name\"_total""#)
        .replace("my__name__total 1", r#"{"my.\"name\"_total"} 1"#)
        .replace("my__name__total{", r#"{"my.\"name\"_total","#)
        .replace("U__l_2e_a", "\"l.a\"")
        .replace("U__l_20_a", "\"l a\"");
    assert_eq!(page(Escaping::AllowUtf8), as_it_is);
}

#[test]
fn a_large_page_comes_in_chunks_that_add_up_and_stops_when_told() {
    let series = 9_000;
    let cut = cut_of(|batch| {
        (0..series)
            .fold(batch, |batch, n| batch.counter("c", &format!("n=\"{n:0>70}\""), f64::from(n)))
    });
    let mut chunks = Vec::new();
    let flow = render(&cut, &[], NOW, PageFormat::TEXT, |chunk| {
        chunks.push(chunk);
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    assert!(chunks.len() > 2, "{} chunks", chunks.len());
    let sizes: Vec<usize> = chunks.iter().map(Vec::len).collect();
    let full = CHUNK_BYTES..CHUNK_BYTES + CHUNK_SLACK_BYTES;
    assert!(sizes[..sizes.len() - 1].iter().all(|size| full.contains(size)), "{sizes:?}");
    let page = String::from_utf8(chunks.concat()).expect("UTF-8");
    assert_eq!(page.lines().count(), series as usize + 1);
    assert!(page.ends_with("8999\"} 8999\n"));

    let mut emitted = 0;
    let flow = render(&cut, &[], NOW, PageFormat::TEXT, |_| {
        emitted += 1;
        ControlFlow::Break(())
    });
    assert_eq!((flow, emitted), (ControlFlow::Break(()), 1));
}

/// Splits a sample line into the sample's identity and its value.
fn sample(line: &str) -> (&str, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
    (series, value.parse().expect("the value is a number"))
}

fn any_event() -> impl Strategy<Value = (MetricType, String, String, f64, Vec<f64>)> {
    use MetricType::{Counter, Gauge, Histogram, Summary};
    let shape = prop_oneof![
        Just((Counter, vec![])),
        Just((Gauge, vec![])),
        Just((Histogram, vec![])),
        Just((Histogram, vec![0.5, 2.0])),
        Just((Summary, vec![])),
        Just((Summary, vec![0.5, 0.5, 0.1, 0.1])),
        Just((Summary, vec![0.1, 0.9, 0.05, 0.05])),
    ];
    let name = prop_oneof![
        Just("x"),
        Just("x_count"),
        Just("x_sum"),
        Just("x_bucket"),
        Just("x_sum_count"),
        Just("x_count_bucket"),
        Just("y"),
    ];
    let labels = prop_oneof![
        Just(""),
        Just(r#"a="1""#),
        Just(r#"a="1",b="2""#),
        Just(r#"b="2",a="1""#),
        Just(r#"a="2""#),
    ];
    let value = prop_oneof![
        (-3..9_i32).prop_map(f64::from),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
    ];
    (shape, name, labels, value).prop_map(|((metric_type, numbers), name, labels, value)| {
        (metric_type, name.to_owned(), labels.to_owned(), value, numbers)
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_the_page_is_sound(events in prop::collection::vec(any_event(), 0..120)) {
        let cut = cut_of(|batch| {
            events.iter().fold(batch, |batch, (metric_type, name, labels, value, numbers)| {
                batch.event(*metric_type, name, labels, *value, numbers)
            })
        });
        let page = page(&cut, NOW);
        let mut families = Vec::new();
        let mut samples = HashMap::new();
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for line in page.lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                families.push(head.split_once(' ').expect("name and type").0);
                continue;
            }
            let (series, value) = sample(line);
            let family = families.last().expect("a TYPE line comes before its samples");
            let name = series.split('{').next().expect("a name");
            prop_assert!(name.starts_with(family), "{line} below {family}");
            // Each sample name belongs to one family, each sample stands once.
            prop_assert_eq!(*owners.entry(name).or_insert(family), *family);
            prop_assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
        prop_assert!(families.is_sorted());
        let once: HashSet<_> = families.iter().collect();
        prop_assert_eq!(once.len(), families.len());
        prop_assert_eq!(samples.len() as u64, cut.series);
        for (series, value) in &samples {
            let Some(at) = series.find("le=\"+Inf\"") else { continue };
            let labels = series[..at].trim_end_matches(',').split_once('{').expect("labels").1;
            let name = series.split("_bucket{").next().expect("a name");
            let count = match labels {
                "" => format!("{name}_count"),
                labels => format!("{name}_count{{{labels}}}"),
            };
            prop_assert_eq!(samples.get(&count), Some(value), "{}", series);
        }
        // A restored store serves the same page.
        let restored = Store::restore(cut, 10_000);
        prop_assert_eq!(expose::page(&restored.cut(NOW), NOW), page);
    }
}
