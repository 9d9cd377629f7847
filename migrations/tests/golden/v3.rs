//! One of everything that version 3 can hold: a whole snapshot, which adds to version 2's what is
//! no more; and one with a parent.

use prom_stream_gateway_migrations::v3::{
    Exemplars, Family, FamilyChange, Groups, IdempotencyKeys, Parent, Position, RemovedRows,
    RowGroups, Snapshot, Values,
};

use crate::v2;

pub(crate) fn sample() -> Snapshot {
    let mut sample = Snapshot::from(v2::sample());
    sample.groups.indexes_skipped = vec![0, 3];
    sample.families[0].groups = Some(RowGroups { rows_skipped: vec![1, 0], groups: vec![0, 4] });
    let gauges = &mut sample.families[1];
    gauges.label_lengths[1] = 0;
    gauges.label_texts = vec!["room=\"1\"".into(), "".into(), "room=\"3\"".into()];
    gauges.removed = Some(RemovedRows { rows_skipped: vec![1] });
    sample
}

/// Since [`sample`].
pub(crate) fn delta() -> Snapshot {
    let whole = sample();
    let mut sources = whole.sources;
    sources[3].position = Position::Push { next: 5_000_000_002 };
    sources[3].tally.processed += 2;
    let pushed = Family {
        name: "pushed".into(),
        metric_type: "gauge".into(),
        help: String::new(),
        unit: "seconds".into(),
        label_texts: Vec::new(),
        label_lengths: vec![0],
        values: Values::Scalars(vec![f64::NEG_INFINITY]),
        created_at_milliseconds: Vec::new(),
        sliding_windows: None,
        exemplars: None,
        quantiles: None,
        native_histograms: None,
        groups: None,
        removed: None,
    };
    let jobs = Family {
        name: "jobs_total".into(),
        metric_type: "counter".into(),
        unit: String::new(),
        label_texts: vec!["job=\"new\"".into()],
        label_lengths: vec![0, 0, 9],
        values: Values::Scalars(vec![1.0, 12.0, 7.0]),
        created_at_milliseconds: vec![1_700_000_000_000, 0, 25],
        exemplars: Some(Exemplars {
            rows_skipped: vec![0],
            exemplar_counts: vec![1],
            buckets: vec![0],
            label_texts: "trace_id=\"7\"".into(),
            label_lengths: vec![12],
            values: vec![1.0],
            at_milliseconds: vec![Some(1_700_000_000_200)],
        }),
        groups: Some(RowGroups { rows_skipped: vec![2], groups: vec![2] }),
        removed: Some(RemovedRows { rows_skipped: vec![1] }),
        ..pushed.clone()
    };
    Snapshot {
        sequence: whole.sequence + 2,
        parent: Some(Parent { sequence: whole.sequence, sha256: "0123456789abcdef".repeat(4) }),
        created_at_milliseconds: whole.created_at_milliseconds + 10_000,
        clean_shutdown: false,
        series: 15,
        sources,
        groups: Groups {
            indexes_skipped: vec![0, 1],
            labels: vec![String::new(), "job=\"new\"".into()],
        },
        idempotency_keys: IdempotencyKeys {
            forgotten: 1,
            keys: vec![[3, 4]],
            fingerprints: vec![5],
            applied_at_milliseconds: vec![1_700_000_010_000],
        },
        families: vec![pushed],
        families_gone: vec!["pushed".into(), "size_bytes".into()],
        families_changed: vec![FamilyChange { rows_skipped: vec![0, 0, 1], rows: jobs }],
        ..whole
    }
}
