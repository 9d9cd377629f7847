use super::super::family::Values;
use super::super::test_batch::BatchBuilder;
use super::*;
use crate::model::{MetricType, Reason};

const NOW: Timestamp = Timestamp(1_000);

struct Fixture {
    aggregates: Aggregates,
    hasher: SeriesHasher,
}

impl Fixture {
    fn new(max_series: u64) -> Self {
        let hasher = SeriesHasher::default();
        let remains = Remains { families: Vec::new(), groups: Vec::new(), keys: Vec::new() };
        Self { aggregates: Aggregates::restore(remains, max_series, &hasher), hasher }
    }

    /// Applies one event after the other; returns the reasons of those refused.
    fn apply(&mut self, events: impl FnOnce(BatchBuilder) -> BatchBuilder) -> Vec<Reason> {
        let batch = events(BatchBuilder::new(self.hasher.clone())).build();
        let applied = self.aggregates.apply(&batch, NOW, NOW);
        assert_eq!(applied.processed + applied.refused.len() as u64, batch.events.len() as u64);
        applied.refused.into_iter().map(|bad| bad.reason).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.aggregates.families().map(|family| &*family.name).collect()
    }

    fn scalar(&self, family: usize, row: usize) -> f64 {
        match &self.aggregates.families[family].values {
            Values::Scalars(values) => values[row],
            other => panic!("not scalars: {other:?}"),
        }
    }
}

