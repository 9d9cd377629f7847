use super::*;

#[test]
fn each_type_takes_what_it_can() {
    use Combine::{Add, Replace};
    const MAX: f64 = f64::MAX;
    const INF: f64 = f64::INFINITY;
    let invalid = Err(Reason::InvalidValue);
    let cases = [
        (Counter, Add, 2.0, 3.0, Ok(5.0)),
        (Counter, Replace, 2.0, 3.0, Ok(3.0)),
        (Counter, Add, 2.0, -1.0, Err(Reason::NegativeCounter)),
        (Counter, Replace, 2.0, -1.0, Ok(-1.0)),
        (Counter, Add, MAX, MAX, invalid),
        (Counter, Add, 2.0, INF, invalid),
        (Counter, Replace, 2.0, INF, Ok(INF)),
        (Counter, Add, INF, 1.0, invalid),
        (Gauge, Add, 2.0, -3.0, Ok(-1.0)),
        (Gauge, Add, 2.0, INF, invalid),
        (Gauge, Add, INF, 1.0, Ok(INF)),
        (Gauge, Add, -MAX, -MAX, invalid),
        (Gauge, Replace, 2.0, INF, Ok(INF)),
        (Untyped, Add, 2.0, -3.0, Ok(-1.0)),
        (Untyped, Add, MAX, MAX, invalid),
        (Untyped, Replace, 2.0, 3.0, Ok(3.0)),
    ];
    for (metric_type, combine, before, value, expected) in cases {
        let case = format!("{metric_type} {before} {combine:?} {value}");
        let mut fixture = Fixture::new(10);
        let first = |push: PushBuilder| push.family(metric_type, "x").scalar(Replace, "", before);
        fixture.write(NOW, first).expect("any value can be set");
        let result =
            fixture.write(NOW, |push| push.family(metric_type, "x").scalar(combine, "", value));
        assert_eq!(result.map(|_| ()), expected.map(|_| ()), "{case}");
        assert_eq!(fixture.scalar("x", NOW), expected.unwrap_or(before), "{case}");
    }
}

#[test]
fn a_push_is_applied_as_a_whole_or_not_at_all() {
    let mut fixture = Fixture::new(6);
    fixture
        .write(NOW, |push| push.family(Counter, "c").scalar(Combine::Add, "", f64::MAX))
        .expect("fits");
    let series = |push: PushBuilder| push.family(Gauge, "g").scalar(Combine::Add, "a=\"1\"", 1.0);
    type Build = fn(PushBuilder) -> PushBuilder;
    let cases: [(Build, Reason); 7] = [
        (|push| push.family(Gauge, "c").scalar(Combine::Add, "", 1.0), Reason::TypeConflict),
        (
            |push| push.family(Summary, "c").summary(Combine::Add, "", 1, 1.0, &[]),
            Reason::TypeConflict,
        ),
        (|push| push.family(Counter, "c").scalar(Combine::Add, "", f64::MAX), Reason::InvalidValue),
        (
            |push| {
                let push = push.family(Counter, "d").scalar(Combine::Add, "", f64::MAX);
                push.scalar(Combine::Add, "", f64::MAX)
            },
            Reason::InvalidValue,
        ),
        (|push| push.family(Counter, "d").scalar(Combine::Add, "", -1.0), Reason::NegativeCounter),
        (
            |push| {
                let push = push.family(Summary, "s").summary(Combine::Add, "", 1, 1.0, &[]);
                push.family(Counter, "s_count").scalar(Combine::Add, "", 1.0)
            },
            Reason::NameConflict,
        ),
        (
            |push| {
                let push = push.family(Histogram, "h");
                push.histogram(Combine::Add, "", &[1.0, 2.0], &[0, 0, 1], 1.0)
            },
            Reason::SeriesLimit,
        ),
    ];
    for (number, (build, reason)) in cases.into_iter().enumerate() {
        let before = fixture.dropped(reason);
        let result = fixture.write(NOW, |push| build(series(push)));
        assert_eq!(result, Err(reason), "case {number}");
        assert_eq!(fixture.dropped(reason), before + 1);
        assert_eq!(fixture.names(), ["c"], "case {number}");
        assert_eq!(fixture.store.size(), StoreSize { series: 1, families: 1 });
    }
    let push = series(fixture.builder()).family(Counter, "s_count").scalar(Combine::Add, "", 1.0);
    let applied = fixture.push(push.build(NOW)).expect("no name was left claimed");
    assert_eq!(applied, PushApplied { series: 2, repeated: false });
}

