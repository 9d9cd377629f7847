use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000);
const MINUTE: u64 = 60_000;

/// The window by the book: what each age bucket was given, kept whole.
struct Exact {
    turns_at: u64,
    buckets: VecDeque<Vec<f64>>,
}

impl Exact {
    fn new(now: Timestamp) -> Self {
        let buckets = vec![Vec::new(); AGE_BUCKETS].into();
        Self { turns_at: now.0 + 2 * MINUTE, buckets }
    }

    fn turn(&mut self, now: Timestamp) {
        while now.0 >= self.turns_at {
            self.buckets.pop_front();
            self.buckets.push_back(Vec::new());
            self.turns_at += 2 * MINUTE;
        }
    }

    fn observe(&mut self, value: f64, now: Timestamp) {
        self.turn(now);
        for bucket in &mut self.buckets {
            bucket.push(value);
        }
    }
}

fn objectives(pairs: &[(f64, f64)]) -> Vec<Objective> {
    pairs.iter().map(|&(quantile, epsilon)| Objective { quantile, epsilon }).collect()
}

/// Each answer must stand in the exact content with a rank within epsilon, and one for rounding.
fn check(window: &Window, exact: &mut Exact, objectives: &[Objective], now: Timestamp) {
    exact.turn(now);
    let mut content = exact.buckets[0].clone();
    content.sort_by(f64::total_cmp);
    let n = content.len() as f64;
    for (objective, answer) in objectives.iter().zip(window.quantiles(objectives, now)) {
        if content.is_empty() {
            assert!(answer.is_nan(), "{answer} of an empty window");
            continue;
        }
        let lowest = content.partition_point(|value| *value < answer) as f64 + 1.0;
        let highest = content.partition_point(|value| *value <= answer) as f64;
        assert!(lowest <= highest, "{answer} was never observed");
        let wanted = objective.quantile * n;
        let tolerance = objective.epsilon * n + 1.0;
        assert!(
            lowest <= wanted + tolerance && highest >= wanted - tolerance,
            "{objective:?}: ranks {lowest}..={highest} of {n}, wanted {wanted} ± {tolerance}"
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum Distribution {
    Uniform,
    Normal,
    Exponential,
    Zipf,
    Constant,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Random,
    Ascending,
    Descending,
    Sawtooth,
}

/// A small generator of its own, so that a failing case is reproduced by its seed.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn values(distribution: Distribution, order: Order, count: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut values: Vec<f64> = (0..count)
        .map(|_| match distribution {
            Distribution::Uniform => random.unit() * 100.0 - 50.0,
            Distribution::Normal => (0..12).map(|_| random.unit()).sum::<f64>() - 6.0,
            Distribution::Exponential => -(1.0 - random.unit()).ln(),
            Distribution::Zipf => (1.0 / (1.0 - random.unit())).min(1000.0).floor(),
            Distribution::Constant => 4.25,
        })
        .collect();
    match order {
        Order::Random => {}
        Order::Ascending => values.sort_by(f64::total_cmp),
        Order::Descending => values.sort_by(|a, b| b.total_cmp(a)),
        Order::Sawtooth => values.chunks_mut(777).for_each(|tooth| tooth.sort_by(f64::total_cmp)),
    }
    values
}

fn distribution() -> impl Strategy<Value = Distribution> {
    use Distribution::{Constant, Exponential, Normal, Uniform, Zipf};
    prop::sample::select(vec![Uniform, Normal, Exponential, Zipf, Constant])
}

fn order() -> impl Strategy<Value = Order> {
    use Order::{Ascending, Descending, Random, Sawtooth};
    prop::sample::select(vec![Random, Ascending, Descending, Sawtooth])
}

fn some_objectives() -> impl Strategy<Value = Vec<Objective>> {
    prop::sample::select(vec![
        objectives(&[(0.5, 0.05), (0.9, 0.01), (0.99, 0.001)]),
        objectives(&[(0.01, 0.001), (0.25, 0.02)]),
        objectives(&[(0.5, 0.01)]),
        objectives(&[(0.99, 0.05), (0.999, 0.0001)]),
        objectives(&[(0.05, 0.2), (0.5, 0.3), (0.95, 0.2)]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn answers_stay_within_epsilon(
        distribution in distribution(),
        order in order(),
        objectives in some_objectives(),
        count in 1_usize..8_000,
        milliseconds_between in prop::sample::select(vec![0_u64, 40, 1_000]),
        seed in any::<u64>(),
    ) {
        let mut window = Window::new(START);
        let mut exact = Exact::new(START);
        let mut now = START;
        for (at, value) in values(distribution, order, count, seed).into_iter().enumerate() {
            window.observe(&objectives, value, now);
            exact.observe(value, now);
            now.0 += milliseconds_between;
            if at % 1_500 == 700 {
                check(&window, &mut exact, &objectives, now);
            }
            if at == count / 2 {
                let parts = window.to_parts(&objectives);
                window = Window::from_parts(parts.clone()).expect("its own parts");
                prop_assert_eq!(window.to_parts(&objectives), parts);
            }
        }
        check(&window, &mut exact, &objectives, now);
        for minutes in [1, 3, 5, 7, 9, 11] {
            check(&window, &mut exact, &objectives, Timestamp(now.0 + minutes * MINUTE));
        }
    }
}

#[test]
fn many_observations_need_few_samples() {
    let objectives = objectives(&[(0.5, 0.05), (0.9, 0.01), (0.99, 0.001)]);
    for order in [Order::Random, Order::Ascending, Order::Descending, Order::Sawtooth] {
        let mut window = Window::new(START);
        let mut exact = Exact::new(START);
        for value in values(Distribution::Normal, order, 20_000, 7) {
            window.observe(&objectives, value, START);
            exact.observe(value, START);
        }
        check(&window, &mut exact, &objectives, START);
        let samples = window.to_parts(&objectives).sketches[0].samples.len();
        assert!(samples < 200, "{order:?}: {samples} samples of 20,000 observations");
    }
}

#[test]
fn an_observation_is_forgotten_after_eight_to_ten_minutes() {
    let objectives = objectives(&[(0.5, 0.05)]);
    let at = |minutes: u64| Timestamp(START.0 + minutes * MINUTE);
    let mut window = Window::new(START);
    assert!(window.quantiles(&objectives, START)[0].is_nan());
    window.observe(&objectives, 1.0, at(1));
    window.observe(&objectives, 2.0, at(9));
    assert_eq!(window.quantiles(&objectives, at(9)), [1.0]);
    assert_eq!(window.quantiles(&objectives, at(10)), [2.0]);
    assert_eq!(window.quantiles(&objectives, at(17)), [2.0]);
    assert!(window.quantiles(&objectives, at(18))[0].is_nan());
    // Long idle: several turns at once, then a fresh start in step with the old turns.
    window.observe(&objectives, 3.0, at(1_001));
    assert_eq!(window.to_parts(&objectives).turns_at, at(1_002));
    assert_eq!(window.quantiles(&objectives, at(1_001)), [3.0]);
}

#[test]
fn when_the_clock_is_set_a_window_is_as_old_as_it_was() {
    let objectives = objectives(&[(0.5, 0.05)]);
    let mut window = Window::new(START);
    window.observe(&objectives, 1.0, START);
    for milliseconds in [-36_000_000, 72_000_000] {
        let step = ClockStep { milliseconds };
        let moved = window.moved(step).expect("moved");
        for minutes in 0..12 {
            let now = Timestamp(START.0 + minutes * MINUTE);
            let (before, after) = (
                window.quantiles(&objectives, now)[0],
                moved.quantiles(&objectives, step.moved(now))[0],
            );
            assert!(before == after || before.is_nan() && after.is_nan(), "{minutes} min");
        }
    }
}

#[test]
fn a_window_of_a_snapshot_from_a_time_to_come_turns_in_time() {
    let objectives = objectives(&[(0.5, 0.05)]);
    let mut window = Window::new(START);
    window.observe(&objectives, 1.0, START);
    assert!(window.capped(START).is_none());
    let past = Timestamp(START.0 - 600 * MINUTE);
    let window = window.capped(past).expect("capped");
    assert_eq!(window.to_parts(&objectives).turns_at, Timestamp(past.0 + 2 * MINUTE));
    assert!(window.quantiles(&objectives, Timestamp(past.0 + 10 * MINUTE))[0].is_nan());
}

#[test]
fn a_copy_does_not_see_later_observations() {
    let objectives = objectives(&[(0.5, 0.01)]);
    let mut window = Window::new(START);
    for value in 0..400 {
        window.observe(&objectives, f64::from(value), START);
    }
    let copy = window.clone();
    let before = copy.to_parts(&objectives);
    for _ in 0..1_000 {
        window.observe(&objectives, 1e6, START);
    }
    assert_eq!(copy.to_parts(&objectives), before);
    assert_eq!(before.sketches[0].observations, 400);
    assert_eq!(window.to_parts(&objectives).sketches[0].observations, 1_400);
}

#[test]
fn parts_that_are_no_window_are_refused() {
    let parts = Window::new(START).to_parts(&[]);
    assert_eq!(parts.sketches.len(), AGE_BUCKETS);
    let with = |change: fn(&mut WindowParts)| {
        let mut parts = parts.clone();
        change(&mut parts);
        Window::from_parts(parts)
    };
    assert!(with(|_| ()).is_some());
    assert!(with(|parts| drop(parts.sketches.pop())).is_none());
    assert!(with(|parts| parts.sketches.push(SketchParts::default())).is_none());
    assert!(with(|parts| parts.sketches[2].observations = 1).is_none());
}
