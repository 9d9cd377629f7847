//! How long a sample takes. Run it alone and optimised:
//! `cargo test --release --lib -- --ignored --nocapture exposition::tests::speed`.

use std::fmt::Write;
use std::hint::black_box;

use tokio::time::Instant;

use super::*;

const LINES: usize = 1_000_000;

/// Samples a second, at the least, of one core.
const EXPECTED: f64 = 3e6;

fn labelled() -> String {
    let mut body = String::from("# TYPE name counter\n");
    for line in 0..LINES {
        writeln!(body, "name{{a=\"b{line}\",c=\"d\"}} 1").expect("to memory");
    }
    body
}

fn histograms(one_by_one: bool) -> String {
    let mut body = String::from("# TYPE h histogram\n");
    let (series, buckets) = (LINES / 10, 10);
    for line in 0..LINES {
        // The lines of one series after each other, or those of one bound.
        let (at, bucket) = match one_by_one {
            true => (line / buckets, line % buckets),
            false => (line % series, line / series),
        };
        let bound = if bucket + 1 == buckets { "+Inf".into() } else { bucket.to_string() };
        writeln!(body, "h_bucket{{a=\"{at}\",le=\"{bound}\"}} {bucket}").expect("to memory");
    }
    body
}

#[test]
#[ignore = "a measurement, and only meaningful when optimised"]
fn three_million_samples_a_second() {
    let interleaved = (0..LINES).fold(String::new(), |mut body, line| {
        writeln!(body, "name_{}{{a=\"b\",c=\"d\"}} {line}", line % 100).expect("to memory");
        body
    });
    for (what, body, expected) in [
        ("labelled counters", labelled(), EXPECTED),
        ("100 families in turn", interleaved, EXPECTED / 2.0),
        ("histograms", histograms(true), EXPECTED / 2.0),
        ("histograms, shuffled", histograms(false), EXPECTED / 6.0),
    ] {
        let mut best = 0.0_f64;
        for _ in 0..5 {
            let start = Instant::now();
            let parsed = black_box(parse_text(&body));
            best = best.max(LINES as f64 / start.elapsed().as_secs_f64());
            assert!(!parsed.expect("a body").metrics.is_empty());
        }
        println!("{what}: {:.2} M samples a second", best / 1e6);
        assert!(best >= expected, "{what}: {best:.0} samples a second");
    }
}
