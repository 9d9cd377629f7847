//! What pushes bring: groups, start times, windows, exemplars, quantiles, native histograms, keys,
//! and rows that are no more.

use super::*;
use crate::expose::page;
use crate::model::push::{IdempotencyKey, Matching, Operation};
use crate::model::{BatchPush, Exemplar, MetricType, NativeHistogram, Push, WindowedValue};
use crate::store::decaying_window::{DecayingWindow, Slot};
use crate::store::{AppliedKey, Family, TextColumn};

fn exemplar(labels: &str, timestamp: Option<u64>) -> Arc<Exemplar> {
    let timestamp = timestamp.map(Timestamp);
    Arc::new(Exemplar { labels: labels.into(), value: 0.5, timestamp })
}

fn family(name: &str, metric_type: MetricType, rows: usize, values: Values) -> Family {
    let texts: Vec<_> = (0..rows).map(|row| format!("row=\"{row}\"")).collect();
    let labels: TextColumn = texts.iter().map(String::as_str).collect();
    let has_start = !matches!(metric_type, MetricType::Gauge | MetricType::Untyped);
    let times = [NOW.0, 0, u64::MAX, NOW.0 - 7, 1];
    let created = times.into_iter().map(Timestamp).cycle().take(if has_start { rows } else { 0 });
    Family {
        labels,
        values,
        created: created.collect(),
        unit: "things".into(),
        ..Family::empty(name, metric_type)
    }
}

fn counters() -> Family {
    let values = Values::Scalars((0..7).map(f64::from).collect());
    let mut family = family("pushed_total", MetricType::Counter, 7, values);
    family.groups = vec![0, 3, 0, 0, 1, 3];
    family.exemplars.set(2, Some([(0, exemplar("trace_id=\"4bf9\"", None))].into()));
    family.exemplars.set(5, Some([(0, exemplar("", Some(0)))].into()));
    family
}

fn gauges() -> Family {
    let values = Values::Scalars(vec![f64::NAN, 1.0, f64::INFINITY, 0.0, 2.0]);
    let mut family = family("pushed", MetricType::Gauge, 5, values);
    let slot = |number, sum, count| Slot { number, sum, count };
    let number = NOW.0 / 5000;
    let slots = vec![slot(number - 3, 10.0, 4), slot(number, -3.5, 1)];
    let mean = DecayingWindow { shows: WindowedValue::Mean, window_seconds: 300, slots };
    family.windows.set(1, Some(Arc::new(mean)));
    let slots = vec![slot(u64::MAX, 1.0, 1)];
    let sum = DecayingWindow { shows: WindowedValue::Sum, window_seconds: 86_400, slots };
    family.windows.set(4, Some(Arc::new(sum)));
    family.groups = vec![0, 0, 1];
    family
}

fn histograms() -> Family {
    let counts = vec![1, 2, 3, 0, 0, 0, u64::MAX, 0, 0];
    let values =
        Values::Histograms { bounds: [0.1, 1.0].into(), counts, sums: vec![1.0, -2.0, 0.0] };
    let mut family = family("pushed_seconds", MetricType::Histogram, 3, values);
    let exemplars = [(0, exemplar("a=\"1\"", None)), (2, exemplar("a=\"\u{fc}\"", Some(NOW.0)))];
    family.exemplars.set(1, Some(exemplars.into()));
    let native = NativeHistogram {
        schema: 8,
        zero_threshold: 1e-128,
        zero_count: 1,
        positive: vec![(i32::MIN, 1), (-1, 1), (i32::MAX, 1)],
        negative: vec![(0, 2)],
    };
    family.natives.set(0, Some(Arc::new(native)));
    let coarse = NativeHistogram { schema: -4, zero_count: u64::MAX, ..NativeHistogram::default() };
    family.natives.set(2, Some(Arc::new(coarse)));
    family
}

fn summaries() -> Family {
    let values = Values::Summaries {
        objectives: [].into(),
        counts: vec![1, 2, 3],
        sums: vec![0.5; 3],
        windows: vec![],
    };
    let mut family = family("pushed_bytes", MetricType::Summary, 3, values);
    family.quantiles.set(0, Some([].into()));
    family.quantiles.set(2, Some([(0.0, f64::NAN), (0.99, 2.0)].into()));
    family
}

/// Everything that there is, and a group that no row refers to.
pub(super) fn everything() -> Cut {
    let mut cut = cut();
    let untyped = family("pushed_untyped", MetricType::Untyped, 1, Values::Scalars(vec![-1.0]));
    cut.families.extend([counters(), gauges(), histograms(), summaries(), untyped]);
    cut.groups = ["job=\"a\"", "job=\"unused\"", "instance=\"\",job=\"b\""].map(Arc::from).into();
    let key = |byte, at| AppliedKey {
        key: IdempotencyKey { key: [byte; 16], fingerprint: u64::from(byte) << 40 },
        at: Timestamp(at),
    };
    cut.idempotency_keys = vec![key(0, NOW.0), key(255, 3), key(7, u64::MAX)];
    cut.idempotency_keys[2].key.key[3] = 1;
    cut
}

