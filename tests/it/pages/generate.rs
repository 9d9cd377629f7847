//! States made up at random: names that get into each other's way, labels that are hard to quote,
//! values at the edges.

use std::collections::BTreeSet;
use std::sync::Arc;

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::model::{Exemplar, MetricType, Timestamp, WindowedValue, labels};
use prom_stream_gateway::store::decaying_window::{DecayingWindow, Slot};
use prom_stream_gateway::store::summary::{Objective, Window};
use prom_stream_gateway::store::{Cut, Family, Values};

pub(super) const NOW: Timestamp = Timestamp(1_700_000_100_000);

const NAMES: [&str; 26] = [
    "a",
    "a_total",
    "a_total_total",
    "a_created",
    "a_total_created",
    "a_bucket",
    "a_sum",
    "a_count",
    "x_total",
    "_",
    ":",
    "a:b",
    "a.b",
    "a/b",
    "a_b",
    "U__a_2e_b",
    "a_dot_b",
    "é",
    "a.b_total",
    "\"\\\n",
    "b c{d=\"e\"}",
    "b_seconds",
    "b.seconds_total",
    "9",
    "n\0",
    "n_\n",
];
const LABELS: [&str; 13] =
    ["a\0", "a", "b", "a_b", "a.b", "a b", "_a", "..a", "é", "\"", "a\\\n,=", "a:b", "U__a_2e_b"];
const TEXTS: [&str; 10] =
    ["\r\u{1}\u{feff}", "", "1", "x y", "\"", "\\", "\n", "\",b=\"", "=", "ü{}# "];
const NUMBERS: [f64; 9] =
    [0.0, 1.0, -1.0, 0.5, 1e21, 1e-7, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
/// No escaped quotes: the reference parser loses its way there.
const EXEMPLARS: [&str; 5] =
    ["a=\"\0\"", "", r#"trace_id="4bf9""#, r#""span.id"="ü{}# ",a="x y""#, r#"a_b="\\","a.b"="=""#];
const UNITS: [&str; 4] = ["\n", "", "seconds", "b"];

/// A state as the store would let it become: no sample name is two families'.
pub(super) fn cut(random: &mut Random) -> Cut {
    let mut taken = BTreeSet::new();
    let mut families = Vec::new();
    for _ in 0..1 + random.below(9) {
        let metric_type = pick(random, &MetricType::ALL);
        let family = Family::empty(pick(random, &NAMES), metric_type);
        let names: Vec<_> = family.sample_names().collect();
        if names.iter().all(|name| !taken.contains(name)) {
            taken.extend(names);
            families.push(filled(random, family));
        }
    }
    Cut { taken_at: NOW, families, ..Cut::default() }
}

fn filled(random: &mut Random, mut family: Family) -> Family {
    let label_texts = label_texts(random);
    let rows = label_texts.len();
    family.labels = label_texts.iter().map(String::as_str).collect();
    family.help = pick(random, &TEXTS).into();
    family.unit = pick(random, &UNITS).into();
    if !matches!(family.metric_type, MetricType::Gauge | MetricType::Untyped) {
        family.created =
            (0..rows).map(|_| Timestamp(random.below(2) * 1_700_000_000_120)).collect();
    }
    let exemplar = |random: &mut Random| {
        let too_long = format!("z=\"{}\"", "é".repeat(128));
        let labels = if random.below(4) == 0 { &too_long } else { pick(random, &EXEMPLARS) };
        let timestamp = (random.below(2) == 0).then_some(Timestamp(1_700_000_000_007));
        Arc::new(Exemplar { labels: labels.into(), value: 0.5, timestamp })
    };
    // Mostly what all formats like: nothing below zero.
    let tame = random.below(3) > 0;
    let number = |random: &mut Random| if tame { 2.5 } else { pick(random, &NUMBERS) };
    family.values = match family.metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => {
            if family.metric_type == MetricType::Counter {
                family.exemplars.set(0, Some(Arc::new([(0, exemplar(random))])));
            }
            if random.below(3) == 0 {
                family.windows.set(0, Some(Arc::new(window(number(random)))));
            }
            Values::Scalars((0..rows).map(|_| number(random)).collect())
        }
        MetricType::Histogram => {
            let bounds: &[f64] = pick(random, &[&[][..], &[0.25, 1.0], &[-1.0, 2.0], &[0.0]]);
            let buckets = bounds.len() + 1;
            let at = random.below(buckets as u64) as u32;
            family.exemplars.set(0, Some(Arc::new([(at, exemplar(random))])));
            Values::Histograms {
                bounds: bounds.into(),
                counts: (0..rows * buckets).map(|_| random.below(3)).collect(),
                sums: (0..rows).map(|_| number(random)).collect(),
            }
        }
        MetricType::Summary => {
            let objectives = [0.0, 0.5].map(|quantile| Objective { quantile, epsilon: 0.05 });
            if random.below(2) == 0 {
                let pushed = [(0.5, number(random)), (1.0, f64::NAN)];
                family.quantiles.set(0, Some(Arc::new(pushed)));
            }
            let window = |value: f64| {
                let mut window = Window::new(NOW);
                if value.is_finite() {
                    window.observe(&objectives, value, NOW);
                }
                Arc::new(window)
            };
            Values::Summaries {
                objectives: objectives.into(),
                counts: (0..rows).map(|_| random.below(3)).collect(),
                sums: (0..rows).map(|_| number(random)).collect(),
                windows: (0..rows).map(|_| window(number(random))).collect(),
            }
        }
    };
    family
}

/// Different label sets; none at all now and then, which is a family without series.
fn label_texts(random: &mut Random) -> Vec<String> {
    let texts: BTreeSet<String> = (0..random.below(6)).map(|_| label_text(random)).collect();
    texts.into_iter().collect()
}

/// Names in their order, each once.
fn label_text(random: &mut Random) -> String {
    let names: Vec<&str> = LABELS.into_iter().filter(|_| random.below(4) == 0).collect();
    labels::text(names.into_iter().map(|name| (name, pick(random, &TEXTS))))
}

fn window(sum: f64) -> DecayingWindow {
    DecayingWindow {
        shows: WindowedValue::Sum,
        window_seconds: 300,
        slots: vec![Slot { number: NOW.0 / 5_000, sum, count: 1 }],
    }
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}
