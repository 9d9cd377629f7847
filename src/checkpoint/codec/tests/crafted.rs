//! Content that is whole and makes no sense.

use migrations::{Latest, v3};

use super::*;

/// Crafted content: the checksum is right and the content is not.
fn refused(change: impl FnOnce(&mut Latest)) -> String {
    let mut snapshot = to_format::snapshot(&meta(), &cut(), None).unwrap();
    change(&mut snapshot);
    let file = migrations::encode(&snapshot).unwrap();
    decode(&file).expect_err("crafted content").to_string()
}

fn family_change(index: usize, change: impl FnOnce(&mut v3::Family)) -> String {
    refused(|snapshot| change(&mut snapshot.families[index]))
}

#[test]
fn crafted_families_are_refused() {
    let cases = [
        family_change(0, |f| f.metric_type = "info".into()),
        family_change(0, |f| f.metric_type = "histogram".into()),
        family_change(0, |f| f.label_lengths.push(0)),
        family_change(0, |f| f.label_lengths[0] += 1),
        family_change(0, |f| f.label_lengths[0] = 6),
        family_change(0, |f| f.label_lengths = vec![u32::MAX, u32::MAX]),
        family_change(0, |f| f.label_texts.push("x".into())),
        family_change(0, |f| {
            let whole: String = f.label_texts.iter().map(|piece| &**piece).collect();
            f.label_texts = vec![whole[..1].into(), whole[1..].into()];
        }),
        refused(|snapshot| snapshot.families[1].name = "jobs_total".into()),
        refused(|snapshot| {
            snapshot.families[0].name = format!("{}_sum", snapshot.families[2].name);
        }),
    ];
    for error in cases {
        assert!(error.starts_with("family "), "{error}");
    }
}

#[test]
fn crafted_values_are_refused() {
    let histograms = |change: fn(&mut Vec<f64>, &mut Vec<u64>, &mut Vec<f64>)| {
        family_change(2, |family| match &mut family.values {
            v3::Values::Histograms { bounds, counts, sums } => change(bounds, counts, sums),
            other => panic!("expected histograms, found {other:?}"),
        })
    };
    let summaries = |change: fn(&mut Vec<v3::Objective>, &mut v3::Windows)| {
        family_change(3, |family| match &mut family.values {
            v3::Values::Summaries { objectives, windows, .. } => change(objectives, windows),
            other => panic!("expected summaries, found {other:?}"),
        })
    };
    let cases = [
        histograms(|bounds, _, _| bounds.push(2.0)),
        histograms(|bounds, _, _| bounds.swap(0, 1)),
        histograms(|bounds, _, _| bounds[1] = f64::NAN),
        histograms(|bounds, _, _| bounds[1] = f64::INFINITY),
        histograms(|_, counts, _| counts.truncate(2)),
        histograms(|_, counts, _| counts.fill(u64::MAX)),
        histograms(|_, _, sums| sums.clear()),
        summaries(|objectives, _| objectives.clear()),
        summaries(|objectives, _| objectives.swap(0, 1)),
        summaries(|objectives, _| objectives[1].quantile = objectives[0].quantile),
        summaries(|objectives, _| objectives[0].epsilon = 0.0),
        summaries(|_, windows| *windows = v3::Windows::default()),
        summaries(|_, windows| windows.sketch_counts[0] = u32::MAX),
        summaries(|_, windows| windows.sample_counts[0] += 1),
        summaries(|_, windows| windows.observations.truncate(1)),
        summaries(|_, windows| windows.gaps.clear()),
        summaries(|_, windows| windows.observations[0] += 1),
        summaries(|_, windows| windows.values[0] = f64::NAN),
    ];
    for (index, error) in cases.into_iter().enumerate() {
        assert!(error.starts_with("family "), "case {index}: {error}");
    }
}

#[test]
fn crafted_sources_are_refused() {
    let ids = |ids: &'static [u64]| {
        refused(|snapshot| {
            let last = v3::StreamId { milliseconds: 0, sequence: 0 };
            snapshot.sources[1].position =
                v3::Position::Group { last, trimmed_unread: 0, unacknowledged: ids.to_vec() };
        })
    };
    let cases = [
        refused(|snapshot| snapshot.sources[0].kind = "group".into()),
        refused(|snapshot| snapshot.sources[0].kind = "journal".into()),
        refused(|snapshot| snapshot.sources.push(snapshot.sources[0].clone())),
        refused(|snapshot| {
            snapshot.sources[0].tally.dropped.insert("unheard_of".into(), 1);
        }),
        ids(&[1, 2]),
        ids(&[1, u64::MAX, 1]),
        ids(&[5, 0, 0, u64::MAX, 0, 0]),
        ids(&[5, 0, 3, 0, 0, 1]),
    ];
    for (index, error) in cases.into_iter().enumerate() {
        assert!(error.starts_with("source "), "case {index}: {error}");
    }
}

