use super::*;
use crate::model::NativeHistogram;

fn row(fixture: &Fixture, name: &str) -> (Vec<u64>, f64) {
    match fixture.family(name).values {
        Values::Histograms { counts, sums, .. } => (counts, sums[0]),
        Values::Summaries { counts, sums, .. } => (counts, sums[0]),
        other => panic!("neither histograms nor summaries: {other:?}"),
    }
}

fn native(zero_count: u64, positive: &[(i32, u64)]) -> NativeHistogram {
    NativeHistogram { zero_count, positive: positive.to_vec(), ..NativeHistogram::default() }
}

#[test]
fn other_buckets_are_merged_into_those_of_the_family() {
    let cases: [(&[f64], &[u64], [u64; 3]); 6] = [
        (&[1.0, 5.0], &[1, 2, 4], [1, 2, 4]),
        (&[1.0, 2.0, 10.0], &[1, 2, 4, 8], [1, 2, 12]),
        (&[0.1, 0.5], &[1, 2, 4], [3, 0, 4]),
        (&[], &[7], [0, 0, 7]),
        (&[5.0], &[1, 2], [0, 1, 2]),
        (&[100.0], &[3, 1], [0, 0, 4]),
    ];
    for (bounds, counts, expected) in cases {
        let mut fixture = Fixture::new(100);
        let family = |push: PushBuilder| push.family(Histogram, "h");
        let first = |push| family(push).histogram(Combine::Add, "", &[1.0, 5.0], &[1, 1, 1], 9.0);
        fixture.write(NOW, first).expect("fits");
        let second = |push| family(push).histogram(Combine::Add, "", bounds, counts, 2.0);
        fixture.write(NOW, second).expect("fits");
        let added = expected.map(|count| count + 1).to_vec();
        assert_eq!(row(&fixture, "h"), (added, 11.0), "{bounds:?}");
        let third = |push| family(push).histogram(Combine::Replace, "", bounds, counts, 2.0);
        fixture.write(NOW, third).expect("fits");
        assert_eq!(row(&fixture, "h"), (expected.to_vec(), 2.0), "{bounds:?}");
    }
}

#[test]
fn an_event_into_a_pushed_histogram_or_summary_works_as_ever() {
    let mut fixture = Fixture::new(100);
    let push = |push: PushBuilder| {
        let push = push.family(Histogram, "h");
        let push = push.histogram(Combine::Add, "", &[1.0], &[2, 0], 1.5).native(native(2, &[]));
        let push = push.family(Summary, "s");
        push.summary(Combine::Replace, "", 4, 8.0, &[0.5, 0.9, 1.0, 2.0])
    };
    fixture.write(NOW, push).expect("fits");
    assert_eq!(fixture.store.size().series, 4 + 4);
    assert!(fixture.family("h").natives.get(0).is_some());
    let pushed: &[(f64, f64)] = &[(0.5, 1.0), (0.9, 2.0)];
    assert_eq!(fixture.family("s").quantiles.get(0).map(|pairs| &**pairs), Some(pushed));
    let batch = fixture.batch().histogram("h", "", 7.0, &[3.0]).summary("s", "", 1.0, &[0.5, 0.1]);
    assert_eq!(fixture.apply(&batch.build(), NOW).processed, 2);
    assert_eq!(row(&fixture, "h"), (vec![2, 1], 8.5));
    assert_eq!(row(&fixture, "s"), (vec![5], 9.0));
    assert!(fixture.family("h").natives.get(0).is_none(), "it lacks the event");
    assert!(fixture.family("s").quantiles.get(0).is_none());
    assert_eq!(fixture.store.size().series, 4 + 2);
}

