//! What holds in all dialects: paths, methods, deletions, idempotency keys.

use super::*;
use crate::model::{Locator, RawEntry};
use Dialect::{Aggregate, Replace, Sum};

#[test]
fn label_names_in_the_path_are_checked() {
    for name in ["", "1a", "a-b", "__name__", "__a", "é"] {
        for dialect in [Aggregate, Sum, Replace] {
            let path = [("job", "x"), (name, "1")];
            let detail = format!("the label name {name:?} in the path");
            assert_refused(dialect, &path, &Body::default(), Reason::InvalidLabel, &detail);
        }
    }
    let any_names = DecodeOptions { utf8_names: true, ..options() };
    for (name, is_good) in [("é", true), ("a-b", true), ("", false), ("__a", false)] {
        let request = request(Aggregate, Method::Post, &[(name, "1")]);
        let taken = write_with(&request, &Body::default(), &any_names);
        assert_eq!(taken.is_ok(), is_good, "{name}");
    }
}

#[test]
fn labels_that_a_type_sets_itself_do_not_come_from_the_path() {
    let histogram = || Body::default().family(MetricType::Histogram, "h");
    let summary = || Body::default().family(MetricType::Summary, "s");
    let table = [
        ("le", histogram(), Some("the label le in the path, which the histogram \"h\"")),
        ("quantile", summary(), Some("the label quantile in the path, which the summary \"s\"")),
        ("quantile", histogram(), None),
        ("le", summary(), None),
        ("le", Body::default().gauge("g", "", 1.0), None),
    ];
    for (label, body, detail) in table {
        for dialect in [Aggregate, Sum, Replace] {
            let path = [("job", "x"), (label, "1")];
            match detail {
                Some(detail) => {
                    assert_refused(dialect, &path, &body, Reason::InvalidLabel, detail);
                }
                None => {
                    meaning(dialect, &path, &body);
                }
            }
        }
    }
}

