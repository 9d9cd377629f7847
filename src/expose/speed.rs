//! How long a page of a million series takes, format by format; run by hand:
//! `cargo test --release --lib expose::speed -- --ignored --nocapture`.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::test_cut::{NOW, scalars};
use super::{Escaping, Format, PageFormat, render};
use crate::model::MetricType;
use crate::store::Cut;

const SERIES: usize = 1_000_000;

#[test]
#[ignore = "measures, and only a release build is worth it"]
fn a_million_series() {
    let labels: Vec<String> = (0..SERIES)
        .map(|n| format!("host=\"web-{}\",path=\"/api/{}\",status=\"200\"", n % 1000, n / 1000))
        .collect();
    let rows: Vec<_> =
        labels.iter().enumerate().map(|(n, labels)| (labels.as_str(), n as f64)).collect();
    let mut family = scalars("http_requests_total", MetricType::Counter, &rows);
    family.created = vec![NOW; SERIES];
    let cut = Cut { families: vec![family], ..Cut::default() };
    for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
        for escaping in [Escaping::Underscores, Escaping::AllowUtf8] {
            for created_samples in [false, true] {
                let form = PageFormat { format, escaping, created_samples };
                let mut fastest = f64::INFINITY;
                let mut bytes = 0;
                for _ in 0..5 {
                    bytes = 0;
                    let started_at = Instant::now();
                    let _whole = render(&cut, &[], NOW, form, |chunk| {
                        bytes += chunk.len();
                        ControlFlow::Continue(())
                    });
                    fastest = fastest.min(started_at.elapsed().as_secs_f64());
                }
                assert!(bytes > SERIES * 40, "{bytes}");
                println!("{form:?}: {:.0} ms, {} MB", fastest * 1e3, bytes / 1_000_000);
            }
        }
    }
}