#[test]
fn summaries_add_up_without_their_quantiles_and_are_replaced_with_them() {
    let mut fixture = Fixture::new(5);
    let events = fixture.batch().summary("s", "", 1.0, &[0.5, 0.1]).build();
    fixture.apply(&events, NOW);
    let family = |push: PushBuilder| push.family(Summary, "s");
    fixture.write(NOW, |push| family(push).summary(Combine::Add, "", 2, 4.0, &[])).expect("fits");
    assert_eq!(row(&fixture, "s"), (vec![3], 5.0));
    assert_eq!(fixture.store.size().series, 3);
    let three = [0.1, 0.5, 0.9, 1.0, 2.0, 3.0];
    let replace = |push| family(push).summary(Combine::Replace, "", 2, 4.0, &three);
    fixture.write(NOW, replace).expect("fits the limit");
    assert_eq!(fixture.store.size().series, 5);
    let four = [0.1, 0.2, 0.5, 0.9, 1.0, 2.0, 3.0, 4.0];
    let replace = |push| family(push).summary(Combine::Replace, "", 2, 4.0, &four);
    assert_eq!(fixture.write(NOW, replace), Err(Reason::SeriesLimit));
    let replace = |push| family(push).summary(Combine::Replace, "", 1, 0.0, &[]);
    fixture.write(later(5), replace).expect("fits");
    assert_eq!(fixture.store.size().series, 2);
    assert_eq!(fixture.family("s").created, [later(5)], "its count fell");
    let family_shown = fixture.family("s");
    assert_eq!(family_shown.quantiles.get(0).map(|pairs| pairs.len()), Some(0));
    let add = |push| family(push).summary(Combine::Add, "", 0, f64::NAN, &[]);
    assert_eq!(fixture.write(NOW, add), Err(Reason::InvalidValue));
}

/// What is not added up may be what clients send after they observed NaN.
#[test]
fn a_sum_that_replaces_may_be_anything() {
    for sum in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut fixture = Fixture::new(100);
        let write = |push: PushBuilder| {
            let push = push.family(Histogram, "h");
            let push = push.histogram(Combine::Replace, "", &[1.0], &[1, 1], sum);
            push.family(Summary, "s").summary(Combine::Replace, "", 2, sum, &[])
        };
        fixture.write(NOW, write).expect("replaces");
        for name in ["h", "s"] {
            let shown = row(&fixture, name).1;
            assert!(shown == sum || (shown.is_nan() && sum.is_nan()), "{name}: {shown}");
        }
        let write = |push: PushBuilder| {
            push.family(Histogram, "h").histogram(Combine::Add, "", &[1.0], &[1, 1], 1.0)
        };
        assert_eq!(fixture.write(NOW, write), Err(Reason::InvalidValue));
    }
    // NaN was observed, and is in no native bucket.
    for (sum, expected) in [(f64::NAN, Ok(())), (2.0, Err(Reason::Inconsistent))] {
        let mut fixture = Fixture::new(100);
        let push = fixture.builder().family(Histogram, "h");
        let push =
            push.histogram(Combine::Replace, "", &[], &[3], sum).native(native(1, &[(2, 1)]));
        assert_eq!(fixture.push(push.build(NOW)).map(|_| ()), expected);
    }
}

/// Also in other buckets a histogram that goes on began when it began.
#[test]
fn other_buckets_move_no_start_time() {
    let mut fixture = Fixture::new(100);
    let put = |fixture: &mut Fixture, at, group: &str, bound: f64, count: u64| {
        let write = |push: PushBuilder| {
            let push = push.group(group, true).family(Histogram, "h");
            push.histogram(Combine::Replace, group, &[bound], &[count, 0], 1.0)
        };
        fixture.write(at, write).expect("fits");
    };
    let shown = |fixture: &Fixture| {
        let family = fixture.family("h");
        let Values::Histograms { bounds, .. } = &family.values else { panic!("{family:?}") };
        let created: Vec<_> = family.rows().map(|row| family.created[row]).collect();
        (bounds.to_vec(), created)
    };
    let (one, two) = ("job=\"1\"", "job=\"2\"");
    put(&mut fixture, NOW, one, 1.0, 5);
    put(&mut fixture, later(1), one, 2.0, 5);
    assert_eq!(shown(&fixture), (vec![2.0], vec![began(NOW)]));
    put(&mut fixture, later(2), one, 3.0, 4);
    assert_eq!(shown(&fixture), (vec![3.0], vec![later(2)]), "its count fell");
    put(&mut fixture, later(3), two, 7.0, 1);
    put(&mut fixture, later(4), two, 7.0, 2);
    assert_eq!(
        shown(&fixture),
        (vec![3.0], vec![later(2), began(later(3))]),
        "it keeps the first ones'"
    );
}