#[test]
fn deletions_need_labels_and_a_wipe_needs_nothing() {
    for dialect in [Aggregate, Sum] {
        let path = [("job", "x\""), ("a", "1"), ("empty", "")];
        let push = interpret(&request(dialect, Method::Delete, &path), &options()).expect("taken");
        match &push.operation {
            Operation::DeleteMatching(Matching { pairs, absent }) => {
                assert_eq!(pairs, &[r#"job="x\"""#, r#"a="1""#]);
                assert_eq!(absent, &["empty"]);
            }
            other => panic!("{other:?}"),
        }
        for path in [&[][..], &[("job", "")]] {
            let refused = interpret(&request(dialect, Method::Delete, path), &options());
            let refusal = refused.expect_err("nothing to go by");
            assert_eq!(refusal.reason, Reason::InvalidLabel);
            assert!(refusal.detail.contains("a deletion without labels"), "{}", refusal.detail);
        }
    }
    for dialect in [Aggregate, Sum, Replace] {
        let push = interpret(&request(dialect, Method::Wipe, &[]), &options()).expect("taken");
        assert!(matches!(push.operation, Operation::Wipe));
    }
}

#[test]
fn a_put_in_aggregating_dialects_is_a_post() {
    for dialect in [Aggregate, Sum] {
        let body = Body::default().counter("c", "", 1.0);
        let request = request(dialect, Method::Put, &[]);
        let write = write_with(&request, &body, &options()).expect("taken");
        assert!(write.group.is_none());
        assert_eq!(render(&write), ["counter c{} + 1"]);
    }
}

#[test]
fn a_key_is_the_same_for_the_same_request_only() {
    let base = PushRequest {
        idempotency_key: Some("k".into()),
        body: b"body".to_vec(),
        ..request(Replace, Method::Wipe, &[("ab", "c")])
    };
    let key = |request: &PushRequest| {
        interpret(request, &options()).expect("taken").idempotency.expect("a key")
    };
    let again = PushRequest { ticket: 8, received_at_milliseconds: 1, ..base.clone() };
    assert_eq!(key(&again), key(&base));
    let labels = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let others = [
        PushRequest { dialect: Sum, ..base.clone() },
        PushRequest { method: Method::Delete, labels: labels("job", "c"), ..base.clone() },
        PushRequest { labels: labels("a", "bc"), ..base.clone() },
        PushRequest { labels: Vec::new(), ..base.clone() },
        PushRequest { format: BodyFormat::OpenMetrics, ..base.clone() },
        PushRequest { body: b"other".to_vec(), ..base.clone() },
    ];
    for other in others {
        assert_eq!(key(&other).key, key(&base).key);
        assert_ne!(key(&other).fingerprint, key(&base).fingerprint, "{other:?}");
    }
    let other_key = PushRequest { idempotency_key: Some("l".into()), ..base.clone() };
    assert_ne!(key(&other_key).key, key(&base).key);
    // The first half of the SHA-256 of "k".
    assert_eq!(key(&base).key[..4], [0x82, 0x54, 0xc3, 0x29]);
    let none = PushRequest { idempotency_key: None, ..base };
    assert_eq!(interpret(&none, &options()).expect("taken").idempotency, None);
}

#[test]
fn texts_that_the_path_makes_huge_are_refused() {
    let value = "v".repeat(1 << 20);
    let mut body = Body::default().family(MetricType::Gauge, "g");
    for index in 0..1100 {
        body = body.scalar(&format!("a={index}"), 1.0);
    }
    let path = [("job", value.as_str())];
    assert_refused(Aggregate, &path, &body, Reason::TooLarge, "expected less, in several pushes");
}

#[test]
fn bodies_are_parsed_and_empty_ones_are_writes_of_nothing() {
    let interpreted = |dialect, body: &str| {
        let body = body.as_bytes().to_vec();
        interpret(
            &PushRequest { body, ..request(dialect, Method::Post, &[("job", "x")]) },
            &options(),
        )
    };
    let lines = |dialect, body| match &interpreted(dialect, body).expect("taken").operation {
        Operation::Write(write) => render(write),
        other => panic!("{other:?}"),
    };
    let text = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{a=\"1\"} 2\nu 3 1700000000000\n";
    let expected = [r#"counter jobs_total{a="1",job="x"} + 2"#, r#"untyped u{job="x"} + 3"#];
    assert_eq!(lines(Aggregate, text), expected);
    assert_eq!(lines(Sum, text), expected);
    let refusal = interpreted(Replace, text).expect_err("a timestamp");
    assert_eq!(refusal.reason, Reason::InvalidValue);
    for (dialect, series) in [(Aggregate, 0), (Sum, 0), (Replace, 2)] {
        assert_eq!(lines(dialect, "").len(), series);
        let refusal = interpreted(dialect, "x {").expect_err("no metrics");
        assert_eq!(refusal.reason, Reason::InvalidExposition, "{refusal}");
        assert!(refusal.detail.starts_with("line 1, column "), "{refusal}");
    }
}

#[test]
fn a_small_body_behind_a_long_path_does_not_take_all_memory() {
    let long = "x".repeat(60_000);
    let lines = |count: usize| {
        let body = (0..count).map(|line| format!("a{line} 1\n")).collect::<String>().into();
        PushRequest { body, ..request(Aggregate, Method::Post, &[("job", &long)]) }
    };
    interpret(&lines(1_000), &options()).expect("60 MB of labels");
    let refusal = interpret(&lines(2_000), &options()).expect_err("120 MB of labels");
    assert_eq!(refusal.reason, Reason::TooLarge);
}

#[test]
fn a_record_keeps_names_that_new_pushes_may_not_have_any_more() {
    let body = b"{\"a.b\"} 1\n".to_vec();
    let request = PushRequest { body, ..request(Aggregate, Method::Post, &[("job", "x")]) };
    assert!(interpret(&request, &options()).is_err(), "such names are off");
    let entry = RawEntry {
        locator: Locator::Record(0),
        body: crate::model::Body::JournalRecord(request.to_record().into()),
    };
    let batch = crate::decode::decode(vec![entry], &options());
    assert_eq!((batch.pushes.len(), batch.bad.len()), (1, 0), "{:?}", batch.bad);
}
