//! The dialect `replace`.

use super::*;
use crate::model::push::Group;
use Dialect::Replace;

type Path = &'static [(&'static str, &'static str)];

const JOB: [(&str, &str); 1] = [("job", "x")];

fn time_lines(labels: &str, succeeded: bool) -> Vec<String> {
    let (time, failure) =
        if succeeded { ("= 1700000000.5", "+ 0") } else { ("+ 0", "= 1700000000.5") };
    vec![
        format!("gauge push_time_seconds{{{labels}}} {time}"),
        format!("gauge push_failure_time_seconds{{{labels}}} {failure}"),
    ]
}

#[test]
fn everything_replaces_and_the_group_says_when() {
    let body = Body::default()
        .counter("c", "clearmode=sum,a=", -2.0)
        .gauge("g", "instance=i,job=y", f64::NAN)
        .gauge("push_time_seconds", "", 5.0)
        .counter("push_failure_time_seconds", "", 5.0)
        .family(MetricType::Histogram, "h")
        .histogram("", &[(0.5, 1), (f64::INFINITY, 2)], f64::NAN)
        .family(MetricType::Summary, "s")
        .summary("", &[(0.5, 1.0)], 3, 9.0);
    let mut expected: Vec<String> = [
        r#"counter c{a="",clearmode="sum",instance="",job="x"} = -2"#,
        r#"gauge g{instance="i",job="x"} = NaN"#,
        r#"histogram h{instance="",job="x"} = [0.5] [1, 2] sum NaN"#,
        r#"summary s{instance="",job="x"} = 3 sum 9 [0.5, 1.0]"#,
    ]
    .map(str::to_owned)
    .into();
    expected.extend(time_lines(r#"instance="",job="x""#, true));
    assert_eq!(meaning(Replace, &JOB, &body), expected);
}

#[test]
fn the_path_is_the_groups_key() {
    let table: [(Path, &str, &str); 3] = [
        (&JOB, r#"job="x""#, r#"instance="",job="x""#),
        (&[("job", "x"), ("instance", "")], r#"instance="",job="x""#, r#"instance="",job="x""#),
        (
            &[("job", "x"), ("z", "1"), ("instance", "i"), ("e", "")],
            r#"e="",instance="i",job="x",z="1""#,
            r#"e="",instance="i",job="x",z="1""#,
        ),
    ];
    for (path, key, labels) in table {
        for (method, whole) in [(Method::Post, false), (Method::Put, true)] {
            let options = options();
            let request = request(Replace, method, path);
            let write = write_with(&request, &Body::default(), &options).expect("taken");
            let group = write.group.as_ref().expect("a group");
            assert_eq!((&*group.group.labels, group.whole), (key, whole));
            assert_eq!(render(&write), time_lines(labels, true));
        }
        let deleted = interpret(&request(Replace, Method::Delete, path), &options());
        match &deleted.expect("taken").operation {
            Operation::DeleteGroup(group) => assert_eq!(group, &Group { labels: key.into() }),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_path_names_a_job_first() {
    let table: [(Path, &str); 4] = [
        (&[], "a path without job name"),
        (&[("job", "")], "an empty job name"),
        (&[("instance", "i"), ("job", "x")], r#"begins with the label "instance""#),
        (&[("job", "x"), ("a", "1"), ("a", "2")], r#"the label "a" stands twice"#),
    ];
    for (path, detail) in table {
        assert_refused(Replace, path, &Body::default(), Reason::InvalidLabel, detail);
        let unnamed = request(Replace, Method::Post, path);
        let failed = unnamed.failed().expect("a method that writes");
        interpret(&failed, &options()).expect_err(detail);
        interpret(&request(Replace, Method::Delete, path), &options()).expect_err(detail);
    }
}

#[test]
fn timestamps_and_series_that_stand_twice_refuse_the_push() {
    let body = Body::default().gauge("g", "a=1", 1.0).timestamp();
    let detail = r#"gauge g{a="1",instance="",job="x"}: a sample with a timestamp"#;
    assert_refused(Replace, &JOB, &body, Reason::InvalidValue, detail);
    let lenient = meaning(Dialect::Aggregate, &[], &body);
    assert_eq!(lenient, [r#"gauge g{a="1"} = 1"#]);

    // The path makes them the same.
    let body = Body::default().gauge("f", "", 1.0).gauge("g", "job=a", 1.0).scalar("job=b", 2.0);
    let detail = r#"gauge g{instance="",job="x"} stands twice in the push"#;
    assert_refused(Replace, &JOB, &body, Reason::Inconsistent, detail);
    // Another order does not make them differ.
    let body = Body::default().gauge("g", "a=1,b=2", 1.0).scalar("b=2,a=1", 2.0);
    let unsorted = DecodeOptions { sort_labels: false, ..options() };
    let refusal = write_with(&request(Replace, Method::Post, &JOB), &body, &unsorted);
    assert_eq!(refusal.expect_err("twice").reason, Reason::Inconsistent);
}

#[test]
fn a_failed_push_leaves_its_time() {
    for method in [Method::Post, Method::Put] {
        let request = PushRequest {
            idempotency_key: Some("k".into()),
            body: b"{".to_vec(),
            ..request(Replace, method, &JOB)
        };
        // It is kept as a record, and means the same whenever that is read.
        let record = request.failed().expect("a group that remembers").to_record();
        let failed = PushRequest::from_record(&record).expect("a record");
        let push = interpret(&failed, &options()).expect("taken");
        assert_eq!((push.ticket, push.at), (7, Timestamp(RECEIVED_AT_MILLISECONDS)));
        assert_eq!(push.idempotency, None);
        let Operation::Write(write) = &push.operation else { panic!("{push:?}") };
        let group = write.group.as_ref().expect("a group");
        assert_eq!((&*group.group.labels, group.whole), (r#"job="x""#, false));
        assert_eq!(render(write), time_lines(r#"instance="",job="x""#, false));
    }
    let nothing_remains = [
        request(Dialect::Aggregate, Method::Post, &JOB),
        request(Dialect::Sum, Method::Put, &JOB),
        request(Replace, Method::Delete, &JOB),
        request(Replace, Method::Wipe, &[]),
        PushRequest { format: BodyFormat::Events, ..request(Replace, Method::Post, &[]) },
    ];
    for request in nothing_remains {
        assert_eq!(request.failed(), None, "{request:?}");
    }
}