#[test]
fn no_count_overflows() {
    let most = 1_u64 << 63;
    let cases: [(&[u64], Result<(), Reason>); 4] = [
        (&[most - 1, 0], Ok(())),
        (&[most - 1, 1], Err(Reason::InvalidValue)),
        (&[u64::MAX, u64::MAX], Err(Reason::InvalidValue)),
        (&[0, u64::MAX], Err(Reason::InvalidValue)),
    ];
    for (counts, expected) in cases {
        let mut fixture = Fixture::new(100);
        let family = |push: PushBuilder| push.family(Histogram, "h");
        fixture
            .write(NOW, |push| family(push).histogram(Combine::Add, "", &[1.0], &[0, 1], 1.0))
            .expect("fits");
        let result = fixture
            .write(NOW, |push| family(push).histogram(Combine::Add, "", &[1.0], counts, 1.0));
        assert_eq!(result.map(|_| ()), expected, "{counts:?}");
        let batch = fixture.batch().histogram("h", "", 7.0, &[3.0]).build();
        assert_eq!(fixture.apply(&batch, NOW).processed, 1);
    }
}

#[test]
fn native_buckets_are_kept_while_they_hold_every_observation() {
    let mut fixture = Fixture::new(100);
    let add = |fixture: &mut Fixture, combine, count, histogram: Option<NativeHistogram>| {
        let push = fixture.builder().family(Histogram, "h");
        let push = push.histogram(combine, "", &[], &[count], 1.0);
        let push = histogram.into_iter().fold(push, PushBuilder::native);
        fixture.push(push.build(NOW))
    };
    let shown =
        |fixture: &Fixture| fixture.family("h").natives.get(0).map(|native| (**native).clone());
    add(&mut fixture, Combine::Add, 3, Some(native(1, &[(2, 2)]))).expect("fits");
    add(&mut fixture, Combine::Add, 4, Some(native(1, &[(1, 1), (2, 2)]))).expect("fits");
    assert_eq!(shown(&fixture), Some(native(2, &[(1, 1), (2, 4)])));
    add(&mut fixture, Combine::Add, 0, None).expect("fits");
    assert!(shown(&fixture).is_some());
    add(&mut fixture, Combine::Add, 1, None).expect("fits");
    assert_eq!(shown(&fixture), None);
    add(&mut fixture, Combine::Add, 1, Some(native(1, &[]))).expect("fits");
    assert_eq!(shown(&fixture), None, "the others are not in it");
    add(&mut fixture, Combine::Replace, 1, Some(native(1, &[]))).expect("fits");
    assert_eq!(shown(&fixture), Some(native(1, &[])));
    let wrong = add(&mut fixture, Combine::Add, 2, Some(native(1, &[])));
    assert_eq!(wrong, Err(Reason::Inconsistent));
}

#[test]
fn the_latest_exemplar_of_each_bucket_is_kept() {
    let shown = |fixture: &Fixture, name| -> Vec<(u32, f64)> {
        let family = fixture.family(name);
        let exemplars = family.exemplars.get(0).into_iter().flat_map(|all| all.iter());
        exemplars.map(|(bucket, exemplar)| (*bucket, exemplar.value)).collect()
    };
    let mut fixture = Fixture::new(100);
    let first = fixture.builder().family(Histogram, "h");
    let first = first.histogram(Combine::Add, "", &[1.0, 5.0], &[1, 1, 1], 9.0);
    let first = first.exemplar(0, 0.5).exemplar(2, 7.0);
    let first = first.family(Counter, "c").scalar(Combine::Add, "", 1.0).exemplar(0, 1.0);
    fixture.push(first.build(NOW)).expect("fits");
    let second = fixture.builder().family(Histogram, "h");
    let second = second.histogram(Combine::Add, "", &[0.5, 2.0], &[1, 1, 1], 9.0);
    // 0.7 would stand in a bucket above its own.
    let second = second.exemplar(0, 0.4).exemplar(1, 0.7).exemplar(2, 8.0);
    let second = second.family(Counter, "c").scalar(Combine::Add, "", 1.0);
    fixture.push(second.build(NOW)).expect("fits");
    assert_eq!(shown(&fixture, "h"), [(0, 0.4), (2, 8.0)]);
    assert_eq!(shown(&fixture, "c"), [(0, 1.0)]);
    let third = fixture.builder().family(Histogram, "h");
    let third =
        third.histogram(Combine::Replace, "", &[1.0, 5.0], &[1, 1, 1], 9.0).exemplar(1, 2.0);
    let third = third.family(Counter, "c").scalar(Combine::Replace, "", 1.0);
    fixture.push(third.build(NOW)).expect("fits");
    assert_eq!(shown(&fixture, "h"), [(1, 2.0)]);
    assert_eq!(shown(&fixture, "c"), []);
}
