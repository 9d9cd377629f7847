//! Files that say what changed, and do not fit what they build upon.

use migrations::{Latest, v3};

use super::*;
use crate::model::MetricType;

/// A whole snapshot, and what changed since it: a new row, a removed one, and new families.
fn chain() -> (Latest, Latest) {
    let mut before = pushed::everything();
    before.families.truncate(6);
    let mut since = Since::new(meta().generation, "00ff".into(), &before);
    let mut after = before.clone();
    let counters = &mut after.families[5];
    counters.labels.push("row=\"7\"");
    counters.created.push(NOW);
    let Values::Scalars(values) = &mut counters.values else { panic!("counters are scalars") };
    values[1] = 17.0;
    values.push(27.0);
    counters.removed = [4].into_iter().collect();
    counters.help = "Help.".into();
    after.families.remove(0);
    let whole = to_format::snapshot(&meta(), &before, None).unwrap();
    since.changed.insert(after.families[4].changes.incarnation(), [1, 4, 7].into_iter().collect());
    let later = Meta { generation: Generation { epoch: 2, sequence: 9 }, ..meta() };
    (whole, to_format::snapshot(&later, &after, Some(&since)).unwrap())
}

fn assembled(whole: Latest, changes: Latest) -> Result<Snapshot, CodecError> {
    let part = |content: &Latest| Part::read(&migrations::encode(content).unwrap()).unwrap();
    part(&changes).with_parents(vec![part(&whole)])
}

#[test]
fn what_changed_is_put_together_with_what_did_not() {
    let (whole, changes) = chain();
    assert_eq!(changes.parent.as_ref().map(|parent| parent.sequence), Some(7));
    assert_eq!((changes.families.len(), changes.families_changed.len()), (0, 1));
    assert_eq!(changes.families_gone, ["jobs_total"]);
    let snapshot = assembled(whole, changes).unwrap();
    assert_eq!(snapshot.parents, [meta().generation]);
    assert_eq!(snapshot.meta.generation.sequence, 9);
    let names: Vec<_> = snapshot.cut.families.iter().map(|family| &*family.name).collect();
    assert_eq!(names, ["level", "seconds", "bytes", "plain", "pushed_total"]);
    let counters = &snapshot.cut.families[4];
    assert_eq!((&*counters.help, counters.metric_type), ("Help.", MetricType::Counter));
    let labels: Vec<_> = counters.labels.iter().collect();
    assert_eq!(labels, [0, 1, 2, 3, 5, 6, 7].map(|row| format!("row=\"{row}\"")));
    let Values::Scalars(values) = &counters.values else { panic!("{counters:?}") };
    assert_eq!(values, &[0.0, 17.0, 2.0, 3.0, 5.0, 6.0, 27.0]);
}

#[test]
fn changes_alone_are_no_snapshot() {
    let (_, changes) = chain();
    let error = decode(&migrations::encode(&changes).unwrap()).unwrap_err();
    assert!(matches!(error, CodecError::NeedsParent { parent } if parent == meta().generation));
}

#[test]
fn changes_that_do_not_fit_are_refused() {
    let refused = |change: fn(&mut v3::FamilyChange)| {
        let (whole, mut changes) = chain();
        change(&mut changes.families_changed[0]);
        assembled(whole, changes).expect_err("crafted content").to_string()
    };
    let others = |change: fn(&mut Latest)| {
        let (whole, mut changes) = chain();
        change(&mut changes);
        assembled(whole, changes).expect_err("crafted content").to_string()
    };
    let cases = [
        (refused(|c| c.rows.name = "nobody".into()), "family nobody: has changed, and was not"),
        (refused(|c| c.rows.name = "jobs_total".into()), "jobs_total: has changed, and was not"),
        (refused(|c| c.rows.name = "pushed".into()), "pushed: has changed, and was not"),
        (refused(|c| c.rows_skipped[2] = 3), "new rows do not follow its 7"),
        (refused(|c| c.rows_skipped[2] = 1), "row 6 has labels already"),
        (refused(|c| c.rows_skipped.truncate(2)), "3 rows that changed, expected 2"),
        (refused(|c| c.rows.metric_type = "untyped".into()), "3 start times, expected 0"),
        (
            refused(|c| {
                c.rows.metric_type = "untyped".into();
                c.rows.created_at_milliseconds.clear();
                c.rows.exemplars = None;
            }),
            "was a counter, and changed as a untyped",
        ),
        (refused(|c| c.rows.removed.as_mut().unwrap().rows_skipped[0] = 3), "beyond its 3 rows"),
        (others(|c| c.families_gone.push("nobody".into())), "nobody: is no more, and was not"),
        (others(|c| c.families.push(c.families_changed[0].rows.clone())), "stands there twice"),
        (others(|c| c.idempotency_keys.forgotten = 4), "4 idempotency keys are forgotten"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_removed_row_does_not_come_back_and_buckets_stay() {
    let (mut whole, changes) = chain();
    whole.families[5].removed = Some(v3::RemovedRows { rows_skipped: vec![1] });
    whole.families[5].exemplars = None;
    let error = assembled(whole, changes).unwrap_err().to_string();
    assert!(error.contains("row 1 was removed, and changed after that"), "{error}");

    let (whole, mut changes) = chain();
    let mut seconds = whole.families[2].clone();
    seconds.label_lengths = vec![0];
    seconds.label_texts.clear();
    let v3::Values::Histograms { bounds, .. } = &mut seconds.values else { panic!("{seconds:?}") };
    bounds[0] = 0.2;
    changes.families_changed.push(v3::FamilyChange { rows_skipped: vec![0], rows: seconds });
    let error = assembled(whole, changes).unwrap_err().to_string();
    assert!(error.contains("family seconds: its buckets or objectives are others"), "{error}");
}
