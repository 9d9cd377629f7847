use super::*;

const ONE: &str = r#"job="1""#;
const TWO: &str = r#"job="2""#;

/// Pushes gauges of one family to a group.
fn put(fixture: &mut Fixture, group: &str, whole: bool, name: &str, series: &[&str]) {
    let push = fixture.builder().group(group, whole).family(Gauge, name);
    let push = series.iter().fold(push, |push, labels| push.scalar(Combine::Replace, labels, 1.0));
    fixture.push(push.build(NOW)).expect("fits");
}

/// Each series with its group.
fn grouped(fixture: &Fixture) -> Vec<(String, String)> {
    let cut = fixture.store.cut(NOW);
    let mut all = Vec::new();
    for family in &cut.families {
        for row in family.rows() {
            let group = family.group(row).map_or("", |group| &cut.groups[group]);
            all.push((format!("{}{{{}}}", family.name, family.labels.get(row)), group.to_owned()));
        }
    }
    all.sort();
    all
}

fn expect(fixture: &Fixture, expected: &[(&str, &str)]) {
    let owned = |(series, group): &(&str, &str)| ((*series).to_owned(), (*group).to_owned());
    assert_eq!(grouped(fixture), expected.iter().map(owned).collect::<Vec<_>>());
    assert_eq!(fixture.store.size().series, expected.len() as u64);
}