/// What a reader of the cut finds in each series, whatever rows and groups are numbered as.
fn described(cut: &Cut) -> Vec<String> {
    let mut series = Vec::new();
    for family in &cut.families {
        for row in family.rows() {
            let value = match &family.values {
                Values::Scalars(values) => format!("{}", values[row]),
                Values::Histograms { bounds, counts, sums } => {
                    let width = bounds.len() + 1;
                    format!("{bounds:?} {:?} {}", &counts[row * width..][..width], sums[row])
                }
                Values::Summaries { counts, sums, .. } => format!("{} {}", counts[row], sums[row]),
            };
            series.push(format!(
                "{} {} {:?} {:?} {}: {value} {:?} {:?} {:?} {:?} {:?} {:?}",
                family.metric_type,
                family.name,
                family.help,
                family.unit,
                family.labels.get(row),
                family.created.get(row),
                family.windows.get(row),
                family.exemplars.get(row),
                family.quantiles.get(row),
                family.natives.get(row),
                family.group(row).map(|group| &cut.groups[group]),
            ));
        }
    }
    series
}

#[test]
fn whatever_pushes_brought_comes_out_as_it_went_in() {
    let before = everything();
    let after = decode(&encode(&meta(), &before).unwrap()).unwrap().cut;
    assert_eq!(described(&after), described(&before));
    assert_eq!(page(&after, NOW), page(&before, NOW));
    assert_eq!(after.idempotency_keys, before.idempotency_keys);
    assert_eq!(after.sources, before.sources);
    let groups: Vec<&str> = after.groups.iter().map(|group| &**group).collect();
    assert_eq!(groups, ["job=\"a\"", "instance=\"\",job=\"b\""], "those that have a series");
    let store = Store::restore(after.clone(), 1000);
    assert!(content(&store.cut(NOW)) == content(&after));
}

#[test]
fn rows_that_were_removed_are_not_written() {
    let source = SourceKey { kind: SourceKind::Push, key: "id".into() };
    let store = Store::restore(everything(), 1000);
    store.reposition(&source, |position| {
        *position = Some(Position::Push(PushPosition { next: 0 }));
        0
    });
    let pairs = ["row=\"0\"", "row=\"4\"", "row=\"2\""];
    let pushes = pairs.into_iter().map(|pair| BatchPush {
        entry: 0,
        after_events: 0,
        push: Arc::new(Push {
            ticket: 1,
            at: NOW,
            idempotency: None,
            operation: Operation::DeleteMatching(Matching {
                pairs: vec![pair.into()],
                absent: Vec::new(),
            }),
        }),
    });
    let batch = crate::model::Batch { pushes: pushes.collect(), ..Default::default() };
    store.apply(&source, &batch, &Advance::Push { from: 0, to: 1 }, NOW, NOW).unwrap();
    let before = store.cut(NOW);
    assert!(before.families.iter().any(|family| !family.removed.is_empty()));
    assert!(before.families.iter().all(|family| &*family.name != "pushed_untyped"));

    let after = decode(&encode(&meta(), &before).unwrap()).unwrap().cut;
    assert_eq!(described(&after), described(&before));
    assert_eq!(page(&after, NOW), page(&before, NOW));
    assert!(after.families.iter().all(|family| family.removed.is_empty()));
    let rows = |cut: &Cut| cut.families.iter().map(|family| family.labels.len()).sum::<usize>();
    assert_eq!(rows(&after), described(&before).len());
    assert!(rows(&after) < rows(&before));
    let groups: Vec<&str> = after.groups.iter().map(|group| &**group).collect();
    assert_eq!(groups, ["instance=\"\",job=\"b\""]);
    let restored = Store::restore(after.clone(), 1000);
    assert_eq!(restored.size(), store.size());
    assert_eq!(described(&restored.cut(NOW)), described(&before));
}

#[test]
fn start_times_that_nobody_knows_are_zero() {
    let mut cut = everything();
    for family in &mut cut.families {
        family.created.clear();
    }
    let after = decode(&encode(&meta(), &cut).unwrap()).unwrap().cut;
    let counters = &after.families[5];
    assert_eq!((&*counters.name, &counters.created), ("pushed_total", &vec![Timestamp(0); 7]));
    assert_eq!(after.families[6].created, [], "gauges have none");
}

#[test]
fn the_fixtures_of_every_version_restore_and_are_written_as_the_latest() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/fixtures");
    for (version, families) in [("v1", 5), ("v2", 5), ("v3", 5)] {
        let file = std::fs::read(folder.join(version).join("good.snap")).unwrap();
        let snapshot = decode(&file).unwrap();
        let cut = &snapshot.cut;
        assert_eq!((cut.families.len(), cut.sources.len()), (families, 4), "{version}");
        let again = decode(&encode(&snapshot.meta, cut).unwrap()).unwrap();
        assert_eq!(described(&again.cut), described(cut), "{version}");
        let store = Store::restore(cut.clone(), 1000);
        let series: u64 = cut.families.iter().map(Family::series).sum();
        assert_eq!(store.size().series, series, "{version}");
        for family in cut.families.iter().filter(|_| version == "v1") {
            assert!(family.created.iter().all(|created| *created == Timestamp(0)));
        }
    }
}