#[test]
fn labels_in_another_order_are_the_same_series_and_keep_the_first_order() {
    let mut fixture = Fixture::new(10);
    let refused = fixture.apply(|batch| {
        batch.counter("x", r#"b="2",a="1""#, 1.0).counter("x", r#"a="1",b="2""#, 2.0).counter(
            "x",
            r#"a="2",b="1""#,
            4.0,
        )
    });
    assert_eq!(refused, []);
    let labels: Vec<_> = fixture.aggregates.families[0].labels.iter().collect();
    assert_eq!(labels, [r#"b="2",a="1""#, r#"a="2",b="1""#]);
    assert_eq!((fixture.scalar(0, 0), fixture.scalar(0, 1)), (3.0, 4.0));
}

#[test]
fn a_gauge_takes_the_last_value_of_a_long_batch() {
    let mut fixture = Fixture::new(1000);
    // More events than are looked up together, with series that appear midway.
    let refused = fixture.apply(|batch| {
        (0..300).fold(batch, |batch, n| {
            batch.gauge("g", &format!("n=\"{}\"", n % 100), f64::from(n)).counter("c", "", 1.0)
        })
    });
    assert_eq!(refused, []);
    assert_eq!(fixture.aggregates.series(), 101);
    for row in 0..100 {
        assert_eq!(fixture.scalar(0, row), 200.0 + row as f64);
    }
    assert_eq!(fixture.scalar(1, 0), 300.0);
}

#[test]
fn the_first_type_stays() {
    let mut fixture = Fixture::new(100);
    let refused = fixture.apply(|batch| {
        batch
            .counter("x", "", 1.0)
            .gauge("x", "", 5.0)
            .histogram("x", "a=\"1\"", 1.0, &[1.0])
            .counter("x", "", 1.0)
    });
    assert_eq!(refused, [Reason::TypeConflict, Reason::TypeConflict]);
    assert_eq!(fixture.scalar(0, 0), 2.0);
    assert_eq!(fixture.aggregates.series(), 1);
}

#[test]
fn names_that_would_be_served_twice_conflict_in_either_order() {
    use MetricType::{Counter, Gauge, Histogram, Summary};
    let cases = [
        (Histogram, "x", Counter, "x_count", true),
        (Histogram, "x", Gauge, "x_sum", true),
        (Histogram, "x", Counter, "x_bucket", true),
        (Summary, "x", Counter, "x_count", true),
        (Summary, "x", Counter, "x_bucket", false),
        (Summary, "x", Histogram, "x_sum", true),
        (Histogram, "x", Summary, "x_total", false),
        (Histogram, "x", Histogram, "x_count", true),
        (Counter, "x", Counter, "x_count", false),
    ];
    for (first, first_name, second, second_name, conflict) in cases {
        let expected: &[Reason] = if conflict { &[Reason::NameConflict] } else { &[] };
        for reversed in [false, true] {
            let mut events = [(first, first_name), (second, second_name)];
            if reversed {
                events.reverse();
            }
            let mut fixture = Fixture::new(100);
            let refused = fixture.apply(|batch| {
                events.iter().fold(batch, |batch, (metric_type, name)| {
                    batch.event(*metric_type, name, "", 1.0, &[])
                })
            });
            assert_eq!(refused, expected, "{events:?}");
            assert_eq!(fixture.names().len(), if conflict { 1 } else { 2 }, "{events:?}");
        }
    }
}

#[test]
fn a_refused_event_leaves_nothing_behind() {
    let mut fixture = Fixture::new(4);
    let refused = fixture.apply(|batch| {
        batch
            .counter("x", "", -1.0)
            .help("Refused help.")
            .counter("x", "", f64::NAN)
            .summary("x", "", f64::INFINITY, &[])
            .histogram("x", "", 1.0, &[1.0, 2.0])
    });
    let invalid = Reason::InvalidValue;
    assert_eq!(refused, [Reason::NegativeCounter, invalid, invalid, Reason::SeriesLimit]);
    assert!(fixture.names().is_empty());
    assert_eq!(fixture.aggregates.series(), 0);
    // Neither type nor claimed names nor help text stuck.
    let refused = fixture.apply(|batch| batch.gauge("x", "", 1.0).gauge("x_count", "", 1.0));
    assert_eq!(refused, []);
    assert_eq!(&*fixture.aggregates.families[0].help, "");
}

#[test]
fn the_limit_counts_served_series() {
    let mut fixture = Fixture::new(10);
    let refused = fixture.apply(|batch| {
        batch
            .histogram("h", "", 1.0, &[1.0, 2.0]) // 5
            .histogram("h", "a=\"1\"", 1.0, &[7.0]) // 5: the family's buckets count
            .histogram("h", "a=\"2\"", 1.0, &[7.0])
            .counter("c", "", 1.0)
            .histogram("h", "", 1.0, &[])
    });
    assert_eq!(refused, [Reason::SeriesLimit, Reason::SeriesLimit]);
    assert_eq!(fixture.aggregates.series(), 10);
    let mut fixture = Fixture::new(5);
    let refused = fixture.apply(|batch| {
        batch
            .summary("s", "", 1.0, &[0.5, 0.9, 0.05, 0.01]) // 4
            .gauge("g", "", 1.0)
            .gauge("g", "a=\"1\"", 1.0)
    });
    assert_eq!(refused, [Reason::SeriesLimit]);
    assert_eq!(fixture.aggregates.series(), 5);
}

#[test]
fn the_first_help_buckets_and_objectives_win() {
    let mut fixture = Fixture::new(100);
    let refused = fixture.apply(|batch| {
        batch
            .histogram("h", "", 1.0, &[1.0, 2.0])
            .histogram("h", "", 1.0, &[9.0])
            .help("First.")
            .histogram("h", "a=\"1\"", 1.0, &[9.0])
            .help("Second.")
            .summary("s", "", 1.0, &[0.5, 0.05])
            .summary("s", "a=\"1\"", 1.0, &[0.9, 0.01])
    });
    assert_eq!(refused, []);
    let [histogram, summary] = fixture.aggregates.families.as_slice() else {
        panic!("two families expected: {:?}", fixture.names());
    };
    assert_eq!(&*histogram.help, "First.");
    assert!(
        matches!(&histogram.values, Values::Histograms { bounds, .. } if **bounds == [1.0, 2.0])
    );
    let Values::Summaries { objectives, windows, .. } = &summary.values else {
        panic!("not summaries: {summary:?}");
    };
    assert_eq!(objectives.iter().map(|objective| objective.quantile).collect::<Vec<_>>(), [0.5]);
    assert_eq!(windows.len(), 2);
}

#[test]
fn equal_hashes_do_not_mix_series() {
    let mut fixture = Fixture::new(100);
    let mut batch = BatchBuilder::new(fixture.hasher.clone())
        .counter("x", "a=\"1\"", 1.0)
        .counter("x", "a=\"2\"", 2.0)
        .counter("y", "a=\"1\"", 4.0)
        .counter("x", "a=\"2\"", 8.0)
        .build();
    for event in &mut batch.events {
        event.hash = 42;
    }
    for _ in 0..2 {
        assert_eq!(fixture.aggregates.apply(&batch, NOW, NOW).processed, 4);
    }
    assert_eq!(fixture.scalar(0, 0), 2.0);
    assert_eq!(fixture.scalar(0, 1), 20.0);
    assert_eq!(fixture.scalar(1, 0), 8.0);
}