#[test]
fn a_push_replaces_the_group_or_its_families_of_the_same_name() {
    let mut fixture = Fixture::new(100);
    put(&mut fixture, ONE, false, "a", &["n=\"1\"", "n=\"2\""]);
    put(&mut fixture, ONE, false, "b", &["n=\"1\""]);
    put(&mut fixture, TWO, false, "a", &["n=\"3\""]);
    put(&mut fixture, ONE, false, "a", &["n=\"2\"", "n=\"4\""]);
    let after_post =
        [("a{n=\"2\"}", ONE), ("a{n=\"3\"}", TWO), ("a{n=\"4\"}", ONE), ("b{n=\"1\"}", ONE)];
    expect(&fixture, &after_post);
    put(&mut fixture, ONE, true, "a", &["n=\"4\""]);
    expect(&fixture, &[("a{n=\"3\"}", TWO), ("a{n=\"4\"}", ONE)]);
    put(&mut fixture, ONE, true, "a", &[]);
    expect(&fixture, &[("a{n=\"3\"}", TWO)]);
    put(&mut fixture, TWO, false, "a", &[]);
    expect(&fixture, &[]);
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn a_series_belongs_to_one_group_once() {
    let mut fixture = Fixture::new(100);
    put(&mut fixture, ONE, true, "a", &[""]);
    fixture.write(NOW, |push| push.family(Gauge, "b").scalar(Combine::Add, "", 1.0)).expect("fits");
    let cases: [(&str, &str, &[&str]); 5] = [
        (TWO, "a", &[""]),
        (ONE, "b", &[""]),
        (TWO, "b", &[""]),
        (TWO, "new", &["x=\"1\",y=\"2\"", "y=\"2\",x=\"1\""]),
        (ONE, "a", &["", ""]),
    ];
    for (group, name, series) in cases {
        let push = fixture.builder().group(group, true).family(Gauge, name);
        let push =
            series.iter().fold(push, |push, labels| push.scalar(Combine::Replace, labels, 1.0));
        let result = fixture.push(push.build(NOW));
        assert_eq!(result, Err(Reason::Inconsistent), "{group} {name}");
    }
    expect(&fixture, &[("a{}", ONE), ("b{}", "")]);
    // Outside of groups, a series is added to wherever it is.
    fixture.write(NOW, |push| push.family(Gauge, "a").scalar(Combine::Add, "", 4.0)).expect("fits");
    assert_eq!(fixture.scalar("a", NOW), 5.0);
    expect(&fixture, &[("a{}", ONE), ("b{}", "")]);
}

#[test]
fn a_family_that_goes_with_the_push_leaves_type_and_names_to_it() {
    let mut fixture = Fixture::new(5);
    let summary = |push: PushBuilder| {
        let push = push.group(ONE, false).family(Summary, "x").help("Old.", "");
        push.summary(Combine::Replace, "", 1, 1.0, &[0.5, 1.0])
    };
    fixture.write(NOW, summary).expect("fits");
    let counter = |push: PushBuilder, group, whole| {
        let push = push.group(group, whole).family(Counter, "x").scalar(Combine::Replace, "", 1.0);
        push.family(Counter, "x_sum").scalar(Combine::Replace, "", 1.0)
    };
    assert_eq!(fixture.write(NOW, |push| counter(push, TWO, true)), Err(Reason::TypeConflict));
    fixture.write(NOW, |push| counter(push, ONE, false)).expect("`x` goes with the push");
    assert_eq!((&*fixture.family("x").help, fixture.family("x").metric_type), ("", Counter));
    expect(&fixture, &[("x_sum{}", ONE), ("x{}", ONE)]);
    // `x_sum` is not pushed and not removed.
    assert_eq!(fixture.write(NOW, summary), Err(Reason::NameConflict));
    let whole = |push| summary(push).group(ONE, true);
    fixture.write(NOW, whole).expect("the whole group goes");
    assert_eq!(fixture.names(), ["x"]);
    assert_eq!(fixture.store.size(), StoreSize { series: 3, families: 1 });
    // A series of another group keeps the type.
    fixture.push(push_of(Operation::Wipe, NOW)).expect("nothing can be wrong");
    put(&mut fixture, ONE, true, "x", &["n=\"1\""]);
    put(&mut fixture, TWO, true, "x", &["n=\"2\""]);
    assert_eq!(fixture.write(NOW, |push| counter(push, ONE, true)), Err(Reason::TypeConflict));
}

#[test]
fn a_family_is_cleared_of_what_is_not_pushed() {
    let mut fixture = Fixture::new(3);
    put(&mut fixture, ONE, true, "x", &["n=\"1\""]);
    let write = |push: PushBuilder| {
        let push = push.family(Gauge, "x").scalar(Combine::Add, "n=\"2\"", 1.0);
        push.scalar(Combine::Add, "n=\"3\"", 1.0)
    };
    fixture.write(NOW, write).expect("fits");
    let clear = |push: PushBuilder| {
        let push = push.family(Gauge, "x").clears().scalar(Combine::Add, "n=\"3\"", 1.0);
        push.scalar(Combine::Add, "n=\"4\"", 1.0)
    };
    fixture.write(NOW, clear).expect("two go for one");
    expect(&fixture, &[("x{n=\"3\"}", ""), ("x{n=\"4\"}", "")]);
    assert_eq!(fixture.scalars("x", NOW)[0].1, 2.0);
    // Events of one push come one after the other.
    let batch = fixture.batch().gauge("x", "n=\"5\"", 1.0).mode(Mode::Family);
    let batch = batch.gauge("x", "n=\"6\"", 1.0).mode(Mode::Family).counter("c", "", 2.0).build();
    let events = push_of(Operation::Events(Box::new(batch)), NOW);
    assert_eq!(fixture.push(events).map(|applied| applied.series), Ok(3));
    expect(&fixture, &[("c{}", ""), ("x{n=\"6\"}", "")]);
    let mixed = fixture.batch().counter("new", "", 1.0).gauge("c", "", 2.0).build();
    let events = push_of(Operation::Events(Box::new(mixed)), NOW);
    assert_eq!(fixture.push(events), Err(Reason::TypeConflict));
}

#[test]
fn deleting_takes_exactly_what_is_meant() {
    let mut fixture = Fixture::new(100);
    let both = r#"job="1",instance="a""#;
    put(&mut fixture, ONE, true, "a", &[ONE, r#"job="1",instance="b""#]);
    put(&mut fixture, both, true, "a", &[both]);
    put(&mut fixture, TWO, true, "b", &[TWO, r#"note="job=\"1\"",job="2""#]);
    let delete =
        |labels: &str| push_of(Operation::DeleteGroup(Group { labels: labels.into() }), NOW);
    fixture.push(delete(r#"job="3""#)).expect("nothing is there");
    fixture.push(delete(ONE)).expect("is there");
    let note = r#"b{note="job=\"1\"",job="2"}"#;
    expect(&fixture, &[(r#"a{job="1",instance="a"}"#, both), (r#"b{job="2"}"#, TWO), (note, TWO)]);
    let matching = |pairs: &[&str]| {
        let pairs = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        push_of(Operation::DeleteMatching(Matching { pairs, absent: vec!["x".into()] }), NOW)
    };
    fixture.push(matching(&[ONE, r#"instance="b""#])).expect("nothing is there");
    fixture.push(matching(&[r#"instance="a""#, ONE])).expect("is there");
    assert_eq!(fixture.names(), ["b"]);
    expect(&fixture, &[(r#"b{job="2"}"#, TWO), (note, TWO)]);
    let groups = fixture.store.cut(NOW).groups.len();
    put(&mut fixture, r#"job="4""#, true, "c", &["x=\"1\""]);
    assert_eq!(fixture.store.cut(NOW).groups.len(), groups, "an index is used again");
    fixture.push(push_of(Operation::Wipe, NOW)).expect("nothing can be wrong");
    assert_eq!(fixture.store.size(), StoreSize::default());
    assert!(fixture.store.cut(NOW).groups.is_empty());
    put(&mut fixture, ONE, true, "b_sum", &[ONE]);
    expect(&fixture, &[(r#"b_sum{job="1"}"#, ONE)]);
}

/// A label of empty value is one that a series has not.
#[test]
fn what_must_be_absent_narrows_a_deletion() {
    let mut fixture = Fixture::new(100);
    let series = [r#"job="1",x="2""#, r#"x="",job="1""#, r#"job="1""#, r#"job="2""#];
    let write = |push: PushBuilder| {
        series
            .iter()
            .fold(push.family(Gauge, "a"), |push, labels| push.scalar(Combine::Add, labels, 1.0))
    };
    fixture.write(NOW, write).expect("fits");
    let matching = Matching { pairs: vec![ONE.into()], absent: vec!["x".into()] };
    fixture.push(push_of(Operation::DeleteMatching(matching), NOW)).expect("nothing can be wrong");
    let left: Vec<_> = fixture.scalars("a", NOW).into_iter().map(|(labels, _)| labels).collect();
    assert_eq!(left, [series[0], series[3]]);
}

/// What events of another time left under the name of a group's own.
#[test]
fn a_groups_own_family_prevails() {
    let mut fixture = Fixture::new(100);
    for metric_type in [Counter, Gauge] {
        let batch = fixture.batch().event(metric_type, "t", ONE, 1.0, &[]).build();
        assert_eq!(fixture.apply(&batch, NOW).processed, 1);
        let write = |push: PushBuilder| {
            push.group(ONE, true).family(Gauge, "t").prevails().scalar(Combine::Replace, ONE, 2.0)
        };
        fixture.write(NOW, write).expect("prevails");
        expect(&fixture, &[(r#"t{job="1"}"#, ONE)]);
        assert_eq!(fixture.scalar("t", NOW), 2.0);
        fixture.push(push_of(Operation::Wipe, NOW)).expect("nothing can be wrong");
    }
}

#[test]
fn a_cut_shows_nothing_of_later_removals() {
    let mut fixture = Fixture::new(100);
    put(&mut fixture, ONE, true, "a", &["n=\"1\"", "n=\"2\""]);
    put(&mut fixture, TWO, true, "a", &["n=\"3\""]);
    let cut = fixture.store.cut(NOW);
    put(&mut fixture, ONE, true, "a", &["n=\"4\""]);
    put(&mut fixture, r#"job="5""#, true, "a", &["n=\"5\""]);
    let before = Fixture { store: Store::restore(cut, 100), ..Fixture::new(1) };
    expect(&before, &[("a{n=\"1\"}", ONE), ("a{n=\"2\"}", ONE), ("a{n=\"3\"}", TWO)]);
    let restored = Fixture { store: Store::restore(fixture.store.cut(NOW), 100), ..before };
    let five = ("a{n=\"5\"}", r#"job="5""#);
    expect(&restored, &[("a{n=\"3\"}", TWO), ("a{n=\"4\"}", ONE), five]);
    assert_eq!(restored.store.size(), fixture.store.size());
}
