//! Names, labels and the text itself.

use super::*;
use crate::expose::{PageFormat, bytes};
use crate::model::{SourceKey, SourceKind, Timestamp};
use crate::store::Cut;

fn page(metrics: &OwnMetrics) -> String {
    page_of(&metrics.families())
}

fn page_of(families: &[Family]) -> String {
    let page = bytes(&Cut::default(), families, Timestamp::now(), PageFormat::TEXT);
    String::from_utf8(page).expect("text")
}

/// Each family's name and its text.
fn each(metrics: &OwnMetrics) -> Vec<(String, String)> {
    let families = metrics.families();
    families
        .iter()
        .map(|family| (family.name.to_string(), page_of(std::slice::from_ref(family))))
        .collect()
}

fn with_sources(keys: &[(SourceKind, &str)]) -> OwnMetrics {
    let status = Status::new();
    for (kind, key) in keys {
        status.source(&SourceKey { kind: *kind, key: (*key).into() }, |source| {
            source.connected = true;
            source.lag_entries = 3;
            source.lag_seconds = 1.5;
            source.empty_reads = 2;
        });
    }
    status.checkpoint(|checkpoint| {
        checkpoint.successes = 3;
        checkpoint.whole_snapshots = 2;
        checkpoint.generation = Some("0000000003-0000000012".into());
        checkpoint.last_success_timestamp_seconds = Some(1_700_000_000.25);
        checkpoint.size_bytes = 4096;
    });
    OwnMetrics::new(status, LateStore::default(), DeadLetters::new(10), false)
}

fn assert_has(page: &str, line: &str) {
    assert!(page.lines().any(|candidate| candidate == line), "no {line:?} in\n{page}");
}

#[test]
fn disabled_they_are_reduced_to_the_info() {
    let metrics = OwnMetrics::new(Status::new(), LateStore::default(), DeadLetters::new(10), true);
    let families = each(&metrics);
    assert_eq!(families.len(), 1);
    assert_eq!(families[0].0, "prom_stream_gateway_info");
    assert!(
        families[0]
            .1
            .ends_with("# TYPE prom_stream_gateway_info gauge\nprom_stream_gateway_info 1\n")
    );
}

#[test]
fn families_are_sorted_and_each_text_is_one_family() {
    let families = each(&with_sources(&[(SourceKind::List, "q")]));
    assert!(families.is_sorted_by(|a, b| a.0 < b.0));
    for (name, text) in &families {
        assert!(text.starts_with(&format!("# HELP {name} ")), "{text}");
        assert_eq!(text.matches("# TYPE ").count(), 1, "{text}");
        assert!(text.ends_with('\n'), "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        for sample in samples {
            assert!(sample.starts_with(name.as_str()), "{sample}");
            let (_, value) = sample.rsplit_once(' ').expect("a sample has a value");
            value.parse::<f64>().expect("a value is a number");
        }
    }
}

#[test]
fn numbers_come_from_the_status() {
    let page = page(&with_sources(&[(SourceKind::List, "q"), (SourceKind::Group, "s")]));
    for line in [
        "prom_stream_gateway_redis_queue_empty_pops_total{queueKey=\"q\",worker=\"0\"} 2",
        "prom_stream_gateway_redis_queue_pending_size{queueKey=\"s\"} 3",
        "prom_stream_gateway_source_lag_seconds{key=\"s\",source=\"group\"} 1.5",
        "prom_stream_gateway_source_connected{key=\"q\",source=\"list\"} 1",
        "prom_stream_gateway_checkpoint_last_success_timestamp_seconds 1700000000.25",
        "prom_stream_gateway_checkpoint_generation_epoch 3",
        "prom_stream_gateway_checkpoint_generation_sequence 12",
        "prom_stream_gateway_checkpoint_size_bytes 4096",
        "prom_stream_gateway_checkpoints_total 3",
        "prom_stream_gateway_checkpoint_whole_snapshots_total 2",
        "prom_stream_gateway_ready 0",
        "prom_stream_gateway_degraded 0",
        "prom_stream_gateway_owner 0",
    ] {
        assert_has(&page, line);
    }
    assert!(page.contains("\nprocess_open_fds "), "{page}");
}

#[test]
fn one_key_of_two_kinds_of_source_is_one_sample() {
    let page = page(&with_sources(&[(SourceKind::Group, "s"), (SourceKind::Reader, "s")]));
    assert_has(&page, "prom_stream_gateway_redis_queue_pending_size{queueKey=\"s\"} 6");
    assert_eq!(page.matches("\nprom_stream_gateway_redis_queue_pending_size{").count(), 1);
}

#[test]
fn keys_are_escaped() {
    let page = page(&with_sources(&[(SourceKind::List, "a\"b\\c\nd")]));
    assert_has(&page, r#"prom_stream_gateway_redis_queue_pending_size{queueKey="a\"b\\c\nd"} 3"#);
}

#[test]
fn durations_are_histograms() {
    let metrics = with_sources(&[]);
    metrics.observe_apply(Duration::from_millis(2));
    metrics.observe_scrape(Duration::from_secs(20));
    let page = page(&metrics);
    for line in [
        "prom_stream_gateway_apply_duration_seconds_bucket{le=\"0.001\"} 0",
        "prom_stream_gateway_apply_duration_seconds_bucket{le=\"0.0025\"} 1",
        "prom_stream_gateway_scrape_duration_seconds_bucket{le=\"10\"} 0",
        "prom_stream_gateway_scrape_duration_seconds_bucket{le=\"+Inf\"} 1",
        "prom_stream_gateway_scrape_duration_seconds_sum 20",
    ] {
        assert_has(&page, line);
    }
}

#[test]
fn the_build_names_version_and_revision() {
    let line = format!(
        "prom_stream_gateway_build_info{{revision=\"{REVISION}\",version=\"{VERSION}\"}} 1"
    );
    assert_has(&page(&with_sources(&[])), &line);
}

/// Prometheus' conventions, apart from the predecessor's camelCase label.
#[test]
fn names_follow_the_conventions() {
    for (name, text) in each(&with_sources(&[(SourceKind::List, "q")])) {
        assert!(
            name.starts_with("prom_stream_gateway_") || name.starts_with("process_"),
            "{name} is ours"
        );
        assert_eq!(
            text.contains(&format!("# TYPE {name} counter\n")),
            name.ends_with("_total"),
            "{name}: counters, and only they, end in _total"
        );
    }
}
