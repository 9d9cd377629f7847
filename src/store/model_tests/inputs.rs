//! What is done to store and model: few names, labels and groups, so that they meet often.

use super::*;
use crate::model::Combine;
use MetricType::{Counter, Gauge, Histogram, Summary, Untyped};

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(super) wait_seconds: u64,
    pub(super) restart: bool,
    pub(super) doings: Vec<Doing>,
}

#[derive(Clone, Debug)]
pub(super) enum Doing {
    Event(Event),
    Push(Pushed),
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) metric_type: MetricType,
    pub(super) name: &'static str,
    pub(super) labels: &'static str,
    pub(super) value: f64,
    pub(super) numbers: Vec<f64>,
    pub(super) help: &'static str,
    pub(super) mode: Mode,
}

#[derive(Clone, Debug)]
pub(super) enum Pushed {
    Write(Write),
    Events(Vec<Event>),
    DeleteGroup(&'static str),
    /// Pairs, and names that must be absent.
    DeleteMatching(Vec<&'static str>, Vec<&'static str>),
    Wipe,
}

#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) group: Option<(&'static str, bool)>,
    pub(super) key: Option<(u8, u64)>,
    pub(super) families: Vec<OneFamily>,
}

#[derive(Clone, Debug)]
pub(super) struct OneFamily {
    pub(super) name: &'static str,
    pub(super) metric_type: MetricType,
    pub(super) help: &'static str,
    pub(super) unit: &'static str,
    pub(super) clears: bool,
    pub(super) series: Vec<OneSeries>,
}

#[derive(Clone, Debug)]
pub(super) struct OneSeries {
    pub(super) labels: &'static str,
    pub(super) change: Change,
    pub(super) created: Option<u64>,
    pub(super) exemplar: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Scalar {
        combine: Combine,
        value: f64,
    },
    Windowed {
        mean: bool,
        seconds: u32,
        value: f64,
    },
    Histogram {
        combine: Combine,
        bounds: Vec<f64>,
        counts: Vec<u64>,
        sum: f64,
        native: Option<NativeHistogram>,
    },
    Summary {
        combine: Combine,
        count: u64,
        sum: f64,
        quantiles: Vec<f64>,
    },
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let doing =
        prop_oneof![2 => event().prop_map(Doing::Event), 3 => pushed().prop_map(Doing::Push)];
    let step = (0..20_u64, prop::bool::weighted(0.1), prop::collection::vec(doing, 1..4));
    let step =
        step.prop_map(|(wait_seconds, restart, doings)| Step { wait_seconds, restart, doings });
    prop::collection::vec(step, 1..25)
}

fn some<T: Clone + std::fmt::Debug + 'static>(of: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(of.to_vec())
}

fn name() -> impl Strategy<Value = &'static str> {
    some(&["a", "a", "a_count", "b"])
}

fn metric_type() -> impl Strategy<Value = MetricType> {
    some(&[Counter, Counter, Gauge, Gauge, Histogram, Summary, Untyped])
}

fn series_labels() -> impl Strategy<Value = &'static str> {
    some(&[
        "",
        r#"x="1""#,
        r#"x="2""#,
        r#"x="3""#,
        r#"x="1",y="2""#,
        r#"y="2",x="1""#,
        r#"y="2""#,
        r#"y="x=\"1\"""#,
        r#""x.y"="1""#,
        r#""x y"="1",x_y="1""#,
    ])
}

fn group() -> impl Strategy<Value = &'static str> {
    some(&[r#"job="1""#, r#"job="2""#, r#"job="3""#])
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => (0..9).prop_map(f64::from),
        2 => Just(-1.0),
        1 => some(&[f64::MAX, f64::INFINITY, f64::NAN]),
    ]
}

fn combine() -> impl Strategy<Value = Combine> {
    some(&[Combine::Add, Combine::Replace])
}

fn help() -> impl Strategy<Value = &'static str> {
    some(&["", "", "Help.", "Other help."])
}