#[test]
fn a_series_pushed_twice_is_written_twice_in_order() {
    let mut fixture = Fixture::new(10);
    let twice = |push: PushBuilder| {
        let push = push.family(Gauge, "g").help("", "seconds");
        let push = push.scalar(Combine::Replace, r#"a="1",b="2""#, 1.0);
        push.scalar(Combine::Add, r#"b="2",a="1""#, 4.0)
    };
    assert_eq!(fixture.write(NOW, twice).map(|applied| applied.series), Ok(2));
    assert_eq!(fixture.scalars("g", NOW), pairs(&[(r#"a="1",b="2""#, 5.0)]));
    let first = |push: PushBuilder| push.family(Gauge, "g").help("First.", "bytes");
    fixture.write(NOW, |push| first(push).scalar(Combine::Add, "", 1.0)).expect("fits");
    let second = |push: PushBuilder| push.family(Gauge, "g").help("Second.", "");
    fixture.write(NOW, |push| second(push).scalar(Combine::Add, "", 1.0)).expect("fits");
    let family = fixture.family("g");
    assert_eq!((&*family.help, &*family.unit), ("First.", "seconds"));
}

#[test]
fn a_window_decays_until_something_else_is_written() {
    let window = |fixture: &mut Fixture, at, mean, value| {
        let push = fixture.builder().family(Gauge, "w").windowed(mean, 300, "", value).build(at);
        fixture.push(push).expect("fits");
    };
    let add = |fixture: &mut Fixture, at| {
        fixture
            .write(at, |push| push.family(Gauge, "w").scalar(Combine::Add, "", 1.0))
            .expect("fits");
    };
    let mut fixture = Fixture::new(10);
    window(&mut fixture, NOW, false, 10.0);
    window(&mut fixture, later(200), false, 20.0);
    assert_eq!(fixture.scalar("w", later(200)), 30.0);
    assert_eq!(fixture.scalar("w", later(310)), 20.0);
    add(&mut fixture, later(310));
    assert_eq!(fixture.scalar("w", later(9999)), 21.0);
    assert!(fixture.family("w").windows.get(0).is_none());
    window(&mut fixture, later(320), false, 5.0);
    window(&mut fixture, later(330), true, 2.0);
    window(&mut fixture, later(330), true, 4.0);
    assert_eq!(fixture.scalar("w", later(330)), 3.0);
    // What came late counts for as long as it would have.
    let push = fixture.builder().family(Gauge, "w").windowed(true, 300, "", 9.0).build(later(200));
    fixture.apply(&fixture.batch().push(push).build(), later(340));
    assert_eq!(fixture.scalar("w", later(340)), 5.0);
    assert_eq!(fixture.scalar("w", later(510)), 3.0);
    let max = |push: PushBuilder| push.family(Gauge, "w").windowed(false, 9, "", f64::MAX);
    fixture.write(later(600), max).expect("fits");
    assert_eq!(fixture.write(later(601), max), Err(Reason::InvalidValue));
    let infinite = |push: PushBuilder| push.family(Gauge, "w").windowed(false, 9, "", f64::NAN);
    assert_eq!(fixture.write(later(601), infinite), Err(Reason::InvalidValue));
    let negative = |push: PushBuilder| push.family(Counter, "c").windowed(false, 9, "", -1.0);
    assert_eq!(fixture.write(later(601), negative), Err(Reason::NegativeCounter));
}

#[test]
fn events_with_a_mode_do_as_pushes_do() {
    let mut fixture = Fixture::new(4);
    let event = |batch: BatchBuilder, metric_type, labels, value, mode| {
        batch.event(metric_type, "x", labels, value, &[]).mode(mode)
    };
    let cases = [
        (Gauge, Mode::Natural, 7.0),
        (Gauge, Mode::Add, 12.0),
        (Gauge, Mode::Replace, 7.0),
        (Counter, Mode::Natural, 12.0),
        (Counter, Mode::Replace, 7.0),
        (Untyped, Mode::Natural, 12.0),
        (Untyped, Mode::Mean { window_seconds: 60 }, 7.0),
        (Counter, Mode::Sum { window_seconds: 60 }, 7.0),
    ];
    for (metric_type, mode, expected) in cases {
        let mut fixture = Fixture::new(4);
        let batch = event(fixture.batch(), metric_type, "", 5.0, Mode::Natural);
        let applied = fixture.apply(&event(batch, metric_type, "", 7.0, mode).build(), NOW);
        assert_eq!(applied.processed, 2);
        assert_eq!(fixture.scalar("x", NOW), expected, "{metric_type} {mode:?}");
    }
    // The limit is reached, and the others make room.
    let labels = ["a=\"1\"", "a=\"2\"", "a=\"3\"", "a=\"4\""];
    let batch = labels.iter().fold(fixture.batch(), |batch, labels| batch.gauge("x", labels, 1.0));
    let batch = event(batch, Gauge, "a=\"5\"", 5.0, Mode::Family);
    let batch = event(batch, Gauge, "a=\"1\"", 1.0, Mode::Add);
    let batch = event(batch, Counter, "a=\"1\"", 1.0, Mode::Family);
    let applied = fixture.apply(&batch.build(), NOW);
    assert_eq!(applied.processed, 6);
    assert_eq!(applied.refused[0].reason, Reason::TypeConflict);
    assert_eq!(fixture.scalars("x", NOW), pairs(&[("a=\"5\"", 5.0), ("a=\"1\"", 1.0)]));
    assert_eq!(fixture.store.size().series, 2);
}

/// Whatever way they come in.
#[test]
fn events_pushed_together_are_a_sequence() {
    type Sent<'f> = (&'f str, f64, Mode);
    type Left<'f> = (&'f str, f64);
    let cases: &[(&[Sent<'_>], &[Left<'_>])] = &[
        (&[("a=\"1\"", 1.0, Mode::Family), ("a=\"2\"", 2.0, Mode::Family)], &[("a=\"2\"", 2.0)]),
        (
            &[
                ("a=\"0\"", 1.0, Mode::Natural),
                ("a=\"2\"", 2.0, Mode::Family),
                ("a=\"0\"", 3.0, Mode::Natural),
            ],
            &[("a=\"2\"", 2.0), ("a=\"0\"", 3.0)],
        ),
        (
            &[
                ("a=\"2\"", 4.0, Mode::Natural),
                ("a=\"1\"", 1.0, Mode::Family),
                ("a=\"2\"", 2.0, Mode::Family),
                ("a=\"2\"", 3.0, Mode::Natural),
            ],
            &[("a=\"2\"", 5.0)],
        ),
        (&[("a=\"0\"", 1.0, Mode::Natural)], &[("a=\"0\"", 8.0)]),
    ];
    for (events, expected) in cases {
        let batch_of = |fixture: &Fixture| {
            let one = |batch: BatchBuilder, (labels, value, mode): &Sent<'_>| {
                batch.event(Counter, "x", labels, *value, &[]).mode(*mode)
            };
            events.iter().fold(fixture.batch(), one).build()
        };
        for pushed in [false, true] {
            let mut fixture = Fixture::new(100);
            let before = fixture.batch().event(Counter, "x", "a=\"0\"", 7.0, &[]).build();
            fixture.apply(&before, NOW);
            let batch = batch_of(&fixture);
            if pushed {
                let push = push_of(Operation::Events(Box::new(batch)), NOW);
                fixture.push(push).expect("all are valid");
            } else {
                assert_eq!(fixture.apply(&batch, NOW).processed, events.len() as u64);
            }
            assert_eq!(fixture.scalars("x", NOW), pairs(expected), "{events:?}, pushed: {pushed}");
        }
    }
    // The type that the family had stays, though none of its series does.
    let mut fixture = Fixture::new(100);
    fixture.apply(&fixture.batch().event(Counter, "x", "", 7.0, &[]).build(), NOW);
    let batch = fixture.batch().event(Gauge, "x", "a=\"1\"", 1.0, &[]).mode(Mode::Family).build();
    let push = push_of(Operation::Events(Box::new(batch)), NOW);
    assert_eq!(fixture.push(push).map(|_| ()), Err(Reason::TypeConflict));
}

#[test]
fn a_start_time_is_kept_until_the_series_begins_anew() {
    let created = |fixture: &Fixture, name| fixture.family(name).created;
    let mut fixture = Fixture::new(100);
    let replace = |fixture: &mut Fixture, at, value| {
        let write =
            |push: PushBuilder| push.family(Counter, "c").scalar(Combine::Replace, "", value);
        fixture.write(at, write).expect("fits");
    };
    replace(&mut fixture, later(1), 5.0);
    replace(&mut fixture, later(2), 6.0);
    assert_eq!(created(&fixture, "c"), [began(later(1))]);
    replace(&mut fixture, later(3), 2.0);
    assert_eq!(created(&fixture, "c"), [later(3)]);
    let given = fixture.builder().family(Counter, "c").scalar(Combine::Replace, "", 1.0);
    fixture.push(given.created(NOW).build(later(4))).expect("fits");
    assert_eq!(created(&fixture, "c"), [NOW]);
    let added = fixture.builder().family(Counter, "c").scalar(Combine::Add, "", 1.0);
    fixture.push(added.created(later(3)).build(later(5))).expect("fits");
    assert_eq!(created(&fixture, "c"), [NOW]);
    let batch = fixture.batch().counter("events", "", 1.0).gauge("g", "", 1.0).build();
    let advance = Advance::Push { from: fixture.next, to: fixture.next + 1 };
    let (source, store) = (fixture.source.clone(), &fixture.store);
    store.apply(&source, &batch, &advance, later(9), later(7)).expect("the next record");
    assert_eq!(created(&fixture, "events"), [began(later(7))]);
    assert_eq!(created(&fixture, "g"), []);
    // One that went, and another: not before that.
    let delete = |fixture: &mut Fixture| {
        let matching = Matching { pairs: Vec::new(), absent: vec!["x".into()] };
        fixture.push(push_of(Operation::DeleteMatching(matching), later(9))).expect("fits");
    };
    fixture.next += 1;
    delete(&mut fixture);
    let again = fixture.batch().counter("events", "", 1.0).build();
    fixture.apply(&again, Timestamp(later(9).0 + 10));
    assert_eq!(created(&fixture, "events"), [later(9)]);
    fixture.apply(&fixture.batch().counter("events", "a=\"1\"", 1.0).build(), later(15));
    assert_eq!(created(&fixture, "events"), [later(9), later(14)]);
    // Replayed: received long before it is applied.
    let push = fixture.builder().family(Counter, "replayed").scalar(Combine::Add, "", 1.0);
    let batch = fixture.batch().push(push.build(later(10))).build();
    fixture.apply(&batch, later(20));
    assert_eq!(created(&fixture, "replayed"), [began(later(10))]);
}

#[test]
fn labels_that_no_place_is_left_for_are_refused_not_stumbled_over() {
    let label = |bytes: usize| format!("a=\"{}\"", "x".repeat(bytes - 4));
    let longest = u32::MAX as usize / 1024;
    let mut fixture = Fixture::new(10);
    let push = |labels: &str, fixture: &mut Fixture| {
        fixture.write(NOW, |push| push.family(Counter, "x").scalar(Combine::Add, labels, 1.0))
    };
    assert_eq!(push(&label(longest), &mut fixture).map(|_| ()), Ok(()));
    assert_eq!(push(&label(longest + 1), &mut fixture).map(|_| ()), Err(Reason::TooLarge));
    let event = fixture.batch().event(Counter, "x", &label(longest + 1), 1.0, &[]);
    let applied = fixture.apply(&event.build(), NOW);
    assert_eq!(applied.refused[0].reason, Reason::TooLarge);
    assert_eq!(fixture.store.size().series, 1);
}

/// A window that was left for a plain number shows how much it held then, not at the replay.
#[test]
fn a_replay_an_hour_later_adds_to_what_a_window_showed_at_the_push() {
    let run = |late_seconds: u64| {
        let mut fixture = Fixture::new(10);
        let pushes = [
            fixture.builder().family(Counter, "x").windowed(false, 60, "", 5.0).build(NOW),
            fixture.builder().family(Counter, "x").windowed(false, 60, "", 10.0).build(later(20)),
            fixture.builder().family(Counter, "x").scalar(Combine::Add, "", 1.0).build(later(70)),
        ];
        for push in pushes {
            let now = Timestamp(push.at.0 + late_seconds * 1000);
            let batch = fixture.batch().push(push).build();
            fixture.apply(&batch, now);
        }
        fixture.scalar("x", later(7200))
    };
    assert_eq!(run(0), 11.0);
    assert_eq!(run(3600), 11.0);
}
