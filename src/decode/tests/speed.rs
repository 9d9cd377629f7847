//! How long an event takes. Run it alone and optimised:
//! `cargo test --release --lib -- --ignored --nocapture decode::tests::speed`.

use std::hint::black_box;

use tokio::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement, and only meaningful when optimised"]
fn a_counter_with_three_labels_takes_less_than_a_microsecond() {
    let options = DecodeOptions {
        utf8_names: false,
        sort_labels: true,
        stream_pushes: StreamPushes::default(),
        hasher: SeriesHasher::default(),
    };
    let sorted = r#"{"type":"counter","name":"http_requests_total","value":1,"labels":{"code":"200","method":"GET","path":"/api/v1/items"}}"#;
    let shuffled = r#"{"type":"counter","name":"http_requests_total","value":1,"labels":{"path":"/api/v1/items","method":"GET","code":"200"}}"#;
    let array = format!("[{}]", vec![sorted; 1000].join(","));
    let histogram = r#"{"type":"histogram","name":"request_duration_seconds","value":0.75,"buckets":[0.1,0.5,1,5,10],"labels":{"code":"200"}}"#;
    for (what, json, payloads) in [
        ("sorted", sorted, 1000),
        ("shuffled", shuffled, 1000),
        ("array of 1000", &array, 1),
        ("histogram", histogram, 1000),
    ] {
        let mut best = f64::INFINITY;
        for _ in 0..200 {
            let entries = vec![payload(json); payloads];
            let start = Instant::now();
            let batch = black_box(decode(entries, &options));
            let elapsed = start.elapsed();
            assert_eq!((batch.events.len(), batch.bad.len()), (1000, 0));
            best = best.min(elapsed.as_secs_f64() * 1e9 / 1000.0);
        }
        println!("{what}: {best:.0} ns an event");
        assert!(best < 1000.0, "{what}: {best:.0} ns an event");
    }
}
