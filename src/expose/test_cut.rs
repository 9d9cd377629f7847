//! A cut with everything that a page can hold, for the tests of every format.

use std::sync::Arc;

use crate::model::{Exemplar, MetricType, NativeHistogram, Timestamp, WindowedValue};
use crate::store::decaying_window::{DecayingWindow, Slot};
use crate::store::summary::{Objective, Window};
use crate::store::{Cut, Family, TextColumn, Values};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_100_000);
const CREATED: Timestamp = Timestamp(1_700_000_000_120);

/// One family of each kind, each with something special.
pub(crate) fn cut() -> Cut {
    let families = vec![
        jobs(),
        odd_counter(),
        gauge(),
        untyped(),
        histogram(),
        native(),
        summary(),
        utf8(),
        Family::empty("nothing", MetricType::Gauge),
    ];
    Cut { taken_at: NOW, families, ..Cut::default() }
}

pub(crate) fn scalars(name: &str, metric_type: MetricType, rows: &[(&str, f64)]) -> Family {
    Family {
        labels: rows.iter().map(|(labels, _)| *labels).collect(),
        values: Values::Scalars(rows.iter().map(|(_, value)| *value).collect()),
        ..Family::empty(name, metric_type)
    }
}

pub(crate) fn exemplar(labels: &str, value: f64, timestamp: Option<Timestamp>) -> Arc<Exemplar> {
    Arc::new(Exemplar { labels: labels.into(), value, timestamp })
}

/// A counter whose second row was removed, and whose exemplars are short and too long.
fn jobs() -> Family {
    let rows = [(r#"job="a""#, 3.0), (r#"job="gone""#, 1.0), (r#"job="",instance="""#, 0.5)];
    let mut family = scalars("jobs_total", MetricType::Counter, &rows);
    family.help = "Jobs \"done\".\nAll of them: C:\\".into();
    family.created = vec![CREATED, CREATED, Timestamp::default()];
    assert!(family.removed.insert(1));
    let short = exemplar(r#"trace_id="4b\"f9""#, 0.5, Some(Timestamp(1_700_000_000_007)));
    family.exemplars.set(0, Some(Arc::new([(0, short)])));
    let long = exemplar(&format!("trace_id=\"{}\"", "é".repeat(121)), 1.0, None);
    family.exemplars.set(2, Some(Arc::new([(0, long)])));
    family
}

/// A counter that OpenMetrics does not take for one.
fn odd_counter() -> Family {
    let mut family = scalars("bytes", MetricType::Counter, &[("", 1e21)]);
    family.created = vec![CREATED];
    family
}

/// A gauge with a unit, and a row that decays.
fn gauge() -> Family {
    let mut family = scalars("load_ratio", MetricType::Gauge, &[("", -1.5), (r#"w="1""#, 9.0)]);
    family.unit = "ratio".into();
    let window = DecayingWindow {
        shows: WindowedValue::Mean,
        window_seconds: 300,
        slots: vec![Slot { number: NOW.0 / 5_000, sum: 5.0, count: 2 }],
    };
    family.windows.set(1, Some(Arc::new(window)));
    family
}

fn untyped() -> Family {
    scalars("thing", MetricType::Untyped, &[("", f64::NAN)])
}

/// Classic buckets with exemplars.
fn histogram() -> Family {
    let mut family = Family {
        labels: TextColumn::from_iter([r#"path="/""#, ""]),
        values: Values::Histograms {
            bounds: [0.25, 1.0, 10.0].into(),
            counts: vec![1, 0, 2, 1, 0, 0, 0, 0],
            sums: vec![30.5, 0.0],
        },
        unit: "seconds".into(),
        created: vec![CREATED, Timestamp::default()],
        ..Family::empty("wait_seconds", MetricType::Histogram)
    };
    let first = exemplar(r#"id="1""#, 0.2, None);
    let last = exemplar("", 20.0, Some(Timestamp(1_700_000_001_000)));
    family.exemplars.set(0, Some(Arc::new([(0, first), (3, last)])));
    family
}

/// Native buckets: with observations, and without any.
fn native() -> Family {
    let mut family = Family {
        labels: TextColumn::from_iter([r#"n="1""#, r#"n="2""#]),
        values: Values::Histograms { bounds: [].into(), counts: vec![11, 0], sums: vec![7.5, 0.0] },
        ..Family::empty("native", MetricType::Histogram)
    };
    let full = NativeHistogram {
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 2,
        positive: vec![(-2, 1), (-1, 3), (0, 1), (4, 2)],
        negative: vec![(5, 2)],
    };
    family.natives.set(0, Some(Arc::new(full)));
    family.natives.set(1, Some(Arc::new(NativeHistogram::default())));
    family
}

/// One row of estimates, one whose quantiles were pushed.
fn summary() -> Family {
    let objectives = [Objective { quantile: 0.5, epsilon: 0.05 }];
    let mut window = Window::new(NOW);
    window.observe(&objectives, 4.0, NOW);
    let window = Arc::new(window);
    let mut family = Family {
        labels: TextColumn::from_iter(["", r#"q="1""#]),
        values: Values::Summaries {
            objectives: objectives.into(),
            counts: vec![1, 7],
            sums: vec![4.0, 70.0],
            windows: vec![Arc::clone(&window), window],
        },
        created: vec![CREATED, CREATED],
        ..Family::empty("size", MetricType::Summary)
    };
    family.quantiles.set(1, Some(Arc::new([(0.9, 2.5), (1.0, f64::NAN)])));
    family
}

/// Names that not every reader takes, and one that they must not become.
fn utf8() -> Family {
    scalars(
        "my.\"name\"_total",
        MetricType::Counter,
        &[("", 1.0), (r#""l.a"="\"","l a"="2",b="=""#, 2.0), (r#"l_a="4""#, 3.0)],
    )
}
