//! How long a big push takes. Run it alone and optimised:
//! `cargo test --release --lib -- --ignored --nocapture decode::push::tests::speed`.

use std::hint::black_box;

use tokio::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement, and only meaningful when optimised"]
fn a_hundred_thousand_series_take_less_than_40_milliseconds() {
    let mut body = Body::default().family(MetricType::Counter, "http_requests_total");
    for index in 0..100_000 {
        body = body.scalar(&format!("path=/api/v1/items/{index},method=GET,code=200"), 1.0);
    }
    for dialect in [Dialect::Aggregate, Dialect::Sum, Dialect::Replace] {
        let request = request(dialect, Method::Post, &[("job", "batch"), ("region", "eu-west-1")]);
        let mut best = f64::INFINITY;
        for _ in 0..10 {
            let start = Instant::now();
            let write = black_box(write_with(&request, &body, &options())).expect("taken");
            best = best.min(start.elapsed().as_secs_f64() * 1e3);
            assert!(write.series.len() >= 100_000);
        }
        println!("{dialect:?}: {best:.1} ms");
        assert!(best < 40.0, "{dialect:?}: {best:.1} ms");
    }
}