fn event() -> impl Strategy<Value = Event> {
    let mode = some(&[
        Mode::Natural,
        Mode::Natural,
        Mode::Natural,
        Mode::Add,
        Mode::Replace,
        Mode::Family,
        Mode::Mean { window_seconds: 30 },
        Mode::Sum { window_seconds: 30 },
    ]);
    (metric_type(), name(), series_labels(), value(), help(), mode, bounds(), any::<bool>())
        .prop_map(|(metric_type, name, labels, value, help, mode, bounds, objective)| {
            let (numbers, mode) = match metric_type {
                Histogram => (bounds, Mode::Natural),
                Summary => (if objective { vec![0.5, 0.1] } else { vec![] }, Mode::Natural),
                _ => (vec![], mode),
            };
            Event { metric_type, name, labels, value, numbers, help, mode }
        })
}

fn bounds() -> impl Strategy<Value = Vec<f64>> {
    some(&[vec![], vec![1.0], vec![1.0, 5.0], vec![2.0, 5.0, 7.0]])
}

fn pushed() -> impl Strategy<Value = Pushed> {
    let pair = some(&[r#"x="1""#, r#"y="2""#]);
    prop_oneof![
        20 => write().prop_map(Pushed::Write),
        4 => prop::collection::vec(event(), 0..6).prop_map(Pushed::Events),
        2 => group().prop_map(Pushed::DeleteGroup),
        1 => (prop::collection::vec(pair, 1..3), prop::collection::vec(some(&["x", "y"]), 0..2))
            .prop_map(|(pairs, absent)| Pushed::DeleteMatching(pairs, absent)),
        1 => Just(Pushed::Wipe),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    let group = prop::option::of((group(), any::<bool>()));
    let key = prop::option::weighted(0.2, (0..3_u8, 0..2_u64));
    let families = prop::sample::subsequence(vec!["a", "a_count", "b"], 0..=3)
        .prop_flat_map(|names| names.into_iter().map(family).collect::<Vec<_>>());
    (group, key, families).prop_map(|(group, key, families)| Write { group, key, families })
}

fn family(name: &'static str) -> impl Strategy<Value = OneFamily> {
    let unit = some(&["", "seconds"]);
    (metric_type(), help(), unit, prop::bool::weighted(0.1)).prop_flat_map(
        move |(metric_type, help, unit, clears)| {
            let series = prop::collection::vec(series(metric_type), 0..4);
            series.prop_map(move |series| OneFamily {
                name,
                metric_type,
                help,
                unit,
                clears,
                series,
            })
        },
    )
}

fn series(metric_type: MetricType) -> impl Strategy<Value = OneSeries> {
    let change = match metric_type {
        Histogram => histogram().boxed(),
        Summary => summary().boxed(),
        _ => prop_oneof![
            4 => (combine(), value()).prop_map(|(combine, value)| Change::Scalar { combine, value }),
            1 => (any::<bool>(), some(&[30, 120]), value())
                .prop_map(|(mean, seconds, value)| Change::Windowed { mean, seconds, value }),
        ]
        .boxed(),
    };
    (series_labels(), change, prop::option::weighted(0.2, 0..5_u64), prop::bool::weighted(0.3))
        .prop_map(|(labels, change, created, exemplar)| OneSeries {
            labels,
            change,
            created,
            exemplar,
        })
}

fn histogram() -> impl Strategy<Value = Change> {
    let counts = prop::collection::vec(0..5_u64, 4);
    (combine(), bounds(), counts, value(), any::<bool>()).prop_map(
        |(combine, bounds, mut counts, sum, with_native)| {
            counts.truncate(bounds.len() + 1);
            let total = counts.iter().sum();
            let native = with_native
                .then(|| NativeHistogram { zero_count: total, ..NativeHistogram::default() });
            Change::Histogram { combine, bounds, counts, sum, native }
        },
    )
}

fn summary() -> impl Strategy<Value = Change> {
    let quantiles = some(&[vec![], vec![0.5, 3.0], vec![0.5, 0.9, 3.0, 4.0]]);
    (combine(), 0..5_u64, value(), quantiles).prop_map(|(combine, count, sum, quantiles)| {
        let quantiles = if combine == Combine::Replace { quantiles } else { vec![] };
        Change::Summary { combine, count, sum, quantiles }
    })
}