/// Of the snapshot that has everything.
fn pushed_change(name: &str, change: impl FnOnce(&mut v3::Family)) -> String {
    let mut snapshot = to_format::snapshot(&meta(), &pushed::everything(), None).unwrap();
    let family = snapshot.families.iter_mut().find(|family| family.name == name);
    change(family.expect("a family of that name"));
    let file = migrations::encode(&snapshot).unwrap();
    let error = decode(&file).expect_err("crafted content").to_string();
    assert!(error.starts_with(&format!("family {name}: ")), "{error}");
    error
}

#[test]
fn crafted_start_times_and_groups_are_refused() {
    let groups = |change: fn(&mut v3::RowGroups)| {
        pushed_change("pushed_total", |family| {
            change(family.groups.as_mut().expect("rows in groups"));
        })
    };
    let cases = [
        pushed_change("pushed_total", |f| f.created_at_milliseconds.clear()),
        pushed_change("pushed", |f| f.created_at_milliseconds.push(0)),
        groups(|groups| groups.groups[0] = 3),
        groups(|groups| groups.groups[0] = u32::MAX),
        groups(|groups| groups.groups.push(0)),
        groups(|groups| groups.rows_skipped[2] += 2),
        groups(|groups| groups.rows_skipped[0] = u32::MAX),
    ];
    let expected = [
        "0 start times, expected 7",
        "1 start times, expected 0",
        "a row of group 3, which is none",
        "a row of group 4294967295",
        "4 rows in groups, expected 3",
        "one of its columns goes beyond its 7 rows",
        "one of its columns goes beyond its 7 rows",
    ];
    for (error, expected) in cases.iter().zip(expected) {
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn crafted_sliding_windows_are_refused() {
    let windows = |change: fn(&mut v3::SlidingWindows)| {
        pushed_change("pushed", |family| {
            change(family.sliding_windows.as_mut().expect("sliding windows"));
        })
    };
    let lengths = "expected 2";
    let cases = [
        (windows(|w| w.window_seconds[0] = 0), "expected 1 to 86400"),
        (windows(|w| w.window_seconds[0] = 86_401), "expected 1 to 86400"),
        (windows(|w| w.slot_numbers[1] = 0), "do not hold together"),
        (windows(|w| w.slot_numbers[1] = u64::MAX), "do not hold together"),
        (windows(|w| w.counts[0] = 0), "do not hold together"),
        (windows(|w| w.counts[0] = u64::MAX), "do not hold together"),
        (windows(|w| w.sums[0] = f64::NAN), "do not hold together"),
        (windows(|w| w.sums[..2].fill(f64::MAX)), "do not hold together"),
        (windows(|w| w.slot_counts[0] = u32::MAX), "expected 4294967296"),
        (windows(|w| w.shows_mean.clear()), lengths),
        (windows(|w| w.window_seconds.clear()), lengths),
        (windows(|w| w.slot_counts.clear()), lengths),
        (windows(|w| w.slot_numbers.clear()), "expected 3"),
        (windows(|w| w.sums.clear()), "expected 3"),
        (windows(|w| w.counts.clear()), "expected 3"),
        (windows(|w| w.rows_skipped[1] = 3), "beyond its 5 rows"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn crafted_exemplars_and_quantiles_are_refused() {
    let exemplars = |change: fn(&mut v3::Exemplars)| {
        pushed_change("pushed_seconds", |family| {
            change(family.exemplars.as_mut().expect("exemplars"));
        })
    };
    let quantiles = |change: fn(&mut v3::Quantiles)| {
        pushed_change("pushed_bytes", |family| {
            change(family.quantiles.as_mut().expect("quantiles"));
        })
    };
    let cases = [
        (exemplars(|e| e.buckets[1] = 3), "expected some of 3"),
        (exemplars(|e| e.buckets[1] = 0), "expected some of 3"),
        (exemplars(|e| e.label_lengths[0] += 1), "labels"),
        (exemplars(|e| e.buckets.clear()), "0 exemplar buckets, expected 2"),
        (exemplars(|e| e.values.clear()), "0 exemplar values, expected 2"),
        (exemplars(|e| e.at_milliseconds.clear()), "0 exemplar times, expected 2"),
        (exemplars(|e| e.exemplar_counts[0] = 1), "expected 1"),
        (exemplars(|e| e.exemplar_counts.push(0)), "2 exemplar counts, expected 1"),
        (quantiles(|q| q.quantiles[0] = 0.99), "do not ascend"),
        (quantiles(|q| q.quantiles[0] = f64::NAN), "do not ascend"),
        (quantiles(|q| q.values.clear()), "0 values of quantiles, expected 2"),
        (quantiles(|q| q.quantile_counts[0] = 1), "expected 3"),
        (quantiles(|q| q.quantile_counts.clear()), "0 quantile counts, expected 2"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
    let empty = pushed_change("pushed_seconds", |family| {
        family.exemplars = Some(v3::Exemplars {
            rows_skipped: vec![0],
            exemplar_counts: vec![0],
            ..v3::Exemplars::default()
        });
    });
    assert!(empty.ends_with("exemplars in buckets [], expected some of 3"), "{empty}");
}

#[test]
fn crafted_native_histograms_are_refused() {
    let natives = |change: fn(&mut v3::NativeHistograms)| {
        pushed_change("pushed_seconds", |family| {
            change(family.native_histograms.as_mut().expect("native histograms"));
        })
    };
    let unsound = "a native histogram that does not hold together";
    let cases = [
        (natives(|n| n.schemas[0] = 9), unsound),
        (natives(|n| n.schemas[1] = -5), unsound),
        (natives(|n| n.zero_thresholds[0] = f64::NAN), unsound),
        (natives(|n| n.zero_thresholds[0] = -1.0), unsound),
        (natives(|n| n.zero_thresholds[0] = f64::INFINITY), unsound),
        (natives(|n| n.zero_counts[0] = 2), unsound),
        (natives(|n| n.zero_counts[0] = u64::MAX), unsound),
        (natives(|n| n.indexes.swap(0, 1)), unsound),
        (natives(|n| n.indexes[1] = n.indexes[0]), unsound),
        (natives(|n| (n.counts[0], n.zero_counts[0]) = (0, 2)), unsound),
        (natives(|n| n.rows_skipped = vec![1, 0]), unsound),
        (natives(|n| n.schemas.clear()), "0 schemas, expected 2"),
        (natives(|n| n.zero_thresholds.clear()), "0 zero thresholds, expected 2"),
        (natives(|n| n.zero_counts.clear()), "0 zero counts, expected 2"),
        (natives(|n| n.positive_bucket_counts[0] = 9), "4 bucket indexes, expected 10"),
        (natives(|n| n.positive_bucket_counts.clear()), "expected 2"),
        (natives(|n| n.negative_bucket_counts.clear()), "expected 2"),
        (natives(|n| n.counts.clear()), "0 bucket counts, expected 4"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn columns_of_another_type_are_refused() {
    let cases = [
        pushed_change("pushed_seconds", |f| f.sliding_windows = Some(Default::default())),
        pushed_change("pushed_bytes", |f| f.exemplars = Some(Default::default())),
        pushed_change("pushed", |f| f.exemplars = Some(Default::default())),
        pushed_change("pushed_total", |f| f.quantiles = Some(Default::default())),
        pushed_change("pushed_total", |f| f.native_histograms = Some(Default::default())),
    ];
    for error in cases {
        assert!(error.contains(" are not for a "), "{error}");
    }
}

#[test]
fn crafted_groups_and_idempotency_keys_are_refused() {
    let refused = |change: fn(&mut Latest)| {
        let mut snapshot = to_format::snapshot(&meta(), &pushed::everything(), None).unwrap();
        change(&mut snapshot);
        let file = migrations::encode(&snapshot).unwrap();
        decode(&file).expect_err("crafted content").to_string()
    };
    let cases = [
        (refused(|s| s.groups.labels[0] = s.groups.labels[1].clone()), "stands there twice"),
        (refused(|s| s.groups.indexes_skipped[0] = u32::MAX), "beyond 32 bits"),
        (refused(|s| s.groups.indexes_skipped[2] = 1), "a row of group 2, which is none"),
        (refused(|s| s.groups.labels[2] = String::new()), "a row of group 2, which is none"),
        (refused(|s| drop(s.groups.labels.pop())), "2 groups, expected 3"),
        (refused(|s| s.idempotency_keys.forgotten = 1), "1 idempotency keys are forgotten"),
        (refused(|s| s.idempotency_keys.fingerprints.clear()), "fingerprints"),
        (refused(|s| s.idempotency_keys.applied_at_milliseconds.clear()), "times"),
        (refused(|s| s.idempotency_keys.keys.clear()), "fingerprints"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
}
