//! How fast it is.

use super::*;
use crate::model::MetricType;
use crate::store::summary::{Objective, Window};
use crate::store::{Family, TextColumn};

#[test]
#[ignore = "a measurement: cargo test --release --lib -- --ignored --nocapture a_million_series"]
fn a_million_series() {
    const ROWS: u64 = 1_000_000;
    let labels = || -> TextColumn {
        let mut column = TextColumn::default();
        for row in 0..ROWS {
            column.push(&format!("instance=\"host-{}\",path=\"/api/v1/{row}\"", row % 1000));
        }
        column
    };
    let family = |name: &str, metric_type, labels, values| Family {
        help: "Help.".into(),
        labels,
        values,
        ..Family::empty(name, metric_type)
    };
    let random = |row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let scalars = (0..ROWS).map(|row| random(row) as f64).collect();
    let created = (0..ROWS).map(|row| Timestamp(NOW.0 + row / 64)).collect();
    let counters = Family {
        created,
        ..family("a_total", MetricType::Counter, labels(), Values::Scalars(scalars))
    };
    measure("1M counters", Cut { families: vec![counters], ..Cut::default() });

    let histograms = Values::Histograms {
        bounds: [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].into(),
        counts: (0..ROWS * 11).map(|at| random(at) % 1000).collect(),
        sums: (0..ROWS).map(|row| random(row) as f64 / 7.0).collect(),
    };
    let histograms = family("b", MetricType::Histogram, labels(), histograms);
    measure("1M histograms of 10 buckets", Cut { families: vec![histograms], ..Cut::default() });

    let objectives: Arc<[Objective]> =
        [0.5, 0.9, 0.99].map(|quantile| Objective { quantile, epsilon: 0.01 }).into();
    let window = |row: u64| {
        let mut window = Window::new(NOW);
        for at in 0..10 {
            window.observe(&objectives, random(row * 10 + at) as f64, NOW);
        }
        Arc::new(window)
    };
    let rows = 100_000;
    let summaries = Values::Summaries {
        objectives: objectives.clone(),
        counts: vec![10; rows],
        sums: vec![1.5; rows],
        windows: (0..rows as u64).map(window).collect(),
    };
    let mut column = TextColumn::default();
    for row in 0..rows {
        column.push(&format!("path=\"/{row}\""));
    }
    let summaries = family("c", MetricType::Summary, column, summaries);
    measure(
        "100k summaries of 10 observations",
        Cut { families: vec![summaries], ..Cut::default() },
    );
}

fn measure(what: &str, cut: Cut) {
    let started = tokio::time::Instant::now();
    let file = encode(&meta(), &cut).unwrap();
    let encoded = started.elapsed();
    let started = tokio::time::Instant::now();
    let decoded = decode(&file).unwrap();
    println!(
        "{what}: encode {encoded:?}, decode {:?}, {:.1} MiB",
        started.elapsed(),
        file.len() as f64 / f64::from(1 << 20),
    );
    assert_eq!(decoded.cut.families[0].labels.len(), cut.families[0].labels.len());
}
